# The process that runs one untrusted program. Part 3 of the supervisor.
# Nothing here guards the answers: the program owns this process and may lie about anything. It learns arguments, never
# expected values, so a lie is only ever a wrong answer.
import atexit
import builtins
import errno
import gc
import importlib.machinery
import io
import signal
import sys
import threading
import types
import weakref


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def is_memory(error):
    return isinstance(error, MemoryError) or isinstance(error, OSError) and error.errno == errno.ENOMEM


def open_streams(buffered):
    """Fresh standard streams with the names and modes that python3 gives them. Function tasks get unbuffered output:
    what was printed is seen, however the end comes."""
    for name, fd, mode, errors in STREAMS:
        # A stream knows that it reads or writes a pipe, as under python3, from the time when it is made.
        mine, pipe = os.dup(fd), os.pipe()
        os.dup2(pipe[0 if mode == 'r' else 1], fd)
        plain = mode == 'w' and not buffered
        buffer = open(fd, mode + 'b', 0 if plain else -1, closefd=False)
        getattr(buffer, 'raw', buffer).name = '<%s>' % name
        stream = io.TextIOWrapper(buffer, 'utf-8', errors, '\n', name == 'stderr', plain)
        stream.mode = mode
        os.dup2(mine, fd)
        for end in (mine, *pipe):
            os.close(end)
        setattr(sys, name, stream)
        setattr(sys, '__%s__' % name, stream)


STREAMS = (('stdin', 0, 'r', 'strict'), ('stdout', 1, 'w', 'strict'), ('stderr', 2, 'w', 'backslashreplace'))


def load(program, name, header, loader=None):
    """Runs the program's text as the module `name`, after the header that its harness puts in front."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    if name == '__main__':
        vars(module).update(__file__='/program.py', __cached__=None, __annotations__={}, __builtins__=builtins,
                            __loader__=loader)
    if header:
        exec(compile(header, '<header>', 'exec', dont_inherit=True), module.__dict__)
    exec(compile(program, '<program>', 'exec', dont_inherit=True), module.__dict__)
    return module


def run_candidate(job, program, payload, channel):
    """Body of the candidate process; returns its exit status. What it says on `channel` is a line of JSON each:
    {"r": 1} loaded, {"v": value} an answer, {"b": reason} an answer too large to say,
    {"e": [type, message], "m": out of memory, "x": 1 while loading}."""
    write, to_json = write_all, ENCODER.encode       # the program may replace these; other names are its own misfortune

    def say(line):
        write(channel, line.encode('utf-8', 'replace') + b'\n')

    def say_error(error, loading=0):
        say(to_json({'e': describe(error), 'm': int(is_memory(error)), 'x': loading}))

    mode = job['mode']
    if mode == 'stdio':
        open_streams(True)
        return run_script(program, job['header'], job['exits'], say_error)
    try:
        module = load(program, 'program', job['header'])
        function = eval(job['entry'], module.__dict__) if mode == 'cases' else None
    except BaseException as error:
        say_error(error, 1)
    else:
        say('{"r":1}')
        if mode == 'cases':
            answer_calls(function, payload, say, say_error, job['answer'], job['call'])
        else:
            serve(module, job['entry'], channel, job['result'])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass
    return 0


def warm_up(channel):
    """Takes the way of a program once or more, so that a child finds everything looked up and laid out: what is done
    here costs a child no first time, and no page of its own."""
    job = {'mode': 'cases', 'entry': 'f', 'header': '', 'answer': 1 << 20, 'call': 0}
    program = b'''import math
from typing import List, Dict
class Pair:
    def __init__(self, a):
        self.a = a
def f(numbers: List[float], limit: float = 0.5, *more) -> bool:
    """Text."""
    total = {n: str(n) for n in numbers if n > 1 and not n == 2 or n < -3}
    for i, n in enumerate(sorted(numbers)):
        while i > 10:
            i -= 1
            break
        total[i] = [n, (n, i), f'{n}', {i}, lambda x: -x]
    try:
        return any(b - a < limit for a, b in zip(numbers, numbers[1:])) if limit else None
    except ValueError as e:
        raise e
'''
    payload = b'[[[1.5,2,-3,4]],{"d":[]}]\n[[[1,"a"],{"t":[1]}],{"d":[]}]'
    for _ in range(20):                              # the interpreter adapts code that ran some times
        run_candidate(job, program, payload, channel)
        run_candidate(job, b'1 +', payload, channel)
    del sys.modules['program']


def run_script(program, header, exits, say_error):
    """A whole program on standard input and output. It ends as the interpreter would: its threads, atexit, then what its
    names hold (files are flushed, __del__ may print), with a flush after both. `exits`: SystemExit is no failure."""
    loader = importlib.machinery.SourceFileLoader('__main__', '/program.py')
    kept, streams = weakref.ref(loader), [sys.stdin, sys.stdout, sys.stderr]
    status, frame, depth = 0, sys._getframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    sys.setrecursionlimit(sys.getrecursionlimit() + depth)   # as deep as from the top of a script
    try:
        load(program, '__main__', header, loader)
    except SystemExit as stop:
        if not exits:
            status = exit_status(stop.code)
    except BaseException as error:
        say_error(error)
        tell(error)
        status = 1
    for finish in (threading._shutdown, atexit._run_exitfuncs):
        try:
            finish()
        except BaseException as error:
            tell(error)                              # the interpreter goes on, and so does the exit status
    status = flush_streams(status, say_error)
    del loader
    sys.stdin, sys.stdout, sys.stderr = (getattr(sys, '__%s__' % name, None) for name, *_ in STREAMS)
    # The interpreter's order: the first collection puts every owner before what it owns (a file before its buffer), the
    # second ends the program's module and all it made. What is the zygote's own is frozen.
    gc.collect()
    sys.modules.pop('__main__', None)
    gc.collect()
    status = flush_streams(status, say_error) & 0xFF
    # Where something else holds on to the program's names or to a file of its, the whole interpreter has to end. That
    # touches each of its pages, so it is not the way for all.
    mine = {id(layer) for s in streams for layer in (s, s.buffer, getattr(s.buffer, 'raw', None))}
    if kept() is not None or any(issubclass(type(o), io.IOBase) and id(o) not in mine for o in gc.get_objects()):
        ctypes.pythonapi.Py_Exit(status)
    return status


def exit_status(code):
    if code is None or isinstance(code, int):
        return code or 0
    try:
        print(code, file=sys.stderr)
    except BaseException:
        pass
    return 1


def tell(error):
    """Prints an exception as the interpreter does, without the frames of this file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals is globals():
        trace = trace.tb_next
    try:
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    except BaseException:
        pass


def flush_streams(status, say_error):
    """Flushes stdout and stderr; the exit status, 120 as the interpreter has it where what was printed cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not getattr(stream, 'closed', False):
                stream.flush()
        except BaseException as error:
            if not status:
                say_error(error)
            status = 120
    return status


def answer_calls(function, payload, say, say_error, max_chars, call_seconds):
    for line in payload.splitlines():
        args, kwargs = DECODER.decode(line.decode())
        if call_seconds:
            # Its signal ends the process. A program that disarms it only runs into the limit for all calls.
            signal.setitimer(signal.ITIMER_PROF, call_seconds)
        try:
            value = function(*args, **kwargs)
        except BaseException as error:
            say_error(error)
            return
        try:
            text = Encoder(max_chars).encode(value)
        except TooBig as big:
            say(ENCODER.encode({'b': str(big)}))
            return
        except BaseException as error:
            say_error(error)
            return
        say('{"v":%s}' % text)
