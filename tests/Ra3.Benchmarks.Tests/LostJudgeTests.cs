using Ra3.Benchmarks;
using Ra3.Sandbox;

namespace Ra3.Tests;

public sealed class LostJudgeTests(Pool pool) : IClassFixture<Pool>
{
    [Fact]
    public async Task A_judge_that_fails_costs_its_verdict_and_not_the_run()
    {
        var problems = new[] { "lost", "fine" }.Select(id => new Problem(id, "", [], "", null, new Lost(id == "lost"))).ToList();
        var results = new List<Result>();

        await Evaluation.JudgeAsync(
            pool.Sandbox, new Benchmark("b", problems, []), problems.Select(p => new Sample(p.Id, 0, "")).ToAsyncEnumerable(), results.Add,
            TestContext.Current.CancellationToken);

        var verdicts = results.ToDictionary(r => r.Sample.TaskId, r => r.Verdict);
        verdicts["lost"].Kind.Should().Be(VerdictKind.HarnessError);
        verdicts["lost"].Detail.Should().Be("lost");
        verdicts["fine"].Passed.Should().BeTrue();
        verdicts["fine"].Stdout.Should().BeEmpty("megabytes a sample are not kept");
    }

    private sealed class Lost(bool isLost) : Grader
    {
        public override Task<Verdict> JudgeAsync(SandboxPool pool, string program, CancellationToken ct) => isLost
            ? throw new IOException("lost")
            : Task.FromResult(new Verdict(VerdictKind.Passed, null, "", 0, 0, 0, "printed", "", pool.Tier));
    }
}
