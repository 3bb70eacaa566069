using Ra3.Sandbox;

namespace Ra3.Tests;

public sealed class VerdictTests(PoolFixture fixture) : IClassFixture<PoolFixture>
{
    private const string Asserts = "assert add(1, 2) == 3\nassert add(-1, 1) == 0\n";
    private static readonly Limits Small = new(CpuSeconds: 1, WallSeconds: 2, MemoryMb: 256);

    public static TheoryData<string, VerdictKind> Programs => new()
    {
        { "def add(a, b): return a + b", VerdictKind.Passed },
        { "def add(a, b): return 3", VerdictKind.Failed },
        { "def add(a, b): return (a + b,)", VerdictKind.Failed },
        { "def add(a, b): return float(a + b)", VerdictKind.Passed },
        { "def add(a, b): return str(a + b)", VerdictKind.Failed },
        { "def add(a, b): raise ValueError(a)", VerdictKind.RuntimeError },
        { "def add(a, b): return undefined", VerdictKind.RuntimeError },
        { "def add(a, b)\n    return a", VerdictKind.RuntimeError },
        { "def plus(a, b): return a + b", VerdictKind.RuntimeError },
        { "import sys\nsys.exit(0)", VerdictKind.RuntimeError },
        { "def add(a, b):\n    while True: pass", VerdictKind.Timeout },
        { "import time\ndef add(a, b): time.sleep(100)", VerdictKind.Timeout },
        { "def add(a, b): return len('x' * (1 << 40))", VerdictKind.MemoryLimit },
        { "def add(a, b):\n    while True: print('x' * 1000)", VerdictKind.OutputLimit },
        { "import ctypes\ndef add(a, b): return ctypes.CDLL(None).ptrace(16, 1, 0, 0)", VerdictKind.SandboxViolation },
        { "class N(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\ndef add(a, b): return N(7)", VerdictKind.Failed },
    };

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task A_program_gets_the_same_verdict_in_cases_and_in_split_mode(string program, VerdictKind expected)
    {
        var cases = await fixture.Pool.PlanAsync(program, Asserts, "add", Small, ct: TestContext.Current.CancellationToken);
        cases.Should().BeOfType<CasesRequest>();

        (await fixture.Pool.JudgeAsync(cases)).Kind.Should().Be(expected);
        (await fixture.Pool.JudgeAsync(new SplitRequest(program, "add", Asserts, "", Small))).Kind.Should().Be(expected);
    }

    [Theory]
    [InlineData("from collections import deque\ndef add(a, b): return deque()", VerdictKind.Passed)]
    [InlineData("def add(a, b): return range(0)", VerdictKind.Passed)]
    [InlineData("from collections import deque\ndef add(a, b): return deque([0])", VerdictKind.Failed)]
    public async Task The_truth_of_any_answer_is_Pythons(string program, VerdictKind expected)
    {
        var cases = await fixture.Pool.PlanAsync(program, "assert not add(1, 2)\n", "add", Small, ct: TestContext.Current.CancellationToken);
        cases.Should().BeOfType<CasesRequest>();

        (await fixture.Pool.JudgeAsync(cases)).Kind.Should().Be(expected);
    }

    [Fact]
    public async Task What_stands_first_in_an_assertion_is_computed_first()
    {
        const string tests = "left = [1, 2, 3]\nassert add(left.pop(), 0) == left.pop() + 1\nassert left.pop() == add(1, 0)\n";
        var cases = await fixture.Pool.PlanAsync("def add(a, b): return a + b", tests, "add", Small, ct: TestContext.Current.CancellationToken);
        cases.Should().BeOfType<CasesRequest>();

        (await fixture.Pool.JudgeAsync(cases)).Kind.Should().Be(VerdictKind.Passed);
    }

    [Theory]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NaN)]
    [InlineData(1e9)]
    public void A_limit_is_a_day_at_most(double seconds)
    {
        var cpu = () => new Limits(CpuSeconds: seconds);
        var wall = () => Small with { WallSeconds = seconds };

        cpu.Should().Throw<ArgumentException>().WithMessage("CpuSeconds is *: give a number of seconds, 86400 at most.");
        wall.Should().Throw<ArgumentException>().WithMessage("WallSeconds is *");
    }

    [Theory]
    [InlineData("import time\ndef add(a, b):\n    while time.process_time() < 0.6: pass\n    return a + b", 0.3, VerdictKind.Timeout)]
    [InlineData("def add(a, b): return a + b + len(bytes(300 << 20)) * 0", 1, VerdictKind.MemoryLimit)]
    [InlineData("def add(a, b):\n    print('x' * 3000)\n    return a + b", 1, VerdictKind.OutputLimit)]
    public async Task Limits_can_be_changed_for_a_whole_pool(string program, double seconds, VerdictKind otherwise)
    {
        await using var pool = await SandboxPool.StartAsync(new SandboxOptions
        {
            Tier = fixture.Pool.Tier,
            Workers = 1,
            Limits = new LimitChanges(TimeFactor: 5, MemoryMb: 1024, OutputBytes: 1 << 20),
        });
        var limits = Small with { CpuSeconds = seconds, OutputBytes = 1000 };
        var request = await pool.PlanAsync(program, Asserts, "add", limits, ct: TestContext.Current.CancellationToken);

        (await fixture.Pool.JudgeAsync(request)).Kind.Should().Be(otherwise);
        (await pool.JudgeAsync(request)).Kind.Should().Be(VerdictKind.Passed);
    }

    [Fact]
    public async Task A_failure_names_the_test_and_shows_wanted_and_got()
    {
        var verdict = await fixture.Pool.JudgeAsync(
            await fixture.Pool.PlanAsync("def add(a, b): return 3", Asserts, "add", Small));

        verdict.Test.Should().Be(1);
        verdict.Detail.Should().Be("wanted 0, got 3");
    }

    [Fact]
    public async Task In_split_mode_a_failure_names_the_line_of_the_tests()
    {
        var verdict = await fixture.Pool.JudgeAsync(new SplitRequest(
            "def add(a, b): return 3", "add", "for a in (1, 2):\n    assert add(a, 3 - a) == 3\nassert add(0, 0) == 0", "", Small));

        verdict.Kind.Should().Be(VerdictKind.Failed);
        verdict.Test.Should().Be(3);
    }

    [Fact]
    public async Task A_wrong_answer_counts_even_when_a_later_call_never_returns()
    {
        var program = "def add(a, b):\n    while a < 0: pass\n    return 0";
        var verdict = await fixture.Pool.JudgeAsync(await fixture.Pool.PlanAsync(program, Asserts, "add", Small));

        verdict.Kind.Should().Be(VerdictKind.Failed);
        verdict.Test.Should().Be(0);
    }

    [Theory]
    [InlineData("print(int(input()) * 2)", VerdictKind.Passed)]
    [InlineData("import sys\nfor line in sys.stdin: sys.stdout.write(str(int(line) * 2))", VerdictKind.Passed)]
    [InlineData("import atexit, io, sys\nb = io.StringIO()\natexit.register(lambda: sys.stdout.write(b.getvalue()))\nb.write(str(int(open(0).read()) * 2))", VerdictKind.Passed)]
    [InlineData("import threading, time\ndef main():\n    n = int(input())\n    time.sleep(0.05)\n    print(n * 2)\nthreading.Thread(target=main).start()", VerdictKind.Passed)]
    [InlineData("import os\nos.write(1, b'%d' % (int(input()) * 2))\nos._exit(0)", VerdictKind.Passed)]
    [InlineData("if __name__ == '__main__':\n    print(2 * int(input())); exit()", VerdictKind.Passed)]
    [InlineData("print(3)", VerdictKind.Failed)]
    [InlineData("print(42)\nraise SystemExit(1)", VerdictKind.RuntimeError)]
    [InlineData("print(42)\n1 / 0", VerdictKind.RuntimeError)]
    [InlineData("input(); input()", VerdictKind.RuntimeError)]
    [InlineData("while True: pass", VerdictKind.Timeout)]
    public async Task A_whole_program_is_judged_by_what_it_prints(string program, VerdictKind expected)
    {
        var tests = new[] { new StdioTest("21\n", output => output.Trim() == "42"), new StdioTest("4", output => output.Trim() == "8") };

        var verdict = await fixture.Pool.JudgeAsync(new StdioRequest(program, tests, Small));

        verdict.Kind.Should().Be(expected, verdict.Detail);
    }

    [Fact]
    public async Task Random_numbers_and_the_order_of_sets_are_the_same_every_time()
    {
        const string program = "import random\ndef f(): return [random.random(), list({str(i) for i in range(20)})]";

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(
            _ => fixture.Pool.CallAsync(program, "f", ["[[],{\"d\":[]}]"], Small)));

        answers.Should().AllSatisfy(a => PyValue.Parse(a.Answers[0]!).Equals(PyValue.Parse(answers[0].Answers[0]!)).Should().BeTrue());
    }

    [Theory]
    [InlineData("[i for i in range(60000)]", "[float(i) for i in range(60000)]", true)]
    [InlineData("[i for i in range(60000)]", "list(range(59999)) + [0]", false)]
    [InlineData("[i for i in range(60000)]", "tuple(range(60000))", false)]
    [InlineData("set(range(60000))", "frozenset(reversed(range(60000)))", true)]
    [InlineData("{i: str(i) for i in range(30000)}", "{i: str(i) for i in reversed(range(30000))}", true)]
    [InlineData("'x' * 100000", "'x' * 100000", true)]
    [InlineData("'x' * 100000", "'x' * 99999 + 'y'", false)]
    [InlineData("[0.5] * 60000", "[0.5] * 60000", true)]
    [InlineData("[float('nan')] * 60000", "[float('nan')] * 60000", false)]
    public async Task Large_answers_compare_as_Python_compares_them(string left, string right, bool equal)
    {
        string[] calls = ["[[],{\"d\":[]}]"];
        var (a, _) = await fixture.Pool.CallAsync($"def f(): return {left}", "f", calls, Small);
        var (b, _) = await fixture.Pool.CallAsync($"def f(): return {right}", "f", calls, Small);

        PyValue.Parse(a[0]!).Equals(PyValue.Parse(b[0]!)).Should().Be(equal);
    }

    [Fact]
    public async Task What_the_tests_say_is_theirs_even_where_the_program_redefines_it()
    {
        const string prelude = "def helper(x):\n    return x + 1\n";
        const string tests = "for i in range(3):\n    assert helper(f(i)) == i + 1\n";

        var honest = await fixture.Pool.JudgeAsync(new SplitRequest("def f(x): return x", "f", tests, prelude, Small));
        honest.Kind.Should().Be(VerdictKind.Passed, honest.Detail);
        (await fixture.Pool.JudgeAsync(new SplitRequest(
            "def helper(x): return 1 + int(x.__class__ is int) * 99\ndef f(x): return 5", "f", tests, prelude, Small)))
            .Kind.Should().Be(VerdictKind.Failed);
    }

    [Fact]
    public async Task The_programs_own_objects_can_be_passed_back_to_it()
    {
        const string program = """
            class Pair:
                def __init__(self, a, b): self.a, self.b = a, b
                def __eq__(self, other): return True
            def total(pairs): return sum(p.a + p.b for p in pairs)
            def same(x): return Pair(1, 1)
            """;
        (await fixture.Pool.JudgeAsync(new SplitRequest(
            program, "total", "assert total([Pair(1, 2), Pair(3, 4)]) == 10", "", Small)
        { ProgramNames = ["Pair"] })).Passed.Should().BeTrue();
        (await fixture.Pool.JudgeAsync(new SplitRequest(
            program, "same", "x = 7\nassert same(x) == x", "", Small))).Kind.Should().Be(VerdictKind.Failed);
    }
}
