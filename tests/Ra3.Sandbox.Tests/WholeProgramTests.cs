using System.Text.Json;
using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>A whole program finds what python3 gives a script whose input is a pipe, and ends as a script ends.</summary>
public sealed class WholeProgramTests(PoolFixture fixture) : IClassFixture<PoolFixture>
{
    private static readonly Limits Small = new(CpuSeconds: 3, WallSeconds: 10, MemoryMb: 512);

    // What python3 3.11 prints with its input from a pipe, and whether its status is 0; but fstat knows the input's size, as
    // where it is a file: programs that read as many bytes as that are right too.
    public static TheoryData<string, string, VerdictKind> Programs => new()
    {
        // The streams and the module.
        { "import sys\nprint([s.mode for s in (sys.stdin, sys.stdout, sys.stderr)])", "['r', 'w', 'w']", VerdictKind.Passed },
        { "import sys\nprint(sys.stdin.name, sys.stdout.buffer.name, sys.stderr.buffer.raw.name)", "<stdin> <stdout> <stderr>", VerdictKind.Passed },
        { "import sys\nprint(sys.stdin.buffer.mode, sys.stdout.buffer.raw.mode)", "rb wb", VerdictKind.Passed },
        { "import sys\nprint(sys.stdin.seekable(), sys.stdout.seekable(), sys.stdin.encoding)", "False False utf-8", VerdictKind.Passed },
        { "import sys\nprint(repr(sys.stdin.read()))", "'1 2\\r\\n'", VerdictKind.Passed },
        { "import os\nprint(os.read(0, os.fstat(0).st_size))", "b'1 2\\r\\n'", VerdictKind.Passed },
        { "print(open(0).read().split())", "['1', '2']", VerdictKind.Passed },
        { "print(type(__file__).__name__, __name__, __annotations__, __builtins__.len('ab'))", "str __main__ {} 2", VerdictKind.Passed },
        { "import __main__, sys\nx = 3\nprint(__main__.x, len(sys.argv))", "3 1", VerdictKind.Passed },
        { "print(callable(exit), callable(quit), callable(copyright), callable(help))", "True True True True", VerdictKind.Passed },
        { "import os\nprint('HOME' in os.environ, 'PATH' in os.environ)", "True True", VerdictKind.Passed },
        { "def r(n): return n and 1 + r(n - 1)\nprint(r(990))", "990", VerdictKind.Passed },
        { "import sys\nsys.setrecursionlimit(1 << 20)\ndef r(n): return n and 1 + r(n - 1)\nprint(r(50000))", "50000", VerdictKind.Passed },
        { "import resource\nresource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY,) * 2)\nprint(3)", "3", VerdictKind.Passed },
        { "import subprocess, multiprocessing, asyncio, socket, sqlite3, ctypes\nprint(3)", "3", VerdictKind.Passed },

        // What is still in a buffer when the program is at its end.
        { "f = open(1, 'w')\nf.write('3')", "3", VerdictKind.Passed },
        { "def main():\n    global f\n    f = open(1, 'w')\n    f.write('3')\nmain()", "3", VerdictKind.Passed },
        { "import io\nclass Out:\n    def __init__(self): self.f = open(1, 'w'); self.me = self\nout = Out()\nout.f.write('3')", "3", VerdictKind.Passed },
        { "import math\nmath.f = open(1, 'w')\nmath.f.write('3')", "3", VerdictKind.Passed },
        { "import sys\nsys.excepthook = lambda *e: 0\nf = open(1, 'w')\nf.write('3')", "3", VerdictKind.Passed },
        { "import sys\nsys.excepthook = lambda *e: 0\nclass A:\n    def __del__(self): 1 / 0\na = A()\nsys.exit(3)", "", VerdictKind.RuntimeError },
        { "import sys\nsys.stdout = open(1, 'w', closefd=False)\nprint(3)", "3", VerdictKind.Passed },
        { "import io, sys\nsys.stdout = io.BufferedWriter(io.FileIO(1, 'w'))\nsys.stdout.write(b'3')", "3", VerdictKind.Passed },
        { "import sys\nold = sys.stdout\nprint(3)\nsys.stdout = None", "3", VerdictKind.Passed },
        { "import atexit, os\natexit.register(lambda: os.write(1, b'3'))", "3", VerdictKind.Passed },
        { "import atexit\natexit.register(print, 4)\natexit.register(print, 3)", "3\n4", VerdictKind.Passed },
        { "total = 3\nclass A:\n    def __del__(self): print(total)\na = A()", "3", VerdictKind.Passed },
        { "class A:\n    def __del__(self): print(3)\na = A()\na.b = a", "3", VerdictKind.Passed },
        { "import threading, time\ndef f():\n    time.sleep(.05)\n    print(3)\nthreading.Thread(target=f).start()", "3", VerdictKind.Passed },
        { "import os\nprint(1)\nos.write(1, b'2\\n')\nprint(3)", "2\n1\n3", VerdictKind.Passed },
        { "import os\nprint(1)\nos._exit(0)", "", VerdictKind.Passed },
        { "import sys\nprint(3)\nsys.stdout.flush()\nsys.stdout.close()", "3", VerdictKind.Passed },
        { "import sys\nprint(3)\nsys.stdin.close()\nsys.stderr.close()", "3", VerdictKind.Passed },

        // How it ends.
        { "print(3)\nraise SystemExit", "3", VerdictKind.Passed },
        { "import sys\nprint(3)\nsys.exit(0)", "3", VerdictKind.Passed },
        { "print(3)\nexit(256)", "3", VerdictKind.Passed },
        { "print(3)\nraise SystemExit('x')", "3", VerdictKind.RuntimeError },
        { "print(3)\nraise SystemExit(2)", "3", VerdictKind.RuntimeError },
        { "print(3)\nraise KeyboardInterrupt", "3", VerdictKind.RuntimeError },
        { "import atexit\natexit.register(lambda: 1 / 0)\nprint(3)", "3", VerdictKind.Passed },
        { "import atexit, os\natexit.register(os._exit, 0)\n1 / 0", "", VerdictKind.Passed },
        { "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()\nprint(3)", "3", VerdictKind.Passed },
        { "class A:\n    def __del__(self): 1 / 0\na = A()\nprint(3)", "3", VerdictKind.Passed },
        { "import sys\nclass Out:\n    def write(self, s): pass\nsys.stdout = Out()\nprint(3)", "", VerdictKind.RuntimeError },
        { "import os\nprint(3)\nos.close(1)", "", VerdictKind.RuntimeError },
        { "import sys\nsys.excepthook = lambda *e: print(3)\n1 / 0", "3", VerdictKind.RuntimeError },
    };

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task It_is_given_what_python3_gives(string program, string wanted, VerdictKind kind)
    {
        var verdict = await fixture.Pool.JudgeAsync(
            new StdioRequest(program, [new StdioTest("1 2\r\n", _ => true)], Small), TestContext.Current.CancellationToken);

        verdict.Kind.Should().Be(kind, verdict.Detail + verdict.Stderr);
        verdict.Stdout.TrimEnd().Should().Be(wanted);
    }

    [Fact]
    public async Task An_uncaught_exception_is_told_on_stderr_without_the_judges_frames()
    {
        var verdict = await fixture.Pool.JudgeAsync(
            new StdioRequest("def f(): return 1 / 0\nf()", [new StdioTest("", _ => true)], Small), TestContext.Current.CancellationToken);

        verdict.Detail.Should().Be("ZeroDivisionError: division by zero");
        verdict.Stderr.Should().StartWith("Traceback (most recent call last):\n  File \"<program>\", line 2, in <module>\n");
    }

    [Theory]
    [InlineData("sys.exit(1)", true, VerdictKind.Passed)]
    [InlineData("sys.exit('x')", true, VerdictKind.Passed)]
    [InlineData("sys.exit(1)", false, VerdictKind.RuntimeError)]
    [InlineData("1 / 0", true, VerdictKind.RuntimeError)]
    public async Task A_harness_may_take_any_exit_status_for_an_end(string end, bool any, VerdictKind kind)
    {
        var request = new StdioRequest("import sys\nprint(3)\n" + end, [new StdioTest("", got => got == "3\n")], Small) { AnyExitStatus = any };

        (await fixture.Pool.JudgeAsync(request, TestContext.Current.CancellationToken)).Kind.Should().Be(kind);
    }

    [Fact]
    public async Task A_harness_header_comes_before_the_program_and_leaves_its_lines_and_its_future_imports_alone()
    {
        const string header = "from math import *\nimport sys\nsys.setrecursionlimit(5000)\n";
        const string program = "from __future__ import annotations\ndef f(x: Unknown): return gcd(x, 4)\n";
        var cases = new CasesRequest(program, "f", [new TestCase("[[6],{\"d\":[]}]", v => v.ToString() == "2", null)], Small) { Header = header };
        var whole = new StdioRequest(program + "print(f(6), sys.getrecursionlimit())\nf(None)", [new StdioTest("", _ => true)], Small) { Header = header };

        (await fixture.Pool.JudgeAsync(cases, TestContext.Current.CancellationToken)).Kind.Should().Be(VerdictKind.Passed);
        var verdict = await fixture.Pool.JudgeAsync(whole, TestContext.Current.CancellationToken);
        verdict.Stdout.Should().Be("2 5000\n");
        verdict.Stderr.Should().Contain("File \"<program>\", line 4, in <module>");
    }

    [Theory]
    [InlineData(SandboxTier.Landlock, VerdictKind.Passed)]
    [InlineData(SandboxTier.Namespaces, VerdictKind.RuntimeError)] // no /proc there, which /dev/stdin leads through
    public async Task Standard_input_has_a_path_where_the_tier_has_proc(SandboxTier tier, VerdictKind kind)
    {
        await Sandboxes.RequireAsync(tier);
        await using var pool = await SandboxPool.StartAsync(new SandboxOptions { Tier = tier, Workers = 1 }, TestContext.Current.CancellationToken);

        var verdict = await pool.JudgeAsync(new StdioRequest(
            "print(open('/dev/stdin').read())", [new StdioTest("3", got => got == "3\n")], Small), TestContext.Current.CancellationToken);

        verdict.Kind.Should().Be(kind, verdict.Detail);
    }

    [Fact]
    public async Task Programs_from_the_field_are_given_what_python3_gives()
    {
        var failures = new List<string>();
        foreach (var line in File.ReadLines(SharedData.Require("field/judge/stdio/own-streams.jsonl")))
        {
            using var row = JsonDocument.Parse(line);
            string Text(string key) => row.RootElement.GetProperty(key).GetString()!;
            if (Text("id") == "tempfile")
            {
                continue; // a documented difference: nothing can be written to a folder
            }

            var wanted = Text("wanted");
            var isFailure = row.RootElement.TryGetProperty("status", out _);
            var verdict = await fixture.Pool.JudgeAsync(
                new StdioRequest(Text("program"), [new StdioTest(Text("input"), _ => true)], Small with { OutputBytes = (1 << 18) + wanted.Length }),
                TestContext.Current.CancellationToken);
            if (verdict.Stdout != wanted || verdict.Passed == isFailure)
            {
                failures.Add($"{Text("id")}: {verdict.Name} {verdict.Detail} {verdict.Stdout}");
            }
        }

        failures.Should().BeEmpty();
    }
}
