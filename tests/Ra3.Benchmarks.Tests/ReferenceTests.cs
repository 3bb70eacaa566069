using Ra3.Benchmarks;
using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>The benchmarks' own solutions pass, and wrong ones made of them get one verdict however they are judged.</summary>
public sealed class ReferenceTests(Pool pool) : IClassFixture<Pool>
{
    // All of them: ra3 eval --samples reference. Here a stride keeps the tests quick.
    [Theory]
    [InlineData("humaneval", 164, 4, false)]
    [InlineData("humaneval", 164, 16, true)]
    [InlineData("mbpp", 974, 16, false)]
    [InlineData("mbpp", 974, 96, true)]
    [InlineData("humaneval+", 164, 48, false)]
    [InlineData("mbpp+", 378, 48, false)]
    public async Task Reference_solutions_pass(string name, int problems, int stride, bool split)
    {
        var benchmark = Load(name, split);
        benchmark.Problems.Should().HaveCount(problems);
        var chosen = Samples.References(benchmark).Where((_, i) => i % stride == 0).ToList();

        var failures = (await JudgeAsync(benchmark, chosen)).Where(r => !r.Verdict.Passed)
            .Select(r => $"{r.Sample.TaskId}: {r.Verdict.Name} {r.Verdict.Detail}");

        failures.Should().BeEmpty();
    }

    // Setup code that builds the program's objects, builtin types as arguments, Pair objects, helpers of the prompt.
    [Theory]
    [InlineData("mbpp", "MBPP/367", "MBPP/533", "MBPP/601", "MBPP/927")]
    [InlineData("humaneval", "HumanEval/32", "HumanEval/38", "HumanEval/50")]
    [InlineData("mbpp+", "Mbpp/124", "Mbpp/252", "Mbpp/558", "Mbpp/581", "Mbpp/722")]
    [InlineData("humaneval+", "HumanEval/32", "HumanEval/53")]
    public async Task Odd_problems_pass(string name, params string[] ids)
    {
        var benchmark = Load(name, split: false);
        var chosen = Samples.References(benchmark).Where(s => ids.Contains(s.TaskId)).ToList();
        chosen.Should().HaveSameCount(ids);

        (await JudgeAsync(benchmark, chosen)).Should().OnlyContain(r => r.Verdict.Passed);
    }

    [Fact]
    public async Task A_program_cannot_bring_the_modules_that_tests_use()
    {
        var benchmark = Load("mbpp", split: false);
        const string forger = "class sys:\n    getsizeof = staticmethod(lambda *a: 'forged')\ndef tuple_size(items):\n    return 'forged'\n";

        (await JudgeAsync(benchmark, [new Sample("MBPP/596", 0, forger)])).Should().ContainSingle().Which.Verdict.Kind.Should().Be(VerdictKind.Failed);
    }

    [Fact]
    public async Task Wrong_programs_get_the_same_verdict_in_cases_and_in_split_mode()
    {
        var (cases, split) = (Load("humaneval", split: false), Load("humaneval", split: true));
        var wrong = Samples.References(cases).Where((_, i) => i % 10 == 0)
            .Select(s => s with { Program = s.Program.Replace("return ", "return not ", StringComparison.Ordinal) }).ToList();

        var first = (await JudgeAsync(cases, wrong)).ToDictionary(r => r.Sample.TaskId, r => r.Verdict.Kind);
        var second = (await JudgeAsync(split, wrong)).ToDictionary(r => r.Sample.TaskId, r => r.Verdict.Kind);

        first.Should().BeEquivalentTo(second);
        first.Values.Should().Contain(VerdictKind.Failed);
    }

    [Fact]
    public void All_contest_problems_of_LiveCodeBench_are_read()
    {
        var benchmark = Load("livecodebench", split: false);

        benchmark.Problems.Should().HaveCount(879);
        benchmark.Excluded.Should().BeEmpty();
    }

    [Fact]
    public async Task A_contest_solution_is_judged_by_its_output_or_its_method()
    {
        var livecodebench = Load("livecodebench", split: false);
        var cards = "for _ in range(int(input())):\n    s = input()\n    print('YES' if sum(a != b for a, b in zip(s, 'abc')) < 3 else 'NO')\n";
        var seniors = "class Solution:\n    def countSeniors(self, details: List[str]) -> int:\n        return sum(int(d[11:13]) > 60 for d in details)\n";
        var byMethod = livecodebench.Problems.First(p => p.Prompt.Contains("countSeniors", StringComparison.Ordinal)).Id;

        var results = await JudgeAsync(livecodebench,
        [
            new Sample("LCB/0", 0, cards), new Sample("LCB/0", 1, cards.Replace("< 3", "< 2", StringComparison.Ordinal)),
            new Sample(byMethod, 0, seniors), new Sample(byMethod, 1, seniors.Replace("60", "80", StringComparison.Ordinal)),
        ]);

        results.Should().OnlyContain(r => r.Verdict.Passed == (r.Sample.Index == 0));
    }

    private static Benchmark Load(string name, bool split) =>
        BenchmarkLoader.Load(name, SharedData.Require("data/benchmarks/" + BenchmarkLoader.FileName(name)), split);

    private async Task<List<Result>> JudgeAsync(Benchmark benchmark, IReadOnlyList<Sample> samples)
    {
        var results = new List<Result>();
        await Evaluation.JudgeAsync(pool.Sandbox, benchmark, samples.ToAsyncEnumerable(), results.Add, TestContext.Current.CancellationToken);
        return results;
    }
}
