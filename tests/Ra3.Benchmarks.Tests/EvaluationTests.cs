using Ra3.Benchmarks;
using Ra3.Sandbox;

namespace Ra3.Tests;

public sealed class EvaluationTests
{
    private static readonly Benchmark Three = new("tiny", [.. Enumerable.Range(0, 3).Select(i => new Problem($"X/{i}", "", [], "", null, null!))], []);

    [Fact]
    public void Harness_errors_are_counted_and_dropped_never_scored()
    {
        var score = Evaluation.ScoreOf(Three, [.. With(0, "+!-"), .. With(1, "+++"), .. With(2, "---")]);

        score.PassAtK[1].Should().BeEquivalentTo(new { Value = 0.5, Problems = 3 });
        (score.Dropped, score.Samples, score.Fewest, score.Most).Should().Be((1, 8, 3, 3));
        score.IsPartial.Should().BeFalse();
        score.Label.Should().Be("tiny");
    }

    [Fact]
    public void A_harness_error_takes_one_problem_out_of_pass_at_n_and_no_more()
    {
        var score = Evaluation.ScoreOf(Three, [.. With(0, "----!"), .. With(1, "+----"), .. With(2, "-----")]);

        score.PassAtK.Keys.Should().Equal(1, 5);
        score.PassAtK[1].Problems.Should().Be(3);
        score.PassAtK[5].Should().BeEquivalentTo(new { Value = 0.5, Problems = 2 });
    }

    [Fact]
    public void A_problem_without_a_verdict_makes_the_score_partial()
    {
        foreach (var results in new List<Result[]> { ([.. With(0, "+"), .. With(2, "-")]), ([.. With(0, "+"), .. With(1, "!"), .. With(2, "-")]) })
        {
            var score = Evaluation.ScoreOf(Three, results);
            (score.Asked, score.Missing, score.Problems, score.PassAtK[1].Value).Should().Be((3, 1, 2, 0.5));
            score.Label.Should().Be("tiny (partial: 2 of 3)");
        }
    }

    [Fact]
    public void Problems_that_are_not_asked_are_not_missed()
    {
        var asked = Three with { Problems = [.. Three.Problems.Select((p, i) => p with { IsAsked = i > 0 })] };
        Evaluation.ScoreOf(asked, [.. With(1, "+"), .. With(2, "-")]).Label.Should().Be("tiny");
        Evaluation.ScoreOf(asked, [.. With(0, "+"), .. With(1, "-")]).Label.Should().Be("tiny (partial: 1 of 2)");
    }

    [Fact]
    public void Unequal_samples_give_the_k_that_all_have()
    {
        var score = Evaluation.ScoreOf(Three, [.. With(0, "+----"), .. With(1, "-"), .. With(2, "-----")]);
        (score.Fewest, score.Most).Should().Be((1, 5));
        score.PassAtK.Keys.Should().Equal(1);
    }

    [Fact]
    public void Nothing_but_harness_errors_is_no_score()
    {
        var score = () => Evaluation.ScoreOf(Three, [.. With(0, "!!")]);
        score.Should().Throw<ArgumentException>().WithMessage("tiny: there is no verdict*");
    }

    /// <summary>Passed, failed and harness errors of a problem.</summary>
    private static Result[] With(int problem, string verdicts) => [.. verdicts.Select((verdict, i) => new Result(
        new Sample($"X/{problem}", i, ""),
        new Verdict(
            verdict == '+' ? VerdictKind.Passed : verdict == '-' ? VerdictKind.Failed : VerdictKind.HarnessError, null, "", 0, 0, 0, "", "",
            SandboxTier.Landlock)))];
}
