using System.Text;
using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>Programs that write on the channels by which they are judged: every line costs at most their own verdict.</summary>
public sealed class ChannelTests(PoolFixture fixture) : IClassFixture<PoolFixture>
{
    private static readonly Limits Small = new(CpuSeconds: 2, WallSeconds: 4, MemoryMb: 512);
    private static readonly TestCase[] Cases = [new("[[1,2],{\"d\":[]}]", v => v.ToDouble() == 3, "3"u8.ToArray())];
    private static readonly string Deep = new string('[', 5000) + new string(']', 5000);

    // Every JSON type in every place, and what is no JSON at all.
    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "1.5", "1e400", "-1e400", new string('9', 5000), "\"x\"", "\"\\ud800\"", "[]", "{}", "[null]", "[[]]", "[1,2]",
        "[\"\\ud800\",\"\\udfff\"]", "[\"a\"]", "[\"a\",1]", "[{},{}]", "{\"e\":[]}", "{\"h\":0}", "{\"h\":-1}", "{\"h\":1e400}", "{\"h\":\"x\"}",
        "{\"h\":100000000000000000000}", "{\"t\":1}", "{\"s\":{}}", "{\"s\":[[1]]}", "{\"z\":null}", "{\"d\":5}", "{\"d\":[[1]]}", "{\"d\":[[[],1]]}",
        "{\"d\":[[{\"f\":\"nan\"},1],[{\"f\":\"nan\"},2]]}", "{\"i\":\"zz\"}", "{\"i\":5}", "{\"i\":\"\"}", "{\"i\":\"0x\"}", "{\"f\":5}", "{\"f\":\"1e400\"}",
        "{\"c\":[\"a\",\"b\"]}", "{\"c\":[]}", "{\"b\":\"zz\"}", "{\"b\":\"0\"}", "{\"u\":[-1]}", "{\"u\":[1e10]}", "{\"u\":[55296,\"x\"]}", "{\"q\":[]}",
        "{\"q\":[1,2]}", "{\"q\":[\"0x1\",\"0x0\"]}", "{\"q\":[\"0x1\",\"-0x1\"]}", "{\"m\":[]}", "{\"m\":[\"x\"]}", "{\"m\":[1]}", "{\"m\":[\"0x1\",\"0x0\",\"1\"]}",
        "{\"m\":[\"1E+999999999\"]}", "{\"y\":\"no such type\"}", "{\"y\":[]}", "{\"o\":5}", "{\"x\":\"00\"}", "{\"t\":[],\"s\":[]}", Deep, "", "NaN", "-", "[1,", "{\"v\":", "\"",
    ];

    private static readonly string[] Odd =
    [
        "{\"e\":[\"E\",\"text\"],\"m\":1e400}", "{\"e\":[\"E\",\"text\"],\"m\":[]}", "{\"e\":[\"E\",\"text\"],\"m\":{}}", "{\"e\":[\"E\",\"text\",\"more\"]}",
        "{\"e\":[\"\\ud800\",\"\\ud800\"],\"m\":0,\"x\":0}", "{\"r\":1}{\"r\":1}", "{\"r\":2}", "{\"r\":1}", "{\"v\":0}{\"v\":0}", "\\u0000", "\0\0\0\0", "kill",
        "(\0\0\0{}", "\u00ff\u00fe", "\n\n\n\n", "\r", "// x",
    ];

    [Fact]
    public void Nothing_that_a_program_says_makes_the_host_raise_or_pass_it()
    {
        foreach (var value in Values)
        {
            foreach (var line in new[] { value, $"{{\"v\":{value}}}", $"{{\"e\":{value}}}", $"{{\"e\":[\"E\",\"t\"],\"m\":{value}}}", $"{{\"b\":{value}}}" }.Concat(Odd))
            {
                foreach (var start in new[] { "", "{\"r\":1}\n" })
                {
                    var bytes = Encoding.Latin1.GetBytes(start + line + "\n");
                    var whole = new Answers(Cases, 1000);
                    whole.Take(bytes);
                    whole.End();
                    var pieces = new Answers(Cases, 1000);
                    foreach (var piece in bytes)
                    {
                        pieces.Take([piece]);
                    }

                    pieces.End();
                    whole.AreAllRight.Should().BeFalse(line);
                    (pieces.Right, pieces.Wrong, pieces.Error, pieces.TooBig).Should().Be((whole.Right, whole.Wrong, whole.Error, whole.TooBig));
                    _ = ToldError.Read(bytes);
                }
            }
        }
    }

    // Lines for the judge of split mode, and some for the other two: how many programs run is what this costs.
    public static TheoryData<string> Spoken => new(new[]
    {
        "null", "5", "[]", "{}", "\"\\ud800\"", "{\"e\":[]}", "{\"e\":1}", "{\"e\":[1,2,3]}", "{\"e\":[\"\\ud800\",\"\"],\"m\":1e400}", "[\"v\"]", "[\"v\",1,2]",
        "[\"v\",1e400]", "[\"v\",{\"d\":[[[],1]]}]", "[\"v\",{\"h\":-1}]", "[\"v\",{\"h\":1e400}]", "[\"v\",{\"c\":[\"a\",\"b\"]}]", "[\"v\",{\"u\":[-1]}]",
        "[\"v\",{\"m\":[\"1E+999999999\"]}]", "[\"v\",{\"s\":[[1]]}]", "[\"names\",5]", "[\"names\",[5]]", "[\"names\",[[\"add\",5]]]", "[\"names\",[[5,{\"h\":0}]]]",
        "[\"names\",[[\"__builtins__\",{\"h\":0}]]]", "[\"e\"]", "[\"e\",[],{},null,1e400]", "[\"e\",\"StopIteration\",\"\",0,1]", "[\"e\",\"\\ud800\",\"\\ud800\",0,0]",
        "[\"b\",[]]", "NaN", "\0\0\0\0", Deep, new string('9', 5000), new string(' ', 70000),
    });

    [Theory]
    [MemberData(nameof(Spoken))]
    public async Task Whatever_a_program_writes_on_its_channels_costs_its_own_verdict_only(string line)
    {
        var pool = fixture.Pool;
        var replaced = pool.ReplacedWorkers;
        var write = $"""
            import os
            def say(ends=False):
                for fd in range(3, 64):
                    try:
                        os.write(fd, bytes.fromhex('{Convert.ToHexString(Encoding.Latin1.GetBytes(line))}') + b'\n')
                    except OSError:
                        pass
                if ends: os._exit(1)
                return 'nothing'

            """;
        var split = new SplitRequest("", "add", "for a in range(3):\n    assert add(a, 2) == a + 2\n", "", Small);
        JudgeRequest[] requests =
        [
            split with { Program = write + "say()\ndef add(a, b): return 'nothing'" },
            split with { Program = write + "def add(a, b): return say(a == 1)" },
            new CasesRequest(write + "def add(a, b): return say(True)", "add", Cases, Small),
            new StdioRequest(write + "say(True)", [new StdioTest("1 2", output => output.Trim() == "3", 2)], Small),
        ];

        foreach (var request in requests)
        {
            var verdict = await pool.JudgeAsync(request, TestContext.Current.CancellationToken);

            verdict.Kind.Should().BeOneOf([VerdictKind.Failed, VerdictKind.RuntimeError, VerdictKind.OutputLimit], verdict.Detail);
        }

        pool.ReplacedWorkers.Should().Be(replaced);
    }

    [Fact]
    public async Task An_exception_with_a_broken_name_is_told_as_what_it_is()
    {
        const string program = """
            class M(type):
                __name__ = property(lambda s: 'Od\ud800d')
            class X(Exception, metaclass=M): pass
            def add(a, b): raise X('te\udfffxt')
            """;

        var verdict = await fixture.Pool.JudgeAsync(new CasesRequest(program, "add", Cases, Small));

        verdict.Kind.Should().Be(VerdictKind.RuntimeError);
        verdict.Detail.Should().Be("Od?d: te?xt");
    }

    public static TheoryData<string, string> LargeAnswers => new()
    {
        { "list(range(n))", "list(range(60000))" },
        { "tuple(range(n))", "tuple(range(60000))" },
        { "'x' * n", "'x' * 60000 * 2" },
        { "'\\u00e9' * n", "'\\u00e9' * 60000 * 2" },
        { "b'x' * n", "b'x' * 60000 * 2" },
        { "{i: str(i) for i in range(n)}", "{i: str(i) for i in reversed(range(60000))}" },
        { "set(range(n))", "{float(i) for i in range(60000)}" },
        { "[[i, (i,)] for i in range(n)]", "[[i, (i,)] for i in range(60000)]" },
        { "[i / 2 for i in range(n)]", "[i / 2 for i in range(60000)]" },
        { "[str(i) for i in range(n)]", "[str(i) for i in range(60000)]" },
        { "[True, None, 2**70, 1.5] * n", "[True, None, 2**70, 1.5] * 60000" },
        { "10 ** (n // 10)", "10 ** 6000" },
    };

    [Theory]
    [MemberData(nameof(LargeAnswers))]
    public async Task A_right_answer_passes_however_large_and_whichever_way_it_is_judged(string answer, string wanted)
    {
        var n = wanted.EndsWith("* 2", StringComparison.Ordinal) ? 120000 : 60000;
        var program = $"def f(n): return {answer}";
        var test = $"assert f({n}) == {wanted}";
        var limits = new Limits(CpuSeconds: 10, WallSeconds: 30, ResultBytes: 1000); // the limit follows what is wanted
        var plan = await fixture.Pool.PlanAsync(program, test, "f", limits);
        plan.Should().BeOfType<CasesRequest>();

        var asCases = await fixture.Pool.JudgeAsync(plan);
        var split = await fixture.Pool.JudgeAsync(new SplitRequest(program, "f", test, "", limits with { ResultBytes = 1 << 23 }));
        var wrong = await fixture.Pool.JudgeAsync(plan with { Program = program + "[:-1]" });

        asCases.Kind.Should().Be(VerdictKind.Passed, asCases.Detail);
        split.Kind.Should().Be(VerdictKind.Passed, split.Detail);
        wrong.Passed.Should().BeFalse();
    }

    [Theory]
    [InlineData("return list(range(10**6))")]
    [InlineData("return 'x' * 10**6")]
    [InlineData("return [[[]]] * 10**6")]
    [InlineData("x = []\n    x.append(x)\n    return x")]
    [InlineData("from decimal import Decimal\n    return Decimal('1e999999999')")]
    public async Task An_answer_beyond_the_limit_is_an_output_limit(string body)
    {
        var program = $"def add(a, b):\n    {body}";
        var limits = Small with { ResultBytes = 100_000 };

        var asCases = await fixture.Pool.JudgeAsync(new CasesRequest(program, "add", Cases, limits));
        var split = await fixture.Pool.JudgeAsync(new SplitRequest(program, "add", "assert add(1, 2) == 3", "", limits));

        asCases.Kind.Should().Be(VerdictKind.OutputLimit, asCases.Detail);
        split.Kind.Should().Be(VerdictKind.OutputLimit, split.Detail);
    }

    [Fact]
    public async Task The_output_limit_follows_the_wanted_output()
    {
        var limits = Small with { OutputBytes = 1000 };
        var test = new StdioTest("50000", output => output.Trim().Length == 50000, 50000);

        var right = await fixture.Pool.JudgeAsync(new StdioRequest("print('x' * int(input()))", [test], limits));
        var more = await fixture.Pool.JudgeAsync(new StdioRequest("print('x' * 10 * int(input()))", [test], limits));

        right.Kind.Should().Be(VerdictKind.Passed, right.Detail);
        more.Kind.Should().Be(VerdictKind.OutputLimit);
    }

    [Theory]
    [InlineData("complex(a, 1e-9)", "assert abs(f(3) - 3) < 1e-6", true)]
    [InlineData("complex(a, 1)", "assert abs(f(3) - 3) < 1e-6", false)]
    [InlineData("Decimal(a) / 3", "assert abs(f(3) - 1) < 1e-6", true)]
    [InlineData("Decimal(a) / 3", "assert abs(f(3) - 1.0) < 1e-6", false)]
    [InlineData("Decimal(a) / 10", "assert f(1) == Decimal('0.1')", true)]
    [InlineData("a / 10", "assert f(1) == Decimal('0.1')", false)]
    [InlineData("Decimal(a) / 10", "assert abs(f(1) - Decimal('0.1')) < 1e-9", true)]
    [InlineData("Fraction(a, 3)", "assert abs(f(1) - 1 / 3) < 1e-9", true)]
    [InlineData("Fraction(a, 3)", "assert abs(f(1) - Decimal('0.3')) < 1", false)]
    [InlineData("Decimal(a)", "assert f(float('inf')) == float('inf')", true)]
    [InlineData("Decimal(a)", "assert f(1) == 1\nassert f(float('nan')) != 1", true)]
    public async Task Decimals_fractions_and_complex_numbers_are_compared_as_in_Python(string answer, string test, bool passes)
    {
        const string imports = "from decimal import Decimal\nfrom fractions import Fraction\n";
        var program = imports + $"def f(a): return {answer}";

        var planned = await fixture.Pool.JudgeAsync(await fixture.Pool.PlanAsync(program, test, "f", Small, imports));
        var split = await fixture.Pool.JudgeAsync(new SplitRequest(program, "f", test, imports, Small));

        planned.Passed.Should().Be(passes, planned.Detail);
        split.Passed.Should().Be(passes, split.Detail);
    }
}
