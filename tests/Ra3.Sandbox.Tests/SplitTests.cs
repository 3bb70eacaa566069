using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>Tests that have to be run judge right programs rightly, though the program has a process of its own.</summary>
public sealed class SplitTests(PoolFixture fixture) : IClassFixture<PoolFixture>
{
    private const string Node = "class Node:\n    def __init__(self, v): self.v = v\n";
    private static readonly Limits Small = new(CpuSeconds: 2, WallSeconds: 4, MemoryMb: 256);

    /// <summary>Tests, a right and a wrong program; the function is <c>f</c>, a class <c>Node</c> is the program's.</summary>
    public static TheoryData<string, string, string> Programs => new()
    {
        // Arguments changed in place.
        { "a = [3, 1, 2]\nf(a)\nassert a == [1, 2, 3]", "def f(a): a.sort()", "def f(a): pass" },
        { "a = [3, 1, 2]\nassert f(a) is None\nassert a == [1, 2, 3]", "def f(a): a.sort()", "def f(a): return None" },
        { "a = [3, 1, 2]\nassert f(a) == [1, 2, 3]\nassert a == [3, 1, 2]", "def f(a): return sorted(a)", "def f(a): a.sort(); return a" },
        { "a = [3, 1]\nassert f(a) is a and a == [1, 3]", "def f(a): a.sort(); return a", "def f(a): return sorted(a)" },
        { "g = [[1], [2]]\nrow = g[0]\nf(g)\nassert g == [[2], [1]] and row is g[1]", "def f(g): g.reverse()", "def f(g): g[0][0], g[1][0] = 2, 1" },
        { "d = {'a': [1]}\nf(d)\nassert d == {'a': [1, 2], 'b': 3}", "def f(d): d['a'].append(2); d['b'] = 3", "def f(d): d['b'] = 3" },
        { "s = {1, 2}\nf(s)\nassert s == {1}", "def f(s): s.discard(2)", "def f(s): pass" },
        { "b = bytearray(b'ab')\nf(b)\nassert b == b'ba'", "def f(b): b.reverse()", "def f(b): pass" },
        { "from collections import deque\nd = deque([1, 2, 3])\nf(d)\nassert list(d) == [3, 1, 2]", "def f(d): d.rotate()", "def f(d): pass" },
        { "from collections import Counter\nc = Counter('aab')\nf(c)\nassert c.most_common(1) == [('a', 5)]", "def f(c): c['a'] += 3", "def f(c): pass" },
        { "a = [1]\nf(a, a)\nassert a == [1, 2, 3]", "def f(a, b): a.append(2); b.append(3)", "def f(a, b): a.append(2)" },
        { "w = [1]\nfor i in (1, 2):\n    assert f(i, w) == [i]", "def f(i, w): return [i]", "def f(i, w): w.clear(); return w" },
        // Functions as arguments and answers.
        { "assert f(lambda v: v + 1, 2) == 3", "def f(g, x): return g(x)", "def f(g, x): return 9" },
        { "assert f(['bb', 'a'], len) == ['a', 'bb']", "def f(xs, k): return sorted(xs, key=k)", "def f(xs, k): return xs" },
        { "def g(x):\n    raise KeyError(x)\nassert f(g) == 'caught'", "def f(g):\n    try: g(1)\n    except KeyError: return 'caught'", "def f(g): return 'no'" },
        { "seen = []\nf([1, 2], seen.append)\nassert seen == [1, 2]", "def f(xs, g):\n    for x in xs: g(x)", "def f(xs, g): pass" },
        { "def visit(seen, x): seen.append(x)\nassert f([1, 2], visit) == [1, 2]", "def f(xs, g):\n    seen = []\n    for x in xs: g(seen, x)\n    return seen", "def f(xs, g): return []" },
        { "h = f(lambda x: x + 1, lambda x: x * 2)\nassert h(3) == 7", "def f(a, b): return lambda x: a(b(x))", "def f(a, b): return a" },
        { "@f\ndef g(x): return x\nassert g(1) == 2", "def f(g): return lambda *a: g(*a) + 1", "def f(g): return g" },
        // Exceptions of the program.
        { "try:\n    f(1)\n    assert False\nexcept ValueError as e:\n    assert str(e) == 'no' and type(e).__name__ == 'Bad'", "class Bad(ValueError): pass\ndef f(a): raise Bad('no')", "def f(a): raise ValueError('no')" },
        { "try:\n    f(1)\n    assert False\nexcept Node:\n    pass", "class Node(Exception): pass\ndef f(a): raise Node(a)", "class Node(Exception): pass\ndef f(a): raise Exception(a)" },
        { "try:\n    f(1)\n    assert False\nexcept KeyError as e:\n    assert e.args == ('k',) and str(e) == \"'k'\"", "def f(a): return {}['k']", "def f(a): raise KeyError('j')" },
        { "try:\n    f(1)\n    assert False\nexcept SystemExit as e:\n    assert e.code == 3", "import sys\ndef f(a): sys.exit(3)", "def f(a): pass" },
        { "a = [1]\ntry:\n    f(a)\n    assert False\nexcept ValueError:\n    assert a == [1, 2]", "def f(a): a.append(2); raise ValueError", "def f(a): raise ValueError" },
        { "assert all(map(lambda x: f(x) == x + 1, [1, 2]))", "def f(x): return x + 1", "def f(x): raise StopIteration" },
        // Objects of the program, and of the standard library.
        { "n = Node(1)\nassert f(n) is n", Node + "def f(n): return n", Node + "def f(n): return Node(n.v)" },
        { "n = f(1)\nassert isinstance(n, Node) and n.v == 1", Node + "def f(v): return Node(v)", Node + "def f(v): return v" },
        { "g = f(2)\nassert next(g) == 0 and list(g) == [1]", "def f(n): yield from range(n)", "def f(n): yield 0" },
        { "s = f()\ns[1] = 2\nassert str(s) == 'S{1: 2}' and len(s) == 1", "class S(dict):\n    pass\nclass T:\n    def __init__(self): self.d = {}\n    def __setitem__(self, k, v): self.d[k] = v\n    def __len__(self): return len(self.d)\n    def __str__(self): return f'S{self.d}'\ndef f(): return T()", "def f(): return []" },
        { "from decimal import Decimal\nassert str(f(Decimal('1.50'))) == '1.5'", "def f(d): return d.normalize()", "def f(d): return d" },
        { "assert f(range(3)) == 3 and f(slice(1, 2)) is None", "def f(r): return sum(r) if isinstance(r, range) else None", "def f(r): return 3" },
        { "import datetime\nassert f(datetime.date(2020, 1, 31)) == 2020", "def f(d): return d.year", "def f(d): return 1" },
        { "from collections import OrderedDict\nassert f(OrderedDict(a=1, b=2)) == ['b', 'a']", "def f(d): d.move_to_end('a'); return list(d)", "def f(d): return list(d)" },
        // A lie stays one.
        { "x = [7]\nassert f(x) == x", "def f(x): return [7]", "class E(list):\n    def __eq__(self, o): return True\ndef f(x): return E()" },
    };

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task A_right_program_passes_and_a_wrong_one_does_not(string tests, string right, string wrong)
    {
        var plan = await fixture.Pool.PlanAsync(right, tests + "\n", "f", Small, programNames: ["Node"]);
        plan.Should().BeOfType<SplitRequest>();

        var verdict = await fixture.Pool.JudgeAsync(plan);
        verdict.Kind.Should().Be(VerdictKind.Passed, verdict.Detail);
        (await fixture.Pool.JudgeAsync(plan with { Program = wrong })).Kind.Should().BeOneOf(VerdictKind.Failed, VerdictKind.RuntimeError);
    }

    [Theory]
    [InlineData("[\"c\", [7], []]")]
    [InlineData("[\"c\", 7, []]")]
    [InlineData("[\"v\", {\"g\": 5}, []]")]
    [InlineData("[\"v\", 3, [[9, []]]]")]
    [InlineData("[\"v\", 3, [[0, {\"s\": []}]]]")]
    [InlineData("[\"v\", 3]")]
    [InlineData("[\"e\", [], []]")]
    [InlineData("[\"e\", [\"SystemExit\", \"\", [\"builtins\", \"SystemExit\"], [0], 0, 1], []]")]
    [InlineData("[\"e\", [\"Skip\", \"\", [\"unittest\", \"SkipTest\"], [], 0, 1], []]")]
    [InlineData("[]")]
    [InlineData("7")]
    public async Task A_forged_line_is_a_failure_of_the_program(string line)
    {
        // The program finds the channel and writes in place of its own answer.
        var program = $"import os\ndef f(x):\n    for fd in range(3, 64):\n        try: os.write(fd, b'''{line}\\n''')\n        except OSError: pass\n    return 1\n";
        var tests = "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): self.assertEqual(f([2]), 3)\nunittest.main()\n";
        var verdict = await fixture.Pool.JudgeAsync(await fixture.Pool.PlanAsync(program, tests, "f", Small));

        verdict.Kind.Should().Be(VerdictKind.RuntimeError, verdict.Detail);
    }
}
