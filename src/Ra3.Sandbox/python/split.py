# How the two processes of split mode talk, a line of JSON each way, and the program's side of it. Part 4 of the supervisor.
#
#   the judge asks     [action, [target, argument, ...], [[keyword, value], ...]]
#   the program says   ["v", value, changes]    ["e", error, changes]    ["b", reason] where the answer is too large
#   or asks back       ["c", [number, argument, ...], [[keyword, value], ...]]: it calls a function that the tests gave it
#
# Beside the tags of Part 2: {"l": [0, contents]} labels a list, dict, set, bytearray or deque of a question, {"g": 0} is that
# same object again, and `changes` [[0, contents], ...] are those that the call changed in place. Only towards the program:
# {"k": 0} a function of the tests, {"p": text} an object of the standard library, pickled. {"x": [type, part, ...]} is one
# that Message.other takes apart.
import array
import base64
import builtins
import collections
import datetime
import json
import operator
import pickle
import sys
import types

MUTABLE = (list, dict, set, bytearray, collections.deque, types.SimpleNamespace)
# Operators that the program does for the tests: between objects of its own, so that none learns what is wanted of it.
BINARY = ('add', 'sub', 'mul', 'truediv', 'floordiv', 'mod', 'pow', 'matmul', 'and', 'or', 'xor', 'lshift', 'rshift')
UNARY = {'neg': operator.neg, 'pos': operator.pos, 'abs': abs, 'invert': operator.invert, 'float': float, 'int': int,
         'reversed': reversed, 'round': round}
OPERATORS = dict(UNARY, **{n: getattr(operator, '__%s__' % n) for n in BINARY})
# Where exceptions come from that cross as themselves; what a program raises besides becomes a subclass of the nearest.
ERROR_MODULES = ('builtins', 'decimal', 'json.decoder', 'queue', 're', 'statistics', 'struct', 'string')


def contents(container):
    """What is in a mutable container, as plain data."""
    if isinstance(container, types.SimpleNamespace):
        return dict(vars(container))
    if isinstance(container, dict):
        return dict(container)
    if isinstance(container, set):
        return set(container)
    return bytes(container) if isinstance(container, bytearray) else list(container)


def refill(container, new):
    """Puts other contents in a mutable container."""
    if type(new) is not type(contents(container)):
        raise ValueError('contents of another kind')
    if isinstance(container, types.SimpleNamespace):
        container = vars(container)
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
        if not self.is_question or not isinstance(v, MUTABLE) or type(body) is dict and 'h' in body:
            return body
        self.labels[id(v)] = len(self.given)
        self.given.append(v)
        return {'l': [len(self.given) - 1, body]}

    def question(self, action, args, kwargs):
        return ENCODER.encode([action, self.items(args, 0), [[k, self.walk(v, 0)] for k, v in kwargs.items()]])

    def states(self):
        """The contents of each given container, encoded."""
        return [ENCODER.encode(Encoder.walk(self, contents(v), 0)) for v in self.given]

    def other(self, t, v, depth):
        """Types of the standard library that are no plain data cross as themselves, where nothing is asked of them."""
        if t is range:
            return {'x': ['range', v.start, v.stop, v.step]}
        if t is collections.deque:
            return {'x': ['deque', self.items(v, depth), v.maxlen]}
        if t is collections.defaultdict:
            return {'x': ['defaultdict', self.walk(v.default_factory, depth), self.walk(dict(v), depth)]}
        if t in (collections.OrderedDict, collections.Counter):
            return {'x': [t.__name__, self.walk(dict(v), depth)]}
        if t is array.array:
            return {'x': ['array', v.typecode, self.items(v.tolist(), depth)]}
        if t in (datetime.date, datetime.time, datetime.datetime):
            return {'x': [t.__name__, v.isoformat()]}
        if t is datetime.timedelta:
            return {'x': ['timedelta', v.days, v.seconds, v.microseconds]}
        if t is types.SimpleNamespace:
            return {'x': ['namespace', self.walk(dict(vars(v)), depth)]}
        if tuple in t.__mro__ and type(getattr(t, '_fields', None)) is tuple:
            items = self.items(tuple.__iter__(v), depth)
            return {'x': ['namedtuple', self.keep(v), str(t.__name__)[:100], list(t._fields), items]}
        return Encoder.other(self, t, v, depth)

    def error(self, error):
        return ENCODER.encode(self.told(error, 0))

    def told(self, error, depth):
        """Class, message, nearest known base, arguments; whether memory ran out; whether `except Exception` catches it;
        attributes, exceptions of a group, and the number of an exception that a function of the tests raised."""
        name, text = describe(error)
        base = next(c for c in type(error).__mro__ if known_error(c.__module__, c.__name__) is c)
        group = BaseExceptionGroup in type(error).__mro__ and depth < MAX_DEPTH
        parts = [self.told(e, depth + 1) for e in error.exceptions] if group else []
        attributes = {}
        try:
            args = self.items(error.args[:1] if group else error.args, 0)
        except BaseException:
            args = [text]
        for key in (*vars(error), *ERROR_PARTS):
            try:
                attributes[key] = self.walk(getattr(error, key), 0)
            except BaseException:
                pass                                 # not there, or it cannot cross
        return [name, text, [base.__module__, base.__name__], args, int(is_memory(error)),
                int(isinstance(error, Exception)), list(attributes.items()), parts, self.raised(error)]

    def raised(self, error):
        """The number of an exception that a function of the tests raised; None for every other."""
        return None


ERROR_PARTS = ('errno', 'strerror', 'filename', 'filename2', 'winerror')
# Python 3.10 and older have no groups.
BaseExceptionGroup = getattr(builtins, 'BaseExceptionGroup', ())


def standard(kind, *parts):
    """Undoes what Message.other does, for data whose sender is bound to nothing: anything odd raises."""
    if any(type(p) not in (int, str, list, dict, type(None)) for p in parts[kind == 'defaultdict':]):
        raise ValueError('no plain parts')
    if kind == 'range':
        return range(*parts)
    if kind == 'deque':
        items, most = parts
        return collections.deque(items, most)
    if kind == 'defaultdict':
        factory, items = parts
        return collections.defaultdict(factory, {**items})
    if kind in ('OrderedDict', 'Counter'):
        items, = parts
        return getattr(collections, kind)({**items})
    if kind == 'array':
        code, items = parts
        return array.array(code, items)
    if kind in ('date', 'time', 'datetime'):
        text, = parts
        return getattr(datetime, kind).fromisoformat(text)
    if kind == 'timedelta':
        return datetime.timedelta(*parts)
    if kind == 'namespace':
        items, = parts
        return types.SimpleNamespace(**items)
    raise ValueError('unknown kind')


def rebuild(kind, told, rebuild_part):
    """An exception of a class, with the arguments and attributes that were told of it."""
    name, text, _, args, _, _, attributes, parts, _ = told
    try:
        error = kind(*args, [rebuild_part(p) for p in parts]) if parts else kind(*args)
    except Exception:
        error = kind.__new__(kind)
        error.args = (plain(text, 500),)
    for key, value in attributes:
        is_method = callable(getattr(kind, key, None))
        if value is not None and key.isidentifier() and not key.startswith('__') and not is_method:
            setattr(error, key, value)
    return error


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
    objects, handles, functions, raised = [], {}, {}, []
    requests = os.fdopen(os.dup(link), 'rb')
    actions = {
        'call': lambda target, /, *args, **kwargs: target(*args, **kwargs),
        'get': getattr, 'set': setattr, 'iter': iter, 'next': next, 'len': len, 'item': operator.getitem,
        'put': operator.setitem, 'str': str, 'repr': repr, 'isinstance': isinstance, 'bool': bool,
        'op': lambda name, *operands: OPERATORS[name](*operands),
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
            if tag == 'x':
                return standard(*x)
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
            raise again(value)
        return function

    def again(told):
        """An exception of the tests: one of the same name, and where it gets back to them it is the same again."""
        base = known_error(*told[2]) or Exception
        error = rebuild(base if base.__name__ == told[0] else type(told[0], (base,), {}), told, again)
        raised.append((error, told[-1]))
        return error

    class Answer(Message):
        def raised(self, error):
            return next((number for e, number in raised if e is error), None)

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
                reply = respond(lambda: Answer(max_chars, keep, given), given, actions[action], args, dict(kwargs))
        except TooBig as big:
            reply = json.dumps(['b', str(big)])
        except BaseException as error:
            reply = '["e",%s,[]]' % Answer(max_chars, keep, ()).error(error)
        send(reply)
