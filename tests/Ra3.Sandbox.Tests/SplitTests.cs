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
        { "a = [3, 1]\nb = a\nassert f(b) == [1, 3]\nassert a == [3, 1]", "def f(a): return sorted(a)", "def f(a): a.sort(); return a" },
        { "t = ([3, 1],)\nassert f(t[0]) == [1, 3]\nassert t == ([3, 1],)", "def f(a): return sorted(a)", "def f(a): a.sort(); return a" },
        { "t = ((1, [2]),)\nassert f(t) == 1\nassert f(t) == 1", "def f(t): return len(t[0][1])", "def f(t): t[0][1].append(0); return len(t[0][1]) - 1" },
        { "t = ([3, 1],)\nassert f(t) == 3\nassert f(t) == 4", "def f(t): t[0].append(1); return len(t[0])", "def f(t): return 3" },
        { "a = [1]\ng = lambda: a\nassert f(g()) == 1\nassert g() == [1]", "def f(a): return len(a)", "def f(a): a.append(1); return len(a) - 1" },
        { "assert f([[0]] * 2) == [[1], [1]]", "def f(g): g[0][0] = 1; return g", "def f(g): g[0] = [1]; return g" },
        { "a = [1]\nassert f(a) == [a]", "def f(a): return [a]", "def f(a): return [[2]]" },
        { "from types import SimpleNamespace\ns = SimpleNamespace(v=1)\nf(s)\nassert s.v == 2", "def f(s): s.v += 1", "def f(s): pass" },
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
        { "try:\n    f(1)\n    assert False\nexcept ValueError as e:\n    assert e.code == 3", "class Bad(ValueError):\n    def __init__(self, code): super().__init__('no'); self.code = code\ndef f(a): raise Bad(3)", "def f(a): raise ValueError(3)" },
        { "try:\n    f('/none')\n    assert False\nexcept OSError as e:\n    assert e.errno == 2 and e.filename == '/none'", "def f(p): raise FileNotFoundError(2, 'no', p)", "def f(p): raise OSError(p)" },
        { "class Mine(Exception): pass\ndef g(): raise Mine('k')\ntry:\n    f(g)\n    assert False\nexcept Mine as e:\n    assert str(e) == 'k'", "def f(g): return g()", "def f(g): raise Exception('k')" },
        { "class Mine(Exception): pass\ndef g(): raise Mine('k')\nassert f(g) == 'Mine'", "def f(g):\n    try: g()\n    except Exception as e: return type(e).__name__", "def f(g): return 'Exception'" },
        // Operators between objects of the program, and what stands for a value.
        { "assert (f(1) + f(2)).v == 3", Node + "    def __add__(self, o): return Node(self.v + o.v)\ndef f(v): return Node(v)", Node + "def f(v): return Node(v)" },
        { "assert float(f(1)) == 1.5 and list(reversed(f(1))) == [2, 1] and (-f(1)).v == -1", Node + "    def __float__(self): return 1.5\n    def __reversed__(self): return iter([2, 1])\n    def __neg__(self): return Node(-self.v)\ndef f(v): return Node(v)", Node + "def f(v): return Node(v)" },
        { "assert f(1) and not f(0)", Node + "    def __bool__(self): return self.v > 0\ndef f(v): return Node(v)", Node + "def f(v): return Node(v)" },
        // Objects of the program, and of the standard library.
        { "import datetime\nassert f(3) == datetime.date(2020, 1, 3)", "import datetime\ndef f(d): return datetime.date(2020, 1, d)", "def f(d): return '2020-01-03'" },
        { "import datetime\nassert f(3) == datetime.timedelta(3)", "import datetime\ndef f(d): return datetime.timedelta(d)", "def f(d): return d" },
        { "from array import array\nassert f(2) == array('i', [0, 1])", "from array import array\ndef f(n): return array('i', range(n))", "def f(n): return list(range(n))" },
        { "from collections import deque\nassert f(2) == deque([0, 1]) and not f(0)", "from collections import deque\ndef f(n): return deque(range(n))", "def f(n): return list(range(n))" },
        { "r = f(3)\nassert r == range(3)", "def f(n): return range(n)", "def f(n): return list(range(n))" },
        { "assert f('aab').most_common(1) == [('a', 2)]", "from collections import Counter\ndef f(s): return Counter(s)", "def f(s): return dict(a=2, b=1)" },
        { "d = f()\nassert d['x'] == [] and d == {'x': []}", "from collections import defaultdict\ndef f(): return defaultdict(lambda: [])", "def f(): return {}" },
        { "from collections import OrderedDict\nassert f('ab') == OrderedDict(a=1, b=1)", "from collections import OrderedDict\ndef f(s): return OrderedDict((c, 1) for c in s)", "from collections import OrderedDict\ndef f(s): return OrderedDict((c, 1) for c in reversed(s))" },
        { "p = f(1, 2)\nassert p.x == 1 and p == (1, 2) and isinstance(p, Node)", "from collections import namedtuple\nNode = namedtuple('Node', 'x y')\ndef f(x, y): return Node(x, y)", "Node = int\ndef f(x, y): return (x, y)" },
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
    [InlineData("assert abs(f(2) - 3.5) < 1e-6")]
    [InlineData("assert f(2) - 3.5 == 0")]
    [InlineData("assert 3 <= f(2) <= 4")]
    [InlineData("assert 3 in f(2)")]
    [InlineData("assert not f(2) != 3")]
    public async Task Operators_of_an_answer_learn_nothing_of_what_is_wanted(string tests)
    {
        var names = "sub rsub lt le gt ge eq ne abs contains".Split(' ').Select(n => $"    __{n}__ = lambda self, *a: {(n is "sub" or "rsub" ? "0" : n == "abs" ? "self" : "True")}\n");
        var program = "class Any(float):\n" + string.Concat(names) + "class Own:\n" + string.Concat(names);
        var plan = await fixture.Pool.PlanAsync("", tests + "\n", "f", Small, alwaysSplit: true);

        foreach (var type in new[] { "Any", "Own" })
        {
            (await fixture.Pool.JudgeAsync(plan with { Program = program + $"def f(x): return {type}()\n" })).Passed.Should().BeFalse();
        }
    }

    [Fact]
    public async Task A_group_of_exceptions_arrives_whole()
    {
        const string tests = "try:\n    f(1)\n    assert False\nexcept ValueError as e:\n    assert str(e) == 'old'\nexcept Exception as e:\n    assert [type(x) for x in e.exceptions] == [KeyError]\n";
        const string program = "def f(x):\n    try: group = ExceptionGroup\n    except NameError: raise ValueError('old')\n    raise group('g', [KeyError(1)])\n";
        var plan = await fixture.Pool.PlanAsync(program, tests, "f", Small);

        (await fixture.Pool.JudgeAsync(plan)).Passed.Should().BeTrue();
        (await fixture.Pool.JudgeAsync(plan with { Program = program.Replace("KeyError", "TypeError") })).Passed.Should().BeFalse();
    }

    [Theory]
    [InlineData("[\"c\", [7], []]")]
    [InlineData("[\"c\", 7, []]")]
    [InlineData("[\"v\", {\"g\": 5}, []]")]
    [InlineData("[\"v\", 3, [[9, []]]]")]
    [InlineData("[\"v\", 3, [[0, {\"s\": []}]]]")]
    [InlineData("[\"v\", 3]")]
    [InlineData("[\"e\", [], []]")]
    [InlineData("[\"e\", [\"ValueError\", \"\", [\"builtins\", \"ValueError\"], [], 0, 1, [], [], 5], []]")]
    [InlineData("[\"v\", {\"x\": [\"namedtuple\", 0, \"P\", [\"import\"], [3]]}, []]")]
    [InlineData("[\"v\", {\"x\": [\"system\", \"true\"]}, []]")]
    [InlineData("[\"v\", {\"x\": [\"deque\", {\"h\": 0}, null]}, []]")]
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
