using Ra3.Cli.Runs;
using Ra3.Training.Runs;

namespace Ra3.Tests;

public sealed class RunsTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("ra3-runs-").FullName;

    public RunsTests()
    {
        Make("first/ntp", "method: ntp\nseed: 1\noptimizer:\n  learningRate: 0.001\n", i => 3.0 / i);
        Make("first/ra3", "method: ra3\nseed: 1\noptimizer:\n  learningRate: 0.002\nc: 0.1\n", i => 2.0 / i);
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Runs_are_found_below_a_folder_oldest_first() =>
        LoggedRun.FindAll(root).Select(r => (r.Name, r.Steps)).Should().Equal(("first/ntp", 20), ("first/ra3", 20));

    [Fact]
    public void A_metrics_last_value_is_the_mean_of_the_last_ten() =>
        LoggedRun.Read(Path.Combine(root, "first/ntp")).Last("loss").Should().BeApproximately(Enumerable.Range(11, 10).Average(i => 3.0 / i), 1e-12);

    [Fact]
    public void Only_recipe_keys_that_differ_are_set_side_by_side() =>
        LoggedRun.RecipeDifferences(LoggedRun.FindAll(root)).Select(d => $"{d.Key}: {string.Join(", ", d.Values.Select(v => v ?? "none"))}")
            .Should().Equal("method: ntp, ra3", "optimizer.learningRate: 0.001, 0.002", "c: none, 0.1");

    [Fact]
    public void A_folder_without_a_run_is_named() =>
        FluentActions.Invoking(() => LoggedRun.Read(root)).Should().Throw<IOException>().WithMessage("*holds no run*");

    [Fact]
    public void The_page_has_a_chart_for_every_metric_and_both_recipes()
    {
        var page = RunsReport.Build(LoggedRun.FindAll(root)).ToString();
        page.Split("<figure class=\"chart\">").Should().HaveCount(3);
        page.Should().Contain("method: ntp").And.Contain("method: ra3").And.Contain("eStep");
    }

    private void Make(string name, string recipe, Func<int, double> loss)
    {
        using var run = RunFolder.Create(Path.Combine(root, name), recipe);
        for (var step = 1; step <= 20; step++)
        {
            run.Log(step, ("loss", loss(step)), ("eStep.reward", step));
        }
    }
}
