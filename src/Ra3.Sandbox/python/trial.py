# Tries tests before any program is judged by them. Part 7 of the supervisor.
import copy

TRIAL_SECONDS = 2                                    # tests that wait for a right answer are not waited for


class Undecided(Unanswerable):
    """The tests go on and on: they call the function, and that is all that can be said."""


class Trial(Link):
    """Stands for the program: answers every call with an object that equals nothing, or everything, or with None."""

    def __init__(self, tests, max_bytes, answer):
        self.tests, self.max_bytes, self.answer = tests, max_bytes, answer
        self.functions, self.calls, self.fault = [], 0, None

    def ask(self, action, *args, **kwargs):
        try:
            self.tests.require_surroundings(None)
            Question(self, [], True).question(action, args, kwargs)
        except (Fault, Uncrossable, TooBig) as error:
            self.stop(str(error))
        if action == 'next':
            raise StopIteration
        if action == 'call':
            self.calls += 1
            if self.answer == 'None':
                return None
        if action in ('call', 'get', 'item', 'iter'):
            return Sentinel(self, 0, 'object' if args[0]._type else '')
        return {'len': 0, 'str': '', 'repr': '', 'isinstance': False}.get(action)

    def stop(self, text):
        """Says the fault of the line that runs now; it counts even where the tests catch it."""
        frame = sys._getframe()
        while frame and frame.f_code.co_filename != '<tests>':
            frame = frame.f_back
        self.fault = self.fault or Fault(frame and frame.f_lineno, text)
        raise self.fault

    def check(self, error):
        """Nothing that was raised before the first call can be the program's doing, nor can a missing module."""
        if not self.calls or isinstance(error, ImportError):
            raise Fault(failing_line(error, '')[0] or None, 'raises %s by itself: %s' % tuple(describe(error)))

    def out_of_time(self, *_):
        raise Undecided


class Sentinel(Proxy):
    """What the stub answers. type: not empty for a class that the program defines, and for what is made by it."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other):
        if isinstance(other, Sentinel) and other is not self and (self._type or other._type):
            self._link.stop("objects of the program's own classes are compared, whose == nobody can trust: compare their parts")
        return self is other or self._link.answer == 'everything'


class Onward(ast.NodeTransformer):
    """Lets tests go on behind an assertion that fails."""

    def visit_Assert(self, node):
        failed = ast.parse('try: pass\nexcept Exception as __error__: __failed__(__error__)').body[0]
        failed.body = [node]
        return ast.copy_location(failed, node)


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


def try_out(tests, max_bytes):
    """Runs the tests against functions that answer nothing right: they must call the function, and must not pass."""
    def stub(answer):
        trial = Trial(tests, max_bytes, answer)
        return trial, {n: Sentinel(trial, 0, 'class' if n[:1].isupper() and n != tests.entry else '') for n in tests.wanted}

    trial, found = stub('nothing')
    tests.space['__failed__'] = trial.check
    # First to see every line, then to see whether they fail as they stand.
    fails(trial, found, ast.fix_missing_locations(Onward().visit(copy.deepcopy(tests.tree))))
    if not trial.calls:
        raise Fault(None, 'nothing calls %s' % tests.entry)
    if not any(fails(*stub(answer)) for answer in ('nothing', 'None', 'everything')):
        raise Fault(None, 'nothing is asserted: %s may do nothing at all and passes' % tests.entry)
