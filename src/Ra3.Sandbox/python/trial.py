# Tries tests before any program is judged by them. Part 7 of the supervisor.
import copy

# Of a function's attributes, what cannot cross.
PARTS = ('__signature__', '__code__', '__defaults__', '__kwdefaults__', '__closure__', '__globals__')
TRIAL_SECONDS = 2                                    # tests that wait for a right answer are not waited for


class Undecided(Unanswerable):
    """The tests go on and on: they call the function, and that is all that can be said."""


class Trial(Link):
    """Stands for the program: answers every call with an object that equals nothing, or everything, or with None.
    feeds: each iterator yields once, so that the bodies of loops are seen."""

    def __init__(self, tests, max_bytes, answer, feeds=False):
        self.tests, self.max_bytes, self.answer = tests, max_bytes, answer
        self.functions, self.calls, self.fault, self.tuples, self.raised = [], 0, None, {}, []
        self.feeds, self.fed, self.timed_out = feeds, [], False

    def ask(self, action, *args, **kwargs):
        try:
            self.tests.require_surroundings(None)
            Question(self, [], True).question(action, args, kwargs)
        except (Fault, Uncrossable, TooBig) as error:
            self.stop(str(error))
        if action == 'next':
            if not self.feeds or any(i is args[0] for i in self.fed):
                raise StopIteration
            self.fed.append(args[0])
            return Sentinel(self, 0, '')
        if action == 'get' and args[1] in NAMES:
            return self.tests.entry
        if action == 'call':
            self.calls += 1
            if self.answer == 'None':
                return None
        if action == 'bool':
            return True
        if action in ('call', 'get', 'item', 'iter', 'op'):
            return Sentinel(self, 0, self.type_of(action, args[0]._type if action != 'op' else args[1]._type))
        return {'len': 0, 'str': '', 'repr': '', 'isinstance': False}.get(action)

    @staticmethod
    def type_of(action, of):
        """What an answer is. Of the class under test it is known what its calls and operators make, not what is in it."""
        if of not in ('entry', 'made'):
            return of and 'object'
        return 'made' if action == 'op' or (action, of) == ('call', 'entry') else ''

    def stop(self, text):
        """Says the fault of the line that runs now; it counts even where the tests catch it."""
        frame = sys._getframe()
        while frame and frame.f_code.co_filename != '<tests>':
            frame = frame.f_back
        self.fault = self.fault or Fault(frame and frame.f_lineno, text)
        raise self.fault

    def check(self, error):
        """Nothing that was raised before the first call can be the program's doing, nor can a missing module."""
        if isinstance(error, AssertionError) and not self.calls and not self.tests.others and names_in(
                [self.tests.tree]).isdisjoint({self.tests.entry.split('(')[0].split('.')[0], 'candidate', *COLLECTORS}):
            raise Fault(None, 'nothing calls %s' % self.tests.entry)
        if not self.calls or isinstance(error, ImportError):
            raise Fault(failing_line(error, '')[0] or None, 'raises %s by itself: %s' % tuple(describe(error)))

    def out_of_time(self, *_):
        self.timed_out = True
        raise Undecided


class Sentinel(Proxy):
    """What the stub answers. type: not empty for a class that the program defines, and for what is made by it: class and
    object, or entry and made where the class itself is under test."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __getattr__(self, name):
        if name in PARTS:
            self._link.stop("'%s' of the program's function is asked for, which stays in its process" % name)
        return Proxy.__getattr__(self, name)

    def __eq__(self, other):
        if isinstance(other, Sentinel) and other is not self and (self._type or other._type):
            self.refuse('==')
        return self is other or self._link.answer == 'everything'

    def __contains__(self, item):
        if self._type in ('object', 'made'):
            self.refuse('in')
        return any(part is item or part == item for part in self)

    def refuse(self, sign):
        compares = sign in ('==', 'in', *ORDERS)
        self._link.stop((
            "objects of the program's own classes are compared, whose %s nobody can trust: compare their parts" if compares else
            "'%s' of the program's own class meets a plain value, which it may not learn: call a method") % sign)


def refusing(sign, ordinary=lambda self, other: NotImplemented):
    """An operator that nobody can do for the program with this operand."""
    def refuse(self, other):
        if self._type in ('object', 'made') and (sign in ORDERS or not isinstance(other, Proxy)):
            self.refuse(sign)
        return ordinary(self, other)
    return refuse


ORDERS = {'<': 'lt', '<=': 'le', '>': 'gt', '>=': 'ge'}
for _sign, _name in ORDERS.items():
    setattr(Sentinel, '__%s__' % _name, refusing(_sign))
for _name in BINARY:
    for _form in ('__%s__', '__r%s__'):
        _known = getattr(Proxy, _form % _name, lambda *_: NotImplemented)
        setattr(Sentinel, _form % _name, refusing(_form % _name, _known))


class Onward(ast.NodeTransformer):
    """Lets tests go on behind an assertion that fails."""

    def visit_Assert(self, node):
        failed = ast.parse('try: pass\nexcept Exception as __error__: __failed__(__error__)').body[0]
        for part in ast.walk(failed):
            if hasattr(part, 'lineno'):
                ast.copy_location(part, node)
        failed.body = [node]
        return failed


def fails(trial, found, tree=None):
    """Whether the tests fail against the stub; True too where they wait for a right answer."""
    signal.signal(signal.SIGPROF, trial.out_of_time)
    signal.setitimer(signal.ITIMER_PROF, TRIAL_SECONDS)
    try:
        trial.tests.run(found, tree)
        failed = False
    except Undecided:
        failed = True
    except Unanswerable as fault:
        raise trial.fault or fault
    except BaseException as error:
        trial.check(error)
        failed = True
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if trial.fault:
        raise trial.fault
    return failed


class Reached:
    """Which functions and lines of the tests run."""

    def __init__(self):
        self.functions, self.lines = set(), set()

    def __call__(self, frame, event, _):
        if frame.f_code.co_filename != '<tests>':
            return None
        self.functions.add((frame.f_code.co_name, frame.f_code.co_firstlineno))
        return self.line

    def line(self, frame, event, _):
        self.lines.add(frame.f_lineno)
        return self.line

    def require(self, tests, given):
        """Every test, and every function that asserts, must have run, or be called from where this run did not come."""
        functions = [n for n in ast.walk(tests.tree) if isinstance(n, ast.FunctionDef)]
        run = [n for n in functions if not self.functions.isdisjoint(places(n)) and (
            not any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in own_nodes(n))
            or any(part.lineno in self.lines for part in n.body))]
        # What the program is given it may call, which the stub does not; what unittest collects may stop at a setUp.
        given = {place for f in given for place in codes_of(f)}
        of_unittest = collected(tests.tree)
        ahead = [n for n in functions if n not in run and (not given.isdisjoint(places(n)) or n in of_unittest)]
        used = set()
        for node in (tests.tree, *run):
            used |= names_in(n for n in own_nodes(node) if isinstance(n, ast.Lambda) or n.lineno not in self.lines)
        while True:
            used |= names_in(ahead)
            if used & (COLLECTORS | {'getattr'}):
                return                               # whoever uses one of these may call functions that no line names
            more = [n for n in functions if n.name in used and n not in run and n not in ahead]
            if not more:
                break
            ahead += more
        for node in functions:
            if node not in run and node not in ahead and (node.name.lower().startswith('test') or any(
                    isinstance(n, ast.Assert) for n in own_nodes(node))):
                raise Fault(node.lineno, "nothing calls '%s': call it behind its definition" % node.name)


def own_nodes(node):
    """What runs where the node stands, without the bodies of functions in it."""
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        part = waiting.pop()
        if hasattr(part, 'lineno'):
            yield part
        is_function = isinstance(part, ast.FunctionDef)
        waiting += part.decorator_list + part.args.defaults if is_function else ast.iter_child_nodes(part)


def places(node):
    """Name and first line of a function, as its code may have them."""
    return {(node.name, line) for line in (node.lineno, *(d.lineno for d in node.decorator_list))}


def codes_of(function):
    """Names and first lines of the functions that a call of this one may run."""
    found, waiting = {}, [function]
    while waiting:
        part = waiting.pop()
        if id(part) in found or isinstance(part, Proxy) or not callable(part):
            continue
        found[id(part)] = part
        waiting += [getattr(part, n, None) for n in ('func', '__func__', '__wrapped__')] + list(getattr(part, 'args', ()))
        waiting += [getattr(type(part), '__call__', None)]
        waiting += [c.cell_contents for c in getattr(part, '__closure__', None) or () if c != types.CellType()]
    return {(c.co_name, c.co_firstlineno) for c in (getattr(p, '__code__', None) for p in found.values()) if c}


def collected(tree):
    """The test methods that unittest finds, where anything asks it to."""
    if names_in([tree]).isdisjoint(COLLECTORS | {'run', 'debug'}):
        return []
    cases, classes = {'TestCase'}, [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    for _ in classes:
        cases |= {c.name for c in classes if names_in(c.bases) & cases}
    return [n for c in classes if c.name in cases for n in c.body
            if isinstance(n, ast.FunctionDef) and n.name.startswith('test')]


def try_out(tests, max_bytes):
    """Runs the tests against functions that answer nothing right: they must call the function, and must not pass."""
    def stub(answer, feeds=False):
        trial = Trial(tests, max_bytes, answer, feeds)
        return trial, {n: Sentinel(trial, 0, '' if not n.isidentifier() or not n[0].isupper() else
                                   'entry' if n == tests.entry else 'class') for n in tests.wanted}

    trial, found = stub('nothing')
    found['__failed__'] = trial.check
    # First to see every line, then to see whether they fail as they stand.
    onward = ast.fix_missing_locations(Onward().visit(copy.deepcopy(tests.tree)))
    fails(trial, found, onward)
    if not trial.calls:
        raise Fault(None, 'they do not end, and have not called %s by then' % tests.entry if trial.timed_out
                    else 'nothing calls %s' % tests.entry)
    if not trial.timed_out:
        require_all(tests, onward, *stub('nothing', True))
    if not any(fails(*stub(answer)) for answer in ('nothing', 'None', 'everything')):
        raise Fault(None, 'nothing is asserted: %s may do nothing at all and passes' % tests.entry)


def require_all(tests, onward, trial, found):
    """Requires that everything which tests something runs."""
    reached, found['__failed__'] = Reached(), trial.check
    sys.settrace(reached)
    threading.settrace(reached)
    try:
        fails(trial, found, onward)
    finally:
        sys.settrace(None)
        threading.settrace(None)
    if not trial.timed_out:
        reached.require(tests, trial.functions)
