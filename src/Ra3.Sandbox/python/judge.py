# The process that runs trusted test code in split mode; the program's functions are proxies. Part 4 of the supervisor.
import ast
import builtins


class Stopped(BaseException):
    """The program ended, or said what no program says: not for the tests to catch. kind: gone, exit, big, malformed."""

    def __init__(self, kind, name='', text=''):
        BaseException.__init__(self, plain(text, 500))
        self.kind, self.name = kind, plain(name, 100)


class CandidateError(Exception):
    """An exception of the program whose class the judge does not know."""


class Link:
    """Asks the program; every reply is checked, none is trusted."""

    def __init__(self, fd, max_bytes):
        self.fd, self.max_bytes = fd, max_bytes
        self.replies = os.fdopen(os.dup(fd), 'rb')

    def line(self):
        line = self.replies.readline(self.max_bytes)
        if not line.endswith(b'\n'):
            raise Stopped('gone' if len(line) < self.max_bytes else 'malformed')
        return line

    def read(self):
        line = self.line()
        try:
            return json.loads(line, object_hook=self.hook)
        except Exception as error:
            raise Stopped('malformed', text=error)

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
            raise Stopped('malformed', text=error)

    def hook(self, d):
        handle = d.get('h')
        if type(handle) is int:
            return Proxy(self, handle, str(d.get('n', ''))[:100])
        return untag(d)

    def ask(self, *request):
        try:
            line = ProxyEncoder(self.max_bytes).encode(list(request))
        except TooBig as error:
            raise ValueError(str(error))
        try:
            write_all(self.fd, line.encode() + b'\n')
        except OSError:
            raise Stopped('gone')
        reply = self.read()
        kind = reply[0] if type(reply) is list and reply and type(reply[0]) is str else None
        if kind == ('names' if request[0] == 'names' else 'v') and len(reply) == 2:
            return reply[1]
        if kind == 'b' and len(reply) == 2:
            raise Stopped('big', text=reply[1])
        if kind == 'e' and len(reply) == 5:
            _, name, text, memory, ordinary = reply
            if not ordinary:
                raise Stopped('exit', name, text)
            raise self.rebuild(plain(name, 100), plain(text, 500), memory)
        raise Stopped('malformed')

    def names(self, wanted):
        """The proxies of those of the wanted names that the program has."""
        found = self.ask('names', sorted(wanted))
        if type(found) is not list or any(type(pair) is not list or len(pair) != 2 or type(pair[0]) is not str
                                          or type(pair[1]) is not Proxy for pair in found):
            raise Stopped('malformed')
        return {name: proxy for name, proxy in found if name in wanted}

    @staticmethod
    def rebuild(name, text, memory):
        known = getattr(builtins, name, None)
        error = None
        if isinstance(known, type) and issubclass(known, Exception):
            try:
                error = known(text)
            except Exception:
                pass
        if error is None:
            error = CandidateError('%s: %s' % (name, text))
        error.of_candidate = [name, text, int(memory == 1)]
        return error


class Proxy:
    """An object of the program. No __eq__, __hash__ or __bool__ is forwarded: equality with it is identity here."""

    __slots__ = ('_link', '_handle', '_type')

    def __init__(self, link, handle, name):
        object.__setattr__(self, '_link', link)
        object.__setattr__(self, '_handle', handle)
        object.__setattr__(self, '_type', name)

    def __call__(self, *args, **kwargs):
        return self._link.ask('call', self, list(args), kwargs)

    def __getattr__(self, name):
        if name.startswith('__'):
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

    def __len__(self):
        return self._link.ask('len', self)

    def __getitem__(self, key):
        return self._link.ask('item', self, key)

    def __bool__(self):
        return True

    def __repr__(self):
        return '<%s of the program>' % self._type


class ProxyEncoder(Encoder):
    def other(self, t, v, depth):
        if t is Proxy:
            return {'h': v._handle}
        if t.__module__ not in ('builtins', 'collections', 'enum') and not issubclass(t, (int, float, str, tuple, list,
                                                                                         dict, set, frozenset)):
            raise TypeError('the tests pass a %s, which cannot cross to the program' % t.__name__)
        return Encoder.other(self, t, v, depth)


def free_names(tree):
    """Names that the tests read and never bind."""
    loads, stores = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (loads if isinstance(node.ctx, ast.Load) else stores).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            stores.add(node.name)
        elif isinstance(node, ast.arg):
            stores.add(node.arg)
        elif isinstance(node, ast.alias):
            stores.add(node.asname or node.name.split('.')[0])
    return loads - stores


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
    """Runs the tests and says one line: {"v": passed|failed|error|gone|exit|big|malformed, "at": line, "e": exception}."""
    result = {'v': 'passed'}
    tests = spec['tests']
    try:
        link = Link(link_fd, job['result'])
        failure = link.first_word()
        if failure:
            result = failure
        else:
            namespace = {'__name__': 'tests', '__builtins__': builtins}
            exec(compile(spec['prelude'], '<prelude>', 'exec'), namespace)
            tree = ast.parse(tests, '<tests>')
            wanted = {n for n in free_names(tree) if n not in namespace and not hasattr(builtins, n)}
            found = link.names(wanted | {job['entry']})
            if job['entry'] not in found:
                result = {'v': 'error', 'e': ['NameError', 'the program defines no %s' % job['entry']], 'x': 1}
            else:
                namespace.update({n: found[n] for n in wanted if n in found})
                namespace[job['entry']] = namespace['candidate'] = found[job['entry']]
                exec(compile(tree, '<tests>', 'exec'), namespace)
    except Stopped as stop:
        result = {'v': stop.kind, 'at': failing_line(stop, tests), 'e': [stop.name, str(stop)]}
    except BaseException as error:
        told = getattr(error, 'of_candidate', None)
        kind = 'error' if told else 'failed'
        result = {'v': kind, 'at': failing_line(error, tests), 'e': told[:2] if told else describe(error)}
        if told:
            result['m'] = told[2]
    write_all(channel, json.dumps(result).encode() + b'\n')
