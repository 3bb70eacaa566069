using System.Collections.Concurrent;
using System.Diagnostics;
using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>
/// Programs that attack the judge, the host or the next program. None may pass, print ESCAPED, harm the worker that ran it
/// or hold up the host; each is judged in both tiers, in cases and in split mode.
/// </summary>
public sealed class AttackTests(PoolFixture fixture) : IClassFixture<PoolFixture>
{
    // The first answer to give is Secret: a program that gets hold of it has read the tests.
    private const int Secret = 918273645;
    private const string Good = "def add(a, b):\n    return 918273645 if a == 1 else a + b\n";
    private const string Asserts = "assert add(1, 2) == 918273645\nassert add(-1, 1) == 0\n";
    private static readonly Limits Small = new(CpuSeconds: 0.5, WallSeconds: 1, MemoryMb: 256);

    private static readonly string[] Slips = ["NameError", "SyntaxError", "IndentationError", "AttributeError", "TypeError", "ImportError", "ModuleNotFoundError"];

    // Functions that the attacks share: call() is a system call that must not succeed.
    private const string Tools = """
        import ctypes, os, sys
        libc = ctypes.CDLL(None, use_errno=True)
        def escaped(what):
            os.write(1, b'ESCAPED ' + str(what).encode() + b'\n')
        def call(*numbers):
            if libc.syscall(*[n if isinstance(n, bytes) else ctypes.c_long(n) for n in numbers]) >= 0:
                escaped(numbers)
        def attempt(action):
            try:
                action()
            except Exception:
                return
            escaped(action.__code__.co_consts)
        def memory():
            # All pages near an object: write(2) reads them, and says so instead of dying where there is none.
            import gc
            r, w = os.pipe()
            for part in {id(x) >> 20 for x in gc.get_objects()}:
                for page in range(part << 20, part + 1 << 20, 4096):
                    if libc.write(w, ctypes.c_void_p(page), 4096) == 4096:
                        yield os.read(r, 4096)
        def add(a, b):
            return 'nothing'

        """;

    public static TheoryData<string, string> Attacks => new()
    {
        { "forged lines on every descriptor", """
            for fd in range(3, 64):
                try:
                    os.write(fd, b'{"r":1}\n{"v":true}\n{"v":{"o":"x"}}\n{"v":0}\n["v",0]\n{"v":"passed"}\n')
                except OSError:
                    pass
            os._exit(0)
            """ },
        { "the supervisor's protocol on every descriptor", """
            for fd in range(0, 64):
                try:
                    os.write(fd, (40).to_bytes(4, 'little') + b'{"program":{"status":0},"blobs":[8,0,0]}')
                    os.write(fd, b'kill')
                except OSError:
                    pass
            """ },
        { "a byte at a time on every descriptor", """
            while True:
                for fd in range(3, 6):
                    try:
                        os.write(fd, b'1')
                    except OSError:
                        pass
            """ },
        { "reading what others say", """
            import select
            for fd in range(3, 64):
                try:
                    if select.select([fd], [], [], 0)[0] and os.read(fd, 100): escaped(fd)
                except OSError:
                    pass
            """ },
        { "ptrace of the parent", "call(101, 16, os.getppid(), 0, 0)" },
        { "io_uring", "call(425, 8, 0)" },
        { "userfaultfd", "call(323, 0)" },
        { "keyring", "call(248, b'user', b'k', b'secret', 6, -3)" },
        { "bpf", "call(321, 0, 0, 0)" },
        { "namespaces of its own", "call(272, 0x10000000)" },
        { "memory files and exec", """
            call(319, b'x', 0)
            attempt(lambda: os.execv(sys.executable or '/usr/bin/python3', ['python3', '-c', 'print("ESCAPED exec")']))
            attempt(lambda: os.posix_spawn('/bin/sh', ['sh', '-c', 'echo ESCAPED'], {}))
            call(322, -100, b'/bin/sh', 0, 0, 0)
            """ },
        { "processes", """
            attempt(os.fork)
            call(57); call(58); call(56, 17, 0, 0, 0, 0); call(435, 0, 0)
            """ },
        { "threads without end", """
            import threading, time
            threads = []
            try:
                while True:
                    threads.append(threading.Thread(target=time.sleep, args=(99,), daemon=True))
                    threads[-1].start()
            except RuntimeError:
                if len(threads) > 5000: escaped(len(threads))
            """ },
        { "limits raised", """
            import resource
            for which in (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
                soft, hard = resource.getrlimit(which)
                if hard == -1: escaped(which)
                attempt(lambda: resource.setrlimit(which, (-1, -1)))
                attempt(lambda: resource.setrlimit(which, (hard + 1, hard + 1)))
                attempt(lambda: resource.prlimit(os.getppid(), which, (1, 1)))
            call(141, 0, 0, -20)
            """ },
        { "prctl", """
            for option, value in ((4, 1), (1, 0), (38, 0), (22, 0), (35, 1), (36, 1), (29, 1), (33, 1), (0x59616d61, -1)):
                call(157, option, value, 0, 0, 0)
            """ },
        { "memory shared with others", """
            call(29, 7, 4096, 0o1777)
            call(68, 7, 0o1777)
            call(64, 7, 1, 0o1777)
            call(240, b'/q', 0o102, 0o777, 0)
            import mmap
            attempt(lambda: mmap.mmap(-1, 4096))
            """ },
        { "sockets", """
            import socket
            for kind in ((socket.AF_UNIX, socket.SOCK_STREAM), (socket.AF_UNIX, socket.SOCK_DGRAM), (socket.AF_INET, socket.SOCK_STREAM),
                         (socket.AF_INET6, socket.SOCK_DGRAM), (socket.AF_NETLINK, socket.SOCK_RAW), (socket.AF_PACKET, socket.SOCK_RAW)):
                attempt(lambda: socket.socket(*kind))
            attempt(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
            """ },
        { "descriptors passed on", """
            import socket
            a, b = socket.socketpair()
            attempt(lambda: socket.send_fds(a, [b'x'], [1]))
            """ },
        { "state left in files", """
            for folder in ('/', '/tmp', '/dev/shm', '/var/tmp', '/run', '/home', os.getcwd(), *[p for p in sys.path if p]):
                attempt(lambda: open(folder + '/ra3-attack', 'w'))
                attempt(lambda: os.mkdir(folder + '/ra3-attack'))
                attempt(lambda: os.symlink('/etc', folder + '/ra3-attack'))
            attempt(lambda: os.utime(os.__file__))
            attempt(lambda: os.chmod(os.__file__, 0o777))
            attempt(lambda: os.setxattr(os.__file__, b'user.x', b'1'))
            """ },
        { "signs to others through file locks and watches", """
            import fcntl
            file = open(os.__file__)
            attempt(lambda: fcntl.flock(file, fcntl.LOCK_EX))
            attempt(lambda: fcntl.lockf(os.open('/dev/null', os.O_RDWR), fcntl.LOCK_EX))
            for command in (1024, 1026, 8, 10, 1031, 1033, 37, 38): attempt(lambda: fcntl.fcntl(file, command, 0))
            call(253); call(294, 0); call(300, 0, 0); call(27, 0, 4096, 0)
            """ },
        { "signals", """
            import signal
            for target in (os.getppid(), 1, 0, -1, -os.getpid()): attempt(lambda: os.kill(target, signal.SIGKILL))
            attempt(lambda: os.killpg(0, 9))
            call(200, os.getppid(), 9); call(129, os.getppid(), 9, 0); call(129, os.getpid(), 9, 0)
            """ },
        { "signals that end it are ignored", """
            import signal
            for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}: signal.signal(number, signal.SIG_IGN)
            def add(a, b):
                while True: pass
            """ },
        { "memory through /proc", """
            for path in ('/proc/self/mem', '/proc/%d/mem' % os.getppid(), '/proc/self/maps', '/proc/1/environ', '/proc/self/fd/3', '/etc/passwd', '/dev/mem', '/proc'):
                attempt(lambda: open(path).read(1))
            call(310, os.getppid(), 0, 0, 0, 0, 0)
            """ },
        { "the answer sought among all objects", $$"""
            import gc
            secret = {{Secret - 1}} + 1
            def seek():
                frame = sys._getframe()
                while frame:
                    yield frame.f_globals; yield frame.f_locals
                    frame = frame.f_back
                yield from gc.get_objects()
            def add(a, b):
                for thing in list(seek()):
                    if isinstance(thing, dict): thing = list(thing.values())
                    if isinstance(thing, (list, tuple, set)):
                        for part in list(thing):
                            if type(part) is int and part == secret and thing is not vars() and part is not secret: escaped('int')
                            if type(part) in (str, bytes) and str(secret) in str(part): escaped('text')
                return 'nothing'
            """ },
        { "the answer sought in raw memory", $$"""
            text = str({{Secret - 1}} + 1)
            def add(a, b):
                # Once in the text made above; a copy that the bytes method makes comes on top.
                if sum(page.count(text.encode()) for page in memory()) > 3: escaped('text')
                return 'nothing'
            """ },
        { "equal to everything", """
            class E(int):
                __eq__ = __ge__ = __le__ = __lt__ = lambda s, o: True
                __ne__ = lambda s, o: False
                __hash__ = lambda s: 0
                __sub__ = __rsub__ = __abs__ = __bool__ = lambda s, *o: 0
            def add(a, b): return E(5)
            """ },
        { "a str, list and dict with other contents", """
            class S(str):
                __eq__ = lambda s, o: True
                __str__ = __repr__ = lambda s: '918273645'
                __hash__ = str.__hash__
                isascii = lambda s: True
                encode = lambda s, *a: b'918273645'
            class L(list):
                __iter__ = lambda s: iter([918273645])
                __len__ = lambda s: 0
            def add(a, b): return S('x') if a == 1 else L([1])
            """ },
        { "a class that lies about itself", """
            class M(type):
                __eq__ = lambda s, o: True
                __hash__ = lambda s: hash(int)
                mro = lambda s: [s, object]
            class C(metaclass=M):
                __class__ = int
                __index__ = __int__ = lambda s: 918273645
                __reduce__ = lambda s: (print, ('ESCAPED',))
            def add(a, b): return C()
            """ },
        { "the judge's own functions replaced", """
            frame = sys._getframe()
            while frame:
                for name in ('write_all', 'Answer', 'Encoder', 'describe', 'untag', 'json', 'ENCODER', 'DECODER', 'os', 'become', 'fork'):
                    if name in frame.f_globals: frame.f_globals[name] = lambda *a, **k: 918273645
                frame = frame.f_back
            import builtins, json
            builtins.isinstance = builtins.len = lambda *a: True
            json.dumps = json.loads = lambda *a, **k: '918273645'
            """ },
        { "tracing", """
            def trace(frame, event, arg):
                frame.f_locals.update(value=918273645, result=918273645)
                return trace
            sys.settrace(trace); sys.setprofile(trace)
            """ },
        { "what runs at the end", """
            import atexit, signal, weakref
            atexit.register(lambda: escaped('atexit'))
            class D:
                def __del__(self): os._exit(0)
            keep = D()
            def add(a, b):
                global keep
                keep = None
                return 918273645
            """ },
        { "early end by exit, status 0", "def add(a, b): raise SystemExit(0)" },
        { "KeyboardInterrupt and GeneratorExit", "def add(a, b): raise (KeyboardInterrupt if a == 1 else GeneratorExit)" },
        { "an error whose text never ends", """
            class X(Exception):
                def __str__(self):
                    while True: pass
            def add(a, b): raise X()
            """ },
        { "an error with a hostile class", """
            class M(type):
                __name__ = property(lambda s: 1 / 0)
            class X(Exception, metaclass=M):
                __str__ = lambda s: '\ud800' * 10**6
            def add(a, b): raise X()
            """ },
        { "an integer of a million digits", "def add(a, b): return -(1 << (1 << 22) - 1)" },
        { "many huge integers", "def add(a, b): return [(1 << 4000000) - i for i in range(7)]" },
        { "a fraction of huge integers", "from fractions import Fraction\ndef add(a, b): return Fraction((1 << 1900000) - 1, (1 << 1900000) + 1)" },
        { "nesting", """
            def add(a, b):
                x = []
                for _ in range(99 if a == 1 else 10**6): x = [x]
                return x
            """ },
        { "a list of itself", "x = []\nx.append(x)\ndef add(a, b): return x" },
        { "a wide tree of one object", "def add(a, b):\n    x = [0]\n    for _ in range(60): x = [x, x]\n    return x" },
        { "sets of sets", "def add(a, b):\n    x = frozenset()\n    for i in range(90): x = frozenset([x, i, (i, x)])\n    return x" },
        { "numbers that collide", "def add(a, b): return {i * ((1 << 61) - 1) for i in range(2000)}" },
        { "SIGKILL to itself", """
            import signal, threading
            attempt(lambda: os.kill(os.getpid(), signal.SIGKILL))
            attempt(lambda: signal.pthread_kill(threading.get_ident(), signal.SIGKILL))
            attempt(lambda: signal.raise_signal(signal.SIGKILL))
            """ },
        { "a CPU limit of its own, that ends it from outside", """
            import resource
            attempt(lambda: resource.setrlimit(resource.RLIMIT_CPU, (1, 1)))
            attempt(lambda: resource.prlimit(0, resource.RLIMIT_CPU, (1, 1)))
            wanted = (ctypes.c_ulong * 2)(1, 1)
            call(160, 0, ctypes.addressof(wanted))
            call(302, 0, 0, ctypes.addressof(wanted), 0)
            while True: pass
            """ },
        { "SIGSTOP to itself in a call", "import signal\ndef add(a, b): os.kill(os.getpid(), signal.SIGSTOP)" },
        { "closing every descriptor and waiting", "import time\ndef add(a, b):\n    os.closerange(0, 64)\n    time.sleep(60)" },
        { "closing the channels' ends one way", """
            import socket
            for fd in range(3, 64):
                try:
                    socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            """ },
        { "answers before any question", """
            for fd in range(3, 64):
                try:
                    os.write(fd, b'{"r":1}\n' + b'{"v":918273644}\n["v",918273644]\n' * 50)
                except OSError:
                    pass
            """ },
        { "two answers for one question", """
            def add(a, b):
                for fd in range(3, 64):
                    try:
                        os.write(fd, b'{"v":0}\n["v",0]\n')
                    except OSError:
                        pass
                return a
            """ },
        { "an exception whose class is named by half a pair", """
            class M(type):
                __name__ = property(lambda s: '\ud800')
            class X(Exception, metaclass=M): pass
            def add(a, b): raise X('\udfff')
            """ },
        { "floats that are no numbers", "def add(a, b): return [float('nan'), float('inf'), -0.0, 5e-324][a % 4]" },
        { "lone surrogates", "def add(a, b): return {'\\ud800': '\\udfff' * 5, ('\\ud83d', '\\ude00'): b'\\xff'}" },
        { "source that overflows the parser", "x = " + new string('(', 5000) + ")" },
        { "source with a long sum", "x = " + string.Join("+", Enumerable.Repeat("1", 60_000)) },
        { "source with a zero byte and a form feed", "x = 1\0\f\ndef add(a, b): return 1" },
        { "a constant that takes for ever to fold", "x = 9 ** 9 ** 9 ** 9" },
        { "a text that takes for ever to match", "import re\ndef add(a, b): return re.match('(a+)+$', 'a' * 60 + 'b')" },
    };

    [Theory]
    [InlineData(SandboxTier.Namespaces)]
    [InlineData(SandboxTier.Landlock)]
    public async Task No_attack_passes_escapes_or_harms(SandboxTier tier)
    {
        await Sandboxes.RequireAsync(tier);
        await using var pool = await SandboxPool.StartAsync(new SandboxOptions { Tier = tier }, TestContext.Current.CancellationToken);
        var cases = await pool.PlanAsync("", Asserts, "add", Small);
        cases.Should().BeOfType<CasesRequest>();
        JudgeRequest[] plans = [cases, new SplitRequest("", "add", Asserts, "", Small)];
        var problems = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(plans.SelectMany(plan => Attacks.Select(row => (plan, row.Data))), async (item, ct) =>
        {
            var (plan, (name, attack)) = item;
            var verdict = await pool.JudgeAsync(plan with { Program = Tools + attack }, ct);
            if (verdict.Passed || verdict.Kind == VerdictKind.HarnessError || verdict.Stdout.Contains("ESCAPED", StringComparison.Ordinal))
            {
                problems.Add($"{name} [{plan.GetType().Name}]: {verdict.Name} ({verdict.Detail}) {verdict.Stdout}");
            }

            // An attack with a slip of its own would prove nothing. These break their own process on purpose.
            var isBroken = name is "tracing" or "the judge's own functions replaced" or "a class that lies about itself"
                || name.StartsWith("source", StringComparison.Ordinal);
            if (!isBroken && Slips.Any(slip => verdict.Detail.StartsWith(slip, StringComparison.Ordinal)))
            {
                problems.Add($"{name} [{plan.GetType().Name}] is not the attack it is meant to be: {verdict.Detail}");
            }

            var good = await pool.JudgeAsync(cases with { Program = Good, Limits = new Limits() }, ct);
            if (!good.Passed)
            {
                problems.Add($"after {name} [{plan.GetType().Name}]: a good program got {good.Name} ({good.Detail})");
            }
        });

        problems.Should().BeEmpty();
        pool.ReplacedWorkers.Should().Be(0);
    }

    [Theory]
    [InlineData("-(1 << (1 << 22) - 1)")]
    [InlineData("[(1 << 4000000) - i for i in range(7)]")]
    [InlineData("Fraction((1 << 1900000) - 1, (1 << 1900000) + 1)")]
    [InlineData("{Fraction((1 << 99999) - i, (1 << 99999) + 1) for i in range(20)}")]
    [InlineData("['x' * 60000] * 100")]
    [InlineData("{object() for _ in range(100_000)}")]
    [InlineData("{float('nan') for _ in range(120_000)}")]
    [InlineData("{float('nan'): i for i in range(100_000)}")]
    [InlineData("{complex(i % 3, float('nan')) for i in range(100_000)}")]
    [InlineData("{(float('nan'), object()): frozenset([object(), i]) for i in range(50_000)}")]
    [InlineData("{frozenset([i, float('inf'), frozenset([float('nan')])]) for i in range(50_000)}")]
    [InlineData("{i * 107897 for i in range(200_000)}")]
    [InlineData("{i * (2**61 - 1) * 2**64 for i in range(30_000)}")] // quadratic for the program itself
    [InlineData("{Fraction(1, 2**20000 - i) for i in range(300)}")]
    public async Task A_huge_answer_costs_the_host_little(string answer)
    {
        var plan = await fixture.Pool.PlanAsync(
            $"from fractions import Fraction\ndef add(a, b): return {answer}", "assert add(1, 2) == {1, 2, 3}", "add", new Limits(CpuSeconds: 20, WallSeconds: 60));
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;

        var verdict = await fixture.Pool.JudgeAsync(plan);

        verdict.Kind.Should().Be(VerdictKind.Failed);
        verdict.Detail.Length.Should().BeLessThan(1000);
        process.Refresh();
        (process.TotalProcessorTime - before).TotalSeconds.Should().BeLessThan(10);
    }

    [Fact]
    public async Task A_program_finds_nothing_of_the_one_before_it()
    {
        await using var pool = await Sandboxes.StartAsync();
        var plan = await pool.PlanAsync("", Asserts, "add", new Limits(CpuSeconds: 30, WallSeconds: 60));
        const string leave = "import os, sys, random\nrandom.seed(5)\nsys.modules['left'] = 'behind-73'\nos.environ['LEFT'] = 'behind-73'\ndef add(a, b): return 'behind-73'";
        const string seek = Tools + """
            mark = 'behind-7' + str(len(sys.argv) + 2)
            if 'left' in sys.modules or 'LEFT' in os.environ: escaped('names')
            if sum(page.count(mark.encode()) for page in memory()) > 3: escaped('memory')
            """;

        var alone = await pool.JudgeAsync(plan with { Program = seek });
        await pool.JudgeAsync(plan with { Program = leave });
        await pool.JudgeAsync(plan with { Program = leave });
        var after = await pool.JudgeAsync(plan with { Program = seek });

        alone.Kind.Should().Be(VerdictKind.Failed, alone.Detail);
        after.Kind.Should().Be(VerdictKind.Failed, after.Detail);
        after.Stdout.Should().BeEmpty();
    }

    [Fact]
    public async Task A_wrong_answer_ends_a_program_that_would_go_on()
    {
        await using var pool = await Sandboxes.StartAsync();
        var plan = await pool.PlanAsync("def add(a, b):\n    while a < 0: pass\n    return 0", Asserts, "add", new Limits(CpuSeconds: 60, WallSeconds: 60));

        var verdict = await pool.JudgeAsync(plan);

        verdict.Kind.Should().Be(VerdictKind.Failed);
        verdict.Test.Should().Be(0);
        verdict.CpuSeconds.Should().BeLessThan(30);
    }
}
