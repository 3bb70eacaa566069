# How the two processes of split mode talk, a line of JSON each way, and the program's side of it. Part 4 of the supervisor.
#
#   the judge asks     [action, [target, argument, ...], [[keyword, value], ...]]
#   the program says   ["v", value, changes]    ["e", error, changes]    ["b", reason] where the answer is too large
#   or asks back       ["c", [number, argument, ...], [[keyword, value], ...]]: it calls a function that the tests gave it
#
# Beside the tags of Part 2: {"l": [0, contents]} labels a list, dict, set, bytearray or deque of a question, {"g": 0} is that
# same object again, and `changes` [[0, contents], ...] are those that the call changed in place. Only towards the program:
# {"k": 0} a function of the tests, {"p": text} an object of the standard library, pickled.
import base64
import collections
import json
import operator
import pickle
import sys

MUTABLE = (list, dict, set, bytearray, collections.deque)
# Where exceptions come from that cross as themselves; what a program raises besides becomes a subclass of the nearest.
ERROR_MODULES = ('builtins', 'decimal', 'json.decoder', 'queue', 're', 'statistics', 'struct', 'string')


def contents(container):
    """What is in a mutable container, as plain data."""
    if isinstance(container, dict):
        return dict(container)
    if isinstance(container, set):
        return set(container)
    return bytes(container) if isinstance(container, bytearray) else list(container)


def refill(container, new):
    """Puts other contents in a mutable container."""
    if type(new) is not type(contents(container)):
        raise ValueError('contents of another kind')
    container.clear()
    (container.update if isinstance(container, (dict, set)) else container.extend)(new)


class Message(Encoder):
    """Encodes one message. `given` are the containers that both sides know by number; a question adds its own."""

    def __init__(self, max_chars, keep, given, is_question=False):
        Encoder.__init__(self, max_chars, keep)
        self.given, self.is_question = given, is_question
        self.labels = {id(v): n for n, v in enumerate(given)}

    def walk(self, v, depth):
        label = self.labels.get(id(v))
        if label is not None:
            return {'g': label}
        body = Encoder.walk(self, v, depth)
        if not self.is_question or not isinstance(v, MUTABLE):
            return body
        self.labels[id(v)] = len(self.given)
        self.given.append(v)
        return {'l': [len(self.given) - 1, body]}

    def question(self, action, args, kwargs):
        return ENCODER.encode([action, self.items(args, 0), [[k, self.walk(v, 0)] for k, v in kwargs.items()]])

    def states(self):
        """The contents of each given container, encoded."""
        return [ENCODER.encode(Encoder.walk(self, contents(v), 0)) for v in self.given]

    def error(self, error):
        """Class, message, nearest known base, arguments; whether memory ran out; whether `except Exception` catches it."""
        name, text = describe(error)
        base = next(c for c in type(error).__mro__ if known_error(c.__module__, c.__name__) is c)
        try:
            args = self.items(error.args, 0)
        except BaseException:
            args = [text]
        return ENCODER.encode([name, text, [base.__module__, base.__name__], args, int(is_memory(error)),
                               int(isinstance(error, Exception))])


def known_error(module, name):
    """The exception class of that name in one of the modules above; None where there is none."""
    found = vars(sys.modules[module]).get(name) if module in ERROR_MODULES and module in sys.modules else None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def respond(message, given, action, args, kwargs):
    """Does what a question asks; returns the line that answers it. `message` makes a new encoder."""
    before = message().states() if given else ()

    def changes():
        after = message().states() if given else ()
        return ','.join('[%d,%s]' % (n, new) for n, (old, new) in enumerate(zip(before, after)) if new != old)

    try:
        value = action(*args, **kwargs)
    except Unanswerable:
        raise
    except BaseException as error:
        return '["e",%s,[%s]]' % (message().error(error), changes())
    return '["v",%s,[%s]]' % (message().encode(value), changes())


class Unanswerable(BaseException):
    """Ends the tests, whatever they catch."""


def serve(module, entry, link, max_chars):
    """Split mode: does what the judge's proxies ask until the judge hangs up."""
    objects, handles, functions = [], {}, {}
    requests = os.fdopen(os.dup(link), 'rb')
    actions = {
        'call': lambda target, /, *args, **kwargs: target(*args, **kwargs),
        'get': getattr, 'set': setattr, 'iter': iter, 'next': next, 'len': len, 'item': operator.getitem,
        'put': operator.setitem, 'str': str, 'repr': repr, 'isinstance': isinstance,
    }

    def keep(value):
        if id(value) not in handles:                 # objects are kept, so no other can have the same id later
            handles[id(value)] = len(objects)
            objects.append(value)
        return handles[id(value)]

    def send(line):
        write_all(link, line.encode() + b'\n')

    def receive(given):
        line = requests.readline()
        if not line:
            raise EOFError

        def hook(d):
            (tag, x), *more = d.items()
            if tag == 'h':
                return objects[x]
            if tag == 'l':
                given.append(bytearray(x[1]) if type(x[1]) is bytes else x[1])
                return given[-1]
            if tag == 'g':
                return given[x]
            if tag == 'k':
                return functions.setdefault(x, function_of_tests(x))
            if tag == 'p':
                return pickle.loads(base64.b64decode(x))
            return untag(d)

        return json.loads(line, object_hook=hook)

    def function_of_tests(number):
        def function(*args, **kwargs):
            given = []
            send(Message(max_chars, keep, given, True).question('c', [number, *args], kwargs))
            kind, value, changes = receive(given)
            for n, new in changes:
                refill(given[n], new)
            if kind == 'v':
                return value
            name, text, base, args, *_ = value
            raise (known_error(*base) or Exception)(*args)
        return function

    def names(wanted):
        """[name, handle, None or the known base of an exception class] of each name that the program defines."""
        found = []
        for name in wanted:
            try:
                value = eval(name, module.__dict__)
                is_error = isinstance(value, type) and issubclass(value, BaseException)
                base = next(c for c in value.__mro__ if known_error(c.__module__, c.__name__) is c) if is_error else None
                found.append([name, {'h': keep(value)}, [base.__module__, base.__name__] if is_error else None])
            except BaseException:
                pass
        return found

    while True:
        given = []
        try:
            action, args, kwargs = receive(given)
        except EOFError:
            return
        try:
            if action == 'names':
                reply = json.dumps(['names', names(args)])
            else:
                reply = respond(lambda: Message(max_chars, keep, given), given, actions[action], args, dict(kwargs))
        except TooBig as big:
            reply = json.dumps(['b', str(big)])
        except BaseException as error:
            reply = '["e",%s,[]]' % Message(max_chars, keep, ()).error(error)
        send(reply)
