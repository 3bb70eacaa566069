# The process that runs trusted test code in split mode; the program's functions are proxies. Part 6 of the supervisor.

NAMES = ('__name__', '__qualname__')                 # of a function: these cross

ENDINGS = (StopIteration, StopAsyncIteration, GeneratorExit)


class Stopped(Unanswerable):
    """The program ended, or said what no program says. kind: gone, big, malformed."""

    def __init__(self, kind, text=''):
        BaseException.__init__(self, plain(text, 500))
        self.kind = kind


class CandidateError(Exception):
    """An exception of the program that would end an iteration of the tests without a word."""


class Link:
    """Asks the program; every reply is checked, none is trusted."""

    def __init__(self, fd, max_bytes):
        self.fd, self.max_bytes = fd, max_bytes
        self.replies = os.fdopen(os.dup(fd), 'rb')
        self.lock = threading.RLock()
        self.proxies, self.functions, self.errors, self.tuples, self.raised = {}, [], {}, {}, []
        self.calls = 0
        self.stopped = None

    def stop(self, kind, text=''):
        self.stopped = self.stopped or Stopped(kind, text)
        raise self.stopped

    def line(self):
        line = self.replies.readline(self.max_bytes)
        if not line.endswith(b'\n'):
            self.stop('gone' if len(line) < self.max_bytes else 'malformed')
        return line

    def first_word(self):
        """None where the program says that it is loaded; otherwise what it raised, as the judge's own word."""
        line = self.line()
        if line == b'{"r":1}\n':
            return None
        try:
            told = json.loads(line)
            name, text = told['e']
            return {'v': 'error', 'e': [plain(name, 100), plain(text, 500)], 'm': int(told.get('m') == 1), 'x': 1}
        except Exception as error:
            self.stop('malformed', error)

    def receive(self, given):
        line = self.line()
        asks_back = line.startswith(b'["c"')
        given = [] if asks_back else given

        def hook(d):
            if type(d.get('h')) is int:
                return self.proxies.setdefault(d['h'], Proxy(self, d['h'], str(d.get('n', ''))[:100]))
            if 'l' in d and asks_back:
                given.append(bytearray(d['l'][1]) if type(d['l'][1]) is bytes else d['l'][1])
                return given[-1]
            if 'g' in d and 0 <= d['g'] < len(given):
                return given[d['g']]
            if 'x' in d:
                kind, *parts = d['x']
                return self.named_tuple(*parts) if kind == 'namedtuple' else standard(kind, *parts)
            return untag(d)

        try:
            return json.loads(line, object_hook=hook), given
        except Exception as error:
            self.stop('malformed', error)

    def named_tuple(self, handle, name, fields, items):
        """A tuple with these fields, which gets back to the program as the object that it is there."""
        if type(handle) is not int or len(fields) > 100:
            raise ValueError('no named tuple')
        key = (name, *fields)
        if key not in self.tuples:
            plain_tuple = collections.namedtuple(name, fields)
            self.tuples[key] = type(name, (plain_tuple,), {})
        value = self.tuples[key]._make(items)
        value._handle = handle
        return value

    def hold(self, function):
        """The number by which the program calls a function of the tests."""
        if function not in self.functions:
            self.functions.append(function)
        return self.functions.index(function)

    def send(self, line):
        try:
            write_all(self.fd, line.encode() + b'\n')
        except OSError:
            self.stop('gone')

    def ask(self, action, *args, **kwargs):
        with self.lock:
            self.calls += action == 'call'
            given = []
            try:
                self.send(Question(self, given, True).question(action, args, kwargs))
            except TooBig as error:
                raise ValueError(str(error))
            while True:
                reply, theirs = self.receive(given)
                try:
                    kind, *parts = reply
                    if kind == 'c':
                        (number, *args), kwargs = parts
                        function, kwargs = self.functions[number], dict(kwargs)
                    elif kind == 'b':
                        text, = parts
                    else:
                        value, changes = parts
                        for n, new in changes:
                            refill(given[n], new)
                        error = self.rebuild(action, value) if kind == 'e' else None
                        if kind not in ('v', 'e'):
                            raise ValueError(kind)
                except Exception as error:
                    self.stop('malformed', error)
                if kind == 'b':
                    self.stop('big', text)
                if kind == 'v':
                    return value
                if kind == 'e':
                    raise error
                try:
                    self.send(respond(lambda: Question(self, theirs), theirs, function, args, kwargs))
                except TooBig as big:
                    self.stop('big', big)

    def names(self, wanted):
        """What the program has of these names: proxies, and exception classes as classes that the tests can catch."""
        self.send(json.dumps(['names', wanted, []]))
        reply, _ = self.receive([])
        found = {}
        try:
            kind, pairs = reply
            for name, proxy, base in pairs:
                if kind == 'names' and name in wanted and type(proxy) is Proxy:
                    found[name] = proxy if base is None else self.error_class(name, known_error(*base))
        except Exception as error:
            self.stop('malformed', error)
        return found

    def error_class(self, name, base):
        """`base` itself where it has the name; otherwise a subclass of it, the same one each time."""
        if base.__name__ == name:
            return base
        shown = {'__str__': lambda e: e.of_candidate[1] if hasattr(e, 'of_candidate') else base.__str__(e)}
        return self.errors.setdefault((name, base), type(name, (base,), shown))

    def rebuild(self, action, told):
        name, text, base, _, memory, ordinary, _, _, number = told
        own = None if number is None else self.raised[number]
        if isinstance(own, Exception) and not isinstance(own, ENDINGS):
            return own                               # a function of the tests raised it; it cannot end them quietly
        name, text = plain(name, 100), plain(text, 500)
        known = known_error(*base)
        if ordinary != issubclass(known, Exception):
            raise ValueError('an exception of another kind')
        if action != 'next' and issubclass(known, ENDINGS):
            known = CandidateError
        error = rebuild(self.error_class(name, known), told, lambda part: self.rebuild(action, part))
        error.of_candidate = [name, text, int(memory == 1)]
        return error


class Proxy:
    """An object of the program. No comparison is forwarded: equality with it is identity here."""

    __slots__ = ('_link', '_handle', '_type')

    def __init__(self, link, handle, name):
        object.__setattr__(self, '_link', link)
        object.__setattr__(self, '_handle', handle)
        object.__setattr__(self, '_type', name)

    def __call__(self, /, *args, **kwargs):
        return self._link.ask('call', self, *args, **kwargs)

    def __getattr__(self, name):
        if name.startswith('__') and name not in NAMES:
            raise AttributeError(name)
        return self._link.ask('get', self, name)

    def __setattr__(self, name, value):
        self._link.ask('set', self, name, value)

    def __iter__(self):
        iterator = self._link.ask('iter', self)
        while True:
            try:
                value = self._link.ask('next', iterator)
            except StopIteration:
                return
            yield value

    def __next__(self):
        return self._link.ask('next', self)

    def __len__(self):
        return self._link.ask('len', self)

    def __getitem__(self, key):
        return self._link.ask('item', self, key)

    def __setitem__(self, key, value):
        self._link.ask('put', self, key, value)

    def __instancecheck__(self, value):
        return self._link.ask('isinstance', value, self)

    def __bool__(self):
        return self._link.ask('bool', self) is True

    def __round__(self, digits=None):
        return self._link.ask('op', 'round', self, digits)

    def __str__(self):
        return self._link.ask('str', self)

    def __repr__(self):
        return self._link.ask('repr', self)


def binary(name):
    def operate(self, other):
        return self._link.ask('op', name, self, other) if isinstance(other, Proxy) else NotImplemented
    return operate


for _name in BINARY:
    setattr(Proxy, '__%s__' % _name, binary(_name))
for _name in UNARY:
    if _name != 'round':
        setattr(Proxy, '__%s__' % _name, lambda self, _name=_name: self._link.ask('op', _name, self))


class Uncrossable(TypeError):
    """The tests give the program what has no meaning in its process."""


class Question(Message):
    """Encodes what the tests give the program."""

    def __init__(self, link, given, is_question=False):
        Message.__init__(self, link.max_bytes, link.hold, given, is_question)
        self.link = link

    def raised(self, error):
        self.link.raised.append(error)
        return len(self.link.raised) - 1

    def other(self, t, v, depth):
        if issubclass(t, Proxy) or t in self.link.tuples.values():
            return {'h': v._handle}
        if t in (bytes, bytearray, complex, fractions.Fraction):
            return Encoder.other(self, t, v, depth)
        is_function = callable(v) and not isinstance(v, type)
        try:
            # A function of a module is found again by its name; what belongs to an object stays with it.
            own = is_function and not (hasattr(v, '__qualname__') and isinstance(getattr(v, '__self__', sys), types.ModuleType))
            data = b'__main__' if own else pickle.dumps(v)
        except Exception:
            data = b'__main__'
        if b'__main__' not in data:                  # nothing in it is a class or function of the tests
            return {'p': base64.b64encode(data).decode()}
        if is_function:
            return {'k': self.keep(v)}
        raise Uncrossable('the program is given a %s, which cannot cross to its process' % t.__name__)


def failing_line(error, tests):
    """The deepest line of the tests on the error's way up: [number from 1, text]."""
    found, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == '<tests>':
            found = trace.tb_lineno
        trace = trace.tb_next
    lines = tests.splitlines()
    return [found, plain(lines[found - 1].strip(), 200) if 0 < found <= len(lines) else '']


def run_judge(job, spec, channel, link_fd):
    """Runs the tests and says one line: {"v": passed|failed|error|exit|gone|big|malformed|fault, "at": line, "e": exception}."""
    result = {'v': 'passed'}
    text = spec['tests']
    link = Link(link_fd, job['result'])
    try:
        failure = link.first_word()
        if failure:
            result = failure
        else:
            tests = Tests(spec, job['entry'])
            found = link.names(tests.wanted)
            missing = [n for n in (job['entry'], *tests.wanted) if n not in found]
            if missing:
                result = {'v': 'error', 'e': ['NameError', 'the program defines no %s' % missing[0]], 'x': 1}
            else:
                tests.run(found)
                if not link.calls:
                    result = {'v': 'fault', 'e': ['', 'nothing called %s' % job['entry']]}
    except Fault as fault:
        result = {'v': 'fault', 'at': [fault.line or 0, ''], 'e': ['', str(fault)]}
    except Stopped:
        pass
    except BaseException as error:
        told = getattr(error, 'of_candidate', None)
        kind = 'failed' if not told else 'error' if isinstance(error, Exception) else 'exit'
        result = {'v': kind, 'at': failing_line(error, text), 'e': told[:2] if told else describe(error)}
        if told:
            result['m'] = told[2]
    if link.stopped:                                 # even where the tests caught it
        result = {'v': link.stopped.kind, 'at': failing_line(link.stopped, text), 'e': ['', str(link.stopped)]}
    write_all(channel, json.dumps(result).encode() + b'\n')
