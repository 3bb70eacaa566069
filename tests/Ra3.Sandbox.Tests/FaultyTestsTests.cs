using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>Tests that can judge no program are refused before any program runs, with line and reason.</summary>
public sealed class FaultyTestsTests(PoolFixture fixture) : IClassFixture<PoolFixture>
{
    private const string TestCase = "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): self.assertEqual(half(4), 2)\n";
    private static readonly Limits Small = new(CpuSeconds: 2, WallSeconds: 4, MemoryMb: 256);

    [Theory]
    // Nothing is asserted.
    [InlineData("", "the tests: nothing calls half.")]
    [InlineData("# assert half(3) == 1\n", "the tests: nothing calls half.")]
    [InlineData("'''assert half(3) == 1'''", "the tests: nothing calls half.")]
    [InlineData("def check(candidate):\n    pass\n", "the tests: nothing calls half.")]
    [InlineData("if __name__ == 'tests':\n    assert half(3) == 1\n", "the tests: nothing calls half.")]
    [InlineData("def half(x): return x // 2\nassert half(4) == 2\n", "the tests: nothing calls half.")]
    [InlineData("def check(candidate):\n    candidate(3)\n", "the tests: nothing is asserted*")]
    [InlineData("assert half(5) == 2 or True\n", "the tests: nothing is asserted*")]
    [InlineData("try:\n    assert half(3) == 1\nexcept Exception: pass\n", "the tests: nothing is asserted*")]
    [InlineData(TestCase + "unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(T))\n", "the tests: nothing is asserted*")]
    // Nobody runs them.
    [InlineData("def test_half():\n    assert half(5) == 2\n", "the tests, line 1: nothing calls 'test_half'*")]
    [InlineData("assert half(2) == 1\ndef test_more():\n    assert half(3) == 1\n", "the tests, line 2: nothing calls 'test_more'*")]
    [InlineData(TestCase, "the tests, line 2: nothing calls 'T'*")]
    [InlineData("def test_a():\n    assert half(3) == 1\ndef test_b():\n    assert half(5) == 2\ndef main(): test_a()\nmain()\n", "the tests, line 3: nothing calls 'test_b'*")]
    [InlineData("class Plain:\n    def test_b(self):\n        assert half(5) == 2\n" + TestCase + "unittest.main()\n", "the tests, line 2: nothing calls 'test_b'*")]
    [InlineData("def test_b():\n    assert half(5) == 2\n" + TestCase + "unittest.main()\n", "the tests, line 1: nothing calls 'test_b'*")]
    [InlineData("import functools\n@functools.lru_cache\ndef test_b():\n    assert half(5) == 2\nassert half(3) == 1\n", "the tests, line 3: nothing calls 'test_b'*")]
    [InlineData("class Two:\n    def test_a(self):\n        assert half(3) == 1\n    def test_b(self):\n        assert half(5) == 2\nTwo().test_a()\n", "the tests, line 4: nothing calls 'test_b'*")]
    [InlineData("def check(candidate):\n    assert candidate(3) == 1\n    def inner():\n        assert candidate(5) == 2\n", "the tests, line 3: nothing calls 'inner'*")]
    [InlineData("def check(c):\n    yield c(3)\n    assert c(5) == 2\ncheck(half)\nfor x in (3,): assert half(x) == 1\n", "the tests, line 1: nothing calls 'check'*")]
    // They cannot run by themselves.
    [InlineData("assert half(5) == 2\nassert half(\n", "the tests, line 2: SyntaxError*")]
    [InlineData("return half(3)\n", "the tests, line 1: SyntaxError*")]
    [InlineData("assert half(4) == 2\nassert hallf(5) == 2\n", "the tests, line 2: 'hallf' is defined neither here nor by Python*")]
    [InlineData("def check(candidate):\n    for x in (1, 2):\n        assert candidate(x) == expectd(x)\n", "the tests, line 3: 'expectd'*")]
    [InlineData("import numpy as np\nassert half(3) == 1\n", "the tests, line 1: the module 'numpy' is not there.")]
    [InlineData("def check(c):\n    for x in (1, 2):\n        assert c(x) == 1\n    from solution import half\n", "the tests, line 4: the module 'solution' is not there.")]
    [InlineData("assert half(2) == 1\nassert half(int('x')) == 3\n", "the tests, line 2: raises ValueError by itself*")]
    [InlineData("import sys\nsys.exit(0)\nassert half(3) == 1\n", "the tests, line 2: raises SystemExit by itself*")]
    [InlineData("assert 1 == 2\nassert half(3) == 1\n", "the tests, line 1: raises AssertionError by itself*")]
    [InlineData("while True: pass\nassert half(3) == 1\n", "the tests: they do not end, and have not called half by then.")]
    [InlineData("import os\nos._exit(0)\nassert half(3) == 1\n", "the tests: they end the process that runs them*")]
    // They mean something that two processes cannot have.
    [InlineData("class Node:\n    pass\nassert [half(1)] == [0]\nassert [half(Node())] == [1]\n", "the tests, line 4: the program is given a Node*")]
    [InlineData("assert half(i for i in (1, 2)) == 1\n", "the tests, line 1: the program is given a generator*")]
    [InlineData("import io, contextlib\nb = io.StringIO()\nwith contextlib.redirect_stdout(b):\n    half(3)\nassert b.getvalue() == '1'\n", "the tests, line 4: input or output is changed*")]
    [InlineData("import builtins\nbuiltins.input = lambda: '3'\nassert half() == 1\n", "the tests, line 3: input or output is changed*")]
    [InlineData("from unittest import mock\nassert half(mock.Mock()) == 1\n", "the tests, line 1: 'unittest.mock' cannot reach the program*")]
    [InlineData("import asyncio\nassert asyncio.run(half(3)) == 1\n", "the tests, line 1: 'asyncio' cannot reach the program*")]
    [InlineData("import inspect\nassert inspect.signature(half) and half(3) == 1\n", "the tests, line 2: '__signature__' of the program's function*")]
    public async Task Tests_that_can_judge_nobody_are_refused(string tests, string message)
    {
        var plan = () => fixture.Pool.PlanAsync("", tests, "half", Small);

        (await plan.Should().ThrowAsync<FaultyTestsException>()).WithMessage(message);
    }

    [Fact]
    public async Task Objects_of_the_programs_own_classes_are_not_compared()
    {
        var plan = () => fixture.Pool.PlanAsync("", "assert turn(1) is None or turn(1) == Point(1, 2)\n", "turn", Small, programNames: ["Point"]);

        (await plan.Should().ThrowAsync<FaultyTestsException>()).WithMessage("the tests, line 1: objects of the program's own classes are compared*");
    }

    [Theory]
    [InlineData("assert Vec(1) < Vec(2)\n", "*whose < nobody can trust*")]
    [InlineData("assert 1 in Vec(1)\n", "*whose in nobody can trust*")]
    [InlineData("assert (Vec(1) * 2).x == 2\n", "*'__mul__' of the program's own class meets a plain value*")]
    public async Task Comparing_objects_of_the_class_under_test_is_refused(string tests, string message)
    {
        var plan = () => fixture.Pool.PlanAsync("", tests, "Vec", Small);

        (await plan.Should().ThrowAsync<FaultyTestsException>()).WithMessage(message);
    }

    [Fact]
    public async Task A_wrong_entry_point_is_said_whatever_is_in_front_of_the_tests()
    {
        var wrong = () => fixture.Pool.PlanAsync("", "assert half(4) == 2\n", "third", Small, prelude: "def half(x):\n    pass\n");
        var broken = () => fixture.Pool.PlanAsync("", "assert half(4) == 2\n", "half(", Small);

        (await wrong.Should().ThrowAsync<FaultyTestsException>()).WithMessage("the tests: nothing calls third.");
        (await broken.Should().ThrowAsync<FaultyTestsException>()).WithMessage("the tests: the entry point 'half(' is no expression*");
    }

    [Theory]
    [InlineData("def check(candidate):\n    for x in range(6):\n        assert candidate(x) == x // 2\n    half\n")]
    [InlineData("import unittest\nclass T(unittest.TestCase):\n    def setUp(self): self.assertEqual(half(2), 1)\n    def test_it(self): self.see(4)\n    def see(self, x):\n        assert half(x) == 2\nunittest.main(argv=['t'], exit=False)\n")]
    [InlineData("def test_a():\n    for x in [half(4)]:\n        one(x)\ndef one(x):\n    assert x == 2\ntest_a()\n")]
    [InlineData("def one(x):\n    assert x == 2\nif isinstance(half(4), int):\n    one(half(4))\nassert half(2) != 999\n")]
    [InlineData("def one(x):\n    assert x == 2\nx = half(4) + 1\none(x - 1)\n")]
    [InlineData("assert half.__name__ == 'half'\nassert half(4) == 2\n")]
    [InlineData("import functools\ndef runs(t):\n    @functools.wraps(t)\n    def run(): t()\n    run()\n    return run\n@runs\ndef test_a():\n    assert half(4) == 2\n")]
    [InlineData("def check(candidate):\n    for x in range(6):\n        assert candidate(x) == x // 2\n")]
    [InlineData("def check(candidate):\n    assert candidate(3) == 1\n")]
    [InlineData("def check():\n    for x in range(6): assert half(x) == x // 2\n")]
    [InlineData("def check(f):\n    assert f(3) == 1\ncheck(lambda x: half(x))\n")]
    [InlineData("if __name__ == '__main__':\n    assert half(3) == 1\n")]
    [InlineData(TestCase + "if __name__ == '__main__':\n    unittest.main()\n")]
    [InlineData("def test_it():\n    assert half(3) == 1\nfor name, f in list(globals().items()):\n    if name.startswith('test'): f()\n")]
    [InlineData("if half(4) != 2:\n    raise ValueError\n")]
    [InlineData("try:\n    import numpy\nexcept ImportError:\n    numpy = None\nassert all(half(i) == i // 2 for i in (2, 3))\n")]
    [InlineData("from math import *\nassert [half(4)] == [sqrt(4)]\n")]
    [InlineData("assert half(2) != 999\n")]
    [InlineData("for x in [half(9)]:\n    last = x\nassert last == 4\n")]
    public async Task Sound_tests_pass_the_right_program_alone(string tests)
    {
        var plan = await fixture.Pool.PlanAsync("def half(x): return x // 2", tests, "half", Small);

        var verdict = await fixture.Pool.JudgeAsync(plan);
        verdict.Kind.Should().Be(VerdictKind.Passed, verdict.Detail);
        (await fixture.Pool.JudgeAsync(plan with { Program = "def half(x): return 999" })).Kind.Should().Be(VerdictKind.Failed);
    }

    [Fact]
    public async Task Tests_that_nobody_tried_pass_nobody_either()
    {
        var verdict = await fixture.Pool.JudgeAsync(new SplitRequest("def half(x): return 999", "half", "pass", "", Small));

        verdict.Kind.Should().Be(VerdictKind.HarnessError);
    }

    [Fact]
    public async Task Without_tests_nothing_is_judged()
    {
        var cases = () => fixture.Pool.JudgeAsync(new CasesRequest("def half(x): return 999", "half", [], Small));
        var inputs = () => fixture.Pool.JudgeAsync(new StdioRequest("print(999)", [], Small));

        await cases.Should().ThrowAsync<ArgumentException>();
        await inputs.Should().ThrowAsync<ArgumentException>();
    }

    [Fact]
    public async Task Names_of_the_tests_are_Pythons_and_never_the_programs()
    {
        const string honest = "import sys\ndef size(x): return sys.getsizeof(x)\n";
        const string forger = "class sys:\n    getsizeof = staticmethod(lambda *a: 'forged')\ndef size(x): return 'forged'\n";
        foreach (var tests in new[] { "assert size((1, 2)) == sys.getsizeof((1, 2))\n", "for x in (1, 2):\n    assert size(x) == sys.getsizeof(x)\n" })
        {
            var plan = await fixture.Pool.PlanAsync(honest, tests, "size", Small);
            (await fixture.Pool.JudgeAsync(plan)).Kind.Should().Be(VerdictKind.Passed);
            (await fixture.Pool.JudgeAsync(plan with { Program = forger })).Kind.Should().Be(VerdictKind.Failed);
        }
    }
}
