# The long-lived worker: takes jobs from the host on stdin, answers on stdout. Part 9; runs no untrusted code itself.
#
# A frame is a length (4 bytes, little endian), that many bytes of JSON, then the blobs whose lengths are its "blobs".
# Programs run in children of a zygote that was forked before any job arrived: what a child finds in its memory is this
# source, its own text and its arguments. The judge of split mode has a zygote of its own.
import collections
import fcntl
import gc
import select
import socket
import time

MB = 1 << 20
PATIENCE = 0.02                                      # seconds a program may run before its output is watched
MOST_WALL = 5                                        # times the wall limit, for a program that a busy machine starves
PRELOAD = ('abc array bisect collections contextlib copy dataclasses datetime enum functools hashlib heapq inspect '
           'itertools linecache operator queue random re statistics string textwrap timeit typing').split()


def read_exactly(fd, size):
    parts = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b''.join(parts)


def read_frame(fd):
    header = json.loads(read_exactly(fd, int.from_bytes(read_exactly(fd, 4), 'little')))
    return header, [read_exactly(fd, size) for size in header.get('blobs', ())]


def write_frame(fd, header, blobs=()):
    header['blobs'] = [len(b) for b in blobs]
    text = json.dumps(header).encode()
    write_all(fd, b''.join([len(text).to_bytes(4, 'little'), text, *blobs]))


def sealed_file(data):
    """A memory file that nobody can write to or grow."""
    fd = os.memfd_create('input', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    write_all(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, 0xF)
    return fd


# os.fork runs hooks that touch every module's locks: 180 page faults per child, more than all else together. The zygote
# has one thread and no lock held, so the plain call is enough; it also leaves random's state alone, seeded once below,
# so that a program that draws numbers draws the same ones each time.
fork = ctypes.PyDLL(None).fork


def become(job, fds, limits, calls, getpid=os.getpid, dup2=os.dup2, close=os.closerange, setpgid=os.setpgid,
           setrlimit=resource.setrlimit, read=os.read, leave=os._exit):
    """The child: takes its limits, then its part. After confinement only the part's own body runs. Names are bound
    beforehand because every object that is looked up costs the child a page: a fork of Python copies what it counts."""
    status = 71
    try:
        text, stdin, out, err, channel, *link = fds
        program, payload = [read(text, size) if size < MB else read_exactly(text, size) for size in job['sizes']]
        dup2(stdin, 0)
        dup2(out, 1)
        dup2(err, 2)
        close(3, channel)                            # descriptors came in this order; all but the last one or two go
        close(fds[-1] + 1, 64)
        setpgid(0, 0)
        die_with_parent()
        for which, values in limits:
            setrlimit(which, values)
        if calls is not None:
            calls.install(getpid())
        status = 70
        if job['mode'] == 'judge':
            run_judge(job, json.loads(payload), channel, *link)
        elif job['mode'] == 'read':
            read_tests(job, json.loads(payload), channel)
        else:
            status = run_candidate(job, program, payload, channel)
    finally:
        leave(status)


BY_CPU, BY_WALL, BY_HOST = 1, 2, 3
KILLED_BY = (None, 'cpu', 'wall', 'host')
ENDING = struct.Struct('<iddqqi')                    # status, CPU and wall seconds, KiB, page faults, killed by


class Zygote:
    """Forks one confined child per job, watches its clocks, and tells how it ended."""

    def __init__(self, settings):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            # Its end of the socket becomes descriptor 3, and nothing else of the supervisor's stays open in here.
            ours.detach()
            os.dup2(theirs.detach(), 3, inheritable=False)
            os.closerange(4, 64)
            theirs = socket.socket(fileno=3)
            try:
                self.live(theirs, settings)
            except BaseException as error:
                theirs.send(json.dumps({'refused': 'the first child process failed: %r' % error}).encode())
            finally:
                os._exit(1)
        theirs.close()
        self.socket = ours
        reply = json.loads(ours.recv(1 << 16) or b'{"refused": "the first child process died"}')
        if 'refused' in reply:
            raise Refused(reply['refused'])

    def start(self, job, fds):
        socket.send_fds(self.socket, [json.dumps(job).encode()], fds)
        for fd in fds:
            os.close(fd)

    def kill(self):
        self.socket.send(b'kill')

    def ended(self):
        status, cpu, wall, mem, faults, killed = ENDING.unpack(self.socket.recv(ENDING.size))
        return {'status': status, 'cpu': cpu, 'wall': wall, 'mem': mem, 'faults': faults, 'killed': KILLED_BY[killed]}

    # ---- the zygote's side

    def live(self, control, settings):
        die_with_parent()
        null = os.open('/dev/null', os.O_RDWR)
        ends = os.pipe()
        for fd, target in ((null, 0), (ends[1], 1), (ends[1], 2)):
            os.dup2(fd, target)                      # nothing of the host's channel is left in here
        for fd in ends:
            os.close(fd)
        for name in PRELOAD:
            __import__(name)
        import site
        site.setquit()
        site.setcopyright()
        site.sethelper()
        sys.argv = ['program.py']
        open_streams(False)
        try:
            limit_zygote()
            if settings['confine']:
                prctl(PR_SET_DUMPABLE, 0)
                prctl(PR_SET_NO_NEW_PRIVS, 1)
                restrict_files(settings['readable'], ['/dev/null'])
        except Refused as refusal:
            control.send(json.dumps({'refused': str(refusal)}).encode())
            return
        warm_up(null)
        os.close(null)
        sys.modules['random'].seed(0)
        gc.collect()
        gc.freeze()
        control.send(b'{}')
        self.serve(control, settings)

    def serve(self, control, settings):
        calls = CallFilter() if settings['confine'] else None
        room = socket.CMSG_SPACE(4 * 8)
        poll = select.poll()
        poll.register(control, select.POLLIN)
        while True:
            data, passed, _, _ = control.recvmsg(1 << 16, room)
            if not data:
                return
            if data == b'kill':
                continue                             # came too late: that child had ended already
            job = json.loads(data)
            fds = memoryview(passed[0][2]).cast('i').tolist()
            limits = program_limits(job['cpu'], job['mem'] * MB, settings['processes'])
            began = time.monotonic()
            pid = fork()
            if pid == 0:
                become(job, fds, limits, calls)
            for fd in fds:
                os.close(fd)
            control.send(ENDING.pack(*self.watch(pid, job, control, poll, began, calls is None)))

    @staticmethod
    def watch(pid, job, control, poll, began, unconfined):
        """Waits for the child and kills it where a clock runs out; CPU time is read exactly, not in whole seconds."""
        # The CPU clocks of `pid`, as clock_getcpuclockid() forms them: user time, and user with system time. System time
        # is mostly the price of memory on this machine, which varies tenfold, so it may reach the limit on its own.
        user, total = (~pid << 3) | 1, (~pid << 3) | 2
        killed = 0
        handle = os.pidfd_open(pid)
        poll.register(handle, select.POLLIN)
        deadline, last = began + job['wall'], None
        while True:
            now = time.monotonic()
            spent = max(time.clock_gettime(user), time.clock_gettime(total) / 2)
            wall, cpu = deadline - now, job['cpu'] - spent
            if wall <= 0 < cpu and now - began < MOST_WALL * job['wall'] and (
                    last is None or spent - last > 0.001 or -wall > job['wall'] / 40):
                # Only a quarter of the limit without any progress makes a program idle. One that computes, or a clock
                # that itself rings late, shows a busy machine: then the CPU limit decides.
                deadline, last = now + job['wall'] / 4, spent
                continue
            if not killed and (wall <= 0 or cpu <= 0):
                killed = BY_CPU if cpu <= 0 else BY_WALL
                os.kill(pid, signal.SIGKILL)
            ready = poll.poll(None if killed else 1000 * max(0.001, min(wall, cpu)))
            if any(fd == handle for fd, _ in ready):
                break
            if ready:
                if not control.recv(1 << 16):        # the supervisor is gone
                    os.kill(pid, signal.SIGKILL)
                    os._exit(0)
                killed = killed or BY_HOST
                os.kill(pid, signal.SIGKILL)
        poll.unregister(handle)
        os.close(handle)
        _, status, usage = os.wait4(pid, 0)
        if unconfined:
            try:
                os.killpg(pid, signal.SIGKILL)       # only an unconfined program can have left children
            except OSError:
                pass
        spent = max(usage.ru_utime, (usage.ru_utime + usage.ru_stime) / 2)
        if killed == BY_HOST and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            killed = 0                               # it had ended already, as its status says
        if not killed and os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGXCPU) \
                and spent >= job['cpu']:
            killed = BY_CPU
        return (status, usage.ru_utime + usage.ru_stime, time.monotonic() - began, usage.ru_maxrss, usage.ru_minflt,
                killed)


class Supervisor:
    def __init__(self, settings):
        self.settings = settings
        self.programs = Zygote(settings)
        self.judges = None                           # forked when first needed

    def judge_zygote(self):
        if self.judges is None:
            self.judges = Zygote(self.settings)
        return self.judges

    def run(self, job, program, payload, answer_fd):
        """Runs one job and writes one frame: how each process ended, and what came out of it."""
        split, reading = job['mode'] == 'split', job['mode'] == 'read'
        sinks = {}                                   # read end -> [name, bytes so far, chunks, cap, bytes to keep]
        processes = {}                               # zygote -> name
        facts = {}

        def sink(name, cap, keep=None):
            r, w = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(r, False)
            sinks[r] = [name, 0, [], cap, cap if keep is None else keep]
            return w

        def null():
            return os.open('/dev/null', os.O_RDWR | os.O_CLOEXEC)

        poll = select.poll()
        if not reading:
            stdin = sealed_file(payload) if job['mode'] == 'stdio' else null()
            given = payload if job['mode'] == 'cases' else b''
            job['sizes'] = [len(program), len(given)]
            fds = [sealed_file(program + given), stdin, *(sink(name, job['out'], job['keep']) for name in ('out', 'err'))]
            if split:
                mine, theirs = (s.detach() for s in socket.socketpair())
                fds.append(theirs)
            else:
                fds.append(sink('result', job['result']))
            # While the judge computes the program waits, so its clock says little there.
            self.programs.start(dict(job, wall=2 * job['wall'] + 5) if split else job, fds)
            processes[self.programs] = 'program'
        if split or reading:
            zygote = self.judge_zygote()
            # The judge gets more of everything: a limit that is hit is the program's doing.
            task = dict(job, mode='judge' if split else 'read', cpu=job['cpu'] + 2, wall=MOST_WALL * job['wall'] + 2,
                        mem=max(job['mem'], 1024), sizes=[0, len(payload)])
            zygote.start(task, [sealed_file(payload), null(), null(), null(),
                                sink('judge', job['result']), *([mine] if split else [])])
            processes[zygote] = 'judge'
        waiting = {z.socket.fileno(): z for z in processes}
        for fd in (*waiting, 0):
            poll.register(fd, select.POLLIN)
        # Most programs have ended before anything need be read; waking up for each of their lines would cost both sides.
        watched, tell_at = False, 0
        while waiting:
            result = next((entry[2] for entry in sinks.values() if entry[0] == 'result'), ())
            untold = watched and job['mode'] == 'cases' and len(result) > 0
            now = time.monotonic()
            if untold and now >= tell_at:
                # The host compares while the program computes, and stops it at the first wrong answer.
                write_frame(answer_fd, {'more': 1}, [b''.join(result)])
                result.clear()
                untold, tell_at = False, now + PATIENCE
            events = poll.poll(1000 * (tell_at - now) + 1 if untold else None if watched else 1000 * PATIENCE)
            if not watched and not events:
                watched = True
                for fd in sinks:
                    poll.register(fd, select.POLLIN)
            for fd, _ in events:
                if fd == 0:
                    self.hear()
                elif fd in sinks:
                    self.drain(fd, sinks, poll, facts)
                elif fd in waiting:
                    zygote = waiting.pop(fd)
                    poll.unregister(fd)
                    facts[processes[zygote]] = zygote.ended()
                    # The judge's word is enough; and a judge without a program has nothing left to ask.
                    for other in waiting.values():
                        if zygote is self.judges:
                            other.kill()
        for fd in list(sinks):
            self.drain(fd, sinks, poll, facts, True)
            os.close(fd)
        chunks = {name: b''.join(parts) for name, _, parts, _, _ in sinks.values()}
        write_frame(answer_fd, facts, [chunks.get(n, b'') for n in ('result', 'judge', 'out', 'err')])

    def hear(self):
        """The host says something while a program runs: it is gone, or it has seen enough."""
        try:
            read_frame(0)
        except EOFError:
            os._exit(0)                              # the zygotes and their children follow
        self.programs.kill()

    def drain(self, fd, sinks, poll, facts, to_end=False):
        entry = sinks[fd]
        while True:
            try:
                data = os.read(fd, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                if not to_end:
                    poll.unregister(fd)
                return
            room = entry[4] - entry[1]
            entry[1] += len(data)
            if room > 0:
                entry[2].append(data[:room])
            if entry[1] > entry[3] and 'over' not in facts:
                facts['over'] = entry[0]
                if not to_end:
                    poll.unregister(fd)              # a full pipe holds the program until it is killed
                    self.programs.kill()
            if not to_end:
                return


def main():
    answer_fd = os.dup(1)
    os.set_inheritable(answer_fd, False)
    settings = read_frame(0)[0]
    os.dup2(2, 1)
    try:
        if settings['confine']:
            check_architecture()
        if settings['uid']:
            drop_root(settings['uid'])
        os.umask(0o077)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        supervisor = Supervisor(settings)
    except (Refused, OSError) as refusal:
        write_frame(answer_fd, {'refused': str(refusal)})
        return
    write_frame(answer_fd, {'python': platform.python_version(), 'landlock': landlock_abi()})
    while True:
        try:
            job, blobs = read_frame(0)
        except EOFError:
            return
        if 'stop' in job:
            continue                                 # came too late: that program had ended already
        program, payload = blobs
        del blobs
        supervisor.run(job, program, payload, answer_fd)
        del program, payload


main()
