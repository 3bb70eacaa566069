# The process that runs one untrusted program. Part 3 of the supervisor.
# Nothing here guards the answers: the program owns this process and may lie about anything. It learns arguments, never
# expected values, so a lie is only ever a wrong answer.
import atexit
import errno
import io
import signal
import sys
import threading
import traceback
import types


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def is_memory(error):
    return isinstance(error, MemoryError) or isinstance(error, OSError) and error.errno == errno.ENOMEM


def open_streams(buffered):
    """Fresh standard streams. Function tasks get unbuffered output: what was printed is seen, however the end comes."""
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, 'r', False)), 'utf-8')
    for name, fd, errors in (('stdout', 1, 'strict'), ('stderr', 2, 'backslashreplace')):
        raw = io.FileIO(fd, 'w', False)
        stream = io.TextIOWrapper(io.BufferedWriter(raw, 1 << 16) if buffered else raw, 'utf-8', errors,
                                  write_through=not buffered)
        setattr(sys, name, stream)
        setattr(sys, '__%s__' % name, stream)


def load(program, name):
    """Runs the program's text as the module `name`."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(program, '<program>', 'exec', dont_inherit=True), module.__dict__)
    return module


def run_candidate(job, program, payload, channel):
    """Body of the candidate process; returns its exit status. What it says on `channel` is a line of JSON each:
    {"r": 1} loaded, {"v": value} an answer, {"e": [type, message], "m": out of memory, "x": 1 while loading}."""
    write, to_json = write_all, ENCODER.encode       # the program may replace these; other names are its own misfortune

    def say(line):
        write(channel, line.encode('utf-8', 'replace') + b'\n')

    def say_error(error, loading=0):
        say(to_json({'e': describe(error), 'm': int(is_memory(error)), 'x': loading}))

    mode = job['mode']
    if mode == 'stdio':
        open_streams(True)
        return run_script(program, say_error)
    try:
        module = load(program, 'program')
        function = eval(job['entry'], module.__dict__) if mode == 'cases' else None
    except BaseException as error:
        say_error(error, 1)
    else:
        say('{"r":1}')
        if mode == 'cases':
            answer_calls(function, payload, say, say_error, job['result'], job['call'])
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
    job = {'mode': 'cases', 'entry': 'f', 'result': 1 << 20, 'call': 0}
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


def run_script(program, say_error):
    """A whole program on standard input and output; ends as the interpreter would: threads, then atexit, then flush."""
    status = 0
    try:
        load(program, '__main__')
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException as error:
        say_error(error)
        traceback.print_exc()
        status = 1
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as error:
        say_error(error)
        status = status or 1
    return status & 0xFF


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
            text = Answer(max_chars).encode(value)
        except TooBig as big:
            text = ENCODER.encode({'o': str(big)})
        except BaseException as error:
            say_error(error)
            return
        say('{"v":%s}' % text)


def serve(module, entry, link, max_chars):
    """Split mode: does what the judge's proxies ask, one line of JSON for each, until the judge hangs up."""
    objects = []

    def keep(value):
        objects.append(value)
        return len(objects) - 1

    def unhandle(d):
        return objects[d['h']] if 'h' in d else untag(d)

    def names(wanted):
        found = []
        for name in wanted:
            try:
                found.append([name, {'h': keep(eval(name, module.__dict__))}])
            except BaseException:
                pass
        return found

    actions = {
        'call': lambda target, args, kwargs: target(*args, **kwargs),
        'get': getattr, 'set': setattr, 'iter': iter, 'next': next, 'len': len,
        'item': lambda target, key: target[key],
    }
    requests = os.fdopen(os.dup(link), 'rb')
    while True:
        line = requests.readline()
        if not line:
            return
        action, *rest = json.loads(line, object_hook=unhandle)
        try:
            if action == 'names':
                reply = json.dumps(['names', names(rest[0])])
            else:
                reply = '["v",%s]' % Encoder(max_chars, keep).encode(actions[action](*rest))
        except BaseException as error:
            reply = json.dumps(['e', *describe(error), int(is_memory(error)), int(isinstance(error, Exception))])
        write_all(link, reply.encode() + b'\n')
