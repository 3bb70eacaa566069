namespace Ra3.PostTraining.Tests;

/// <summary>Equal programs are judged once; what may change from run to run is judged again.</summary>
public sealed class RecentScoresTests
{
    private readonly RecentScores scores = new(capacity: 2);
    private int judged;

    [Fact]
    public async Task Equal_programs_side_by_side_and_later_are_judged_once()
    {
        var verdict = new TaskCompletionSource<Score>();
        Task<Score>[] all = [.. Enumerable.Range(0, 3).Select(_ => scores.OfAsync("a", () => Judge(verdict.Task)))];
        verdict.SetResult(new Score(1, "passed"));

        (await Task.WhenAll(all)).Should().OnlyContain(score => score.Passed);
        await Judged("a", new Score(0, "failed"));
        judged.Should().Be(1);
    }

    [Fact]
    public async Task Timeouts_and_failures_of_the_judge_are_not_kept()
    {
        await Judged("a", new Score(0, "timeout"));
        await Judged("a", new Score(null, "harness_error"));
        var fails = () => scores.OfAsync("a", () => Judge(Task.FromException<Score>(new InvalidDataException("faulty"))));
        await fails.Should().ThrowAsync<InvalidDataException>();
        (await Judged("a", new Score(1, "passed"))).Passed.Should().BeTrue();
        judged.Should().Be(4);
    }

    [Fact]
    public async Task No_more_than_twice_the_capacity_is_kept()
    {
        foreach (var key in new[] { "a", "b", "c", "d", "e" })
        {
            await Judged(key, new Score(1, "passed"));
        }

        await Judged("e", new Score(1, "passed"));
        await Judged("c", new Score(1, "passed"));
        judged.Should().Be(5);
        await Judged("a", new Score(1, "passed"));
        judged.Should().Be(6);
    }

    private Task<Score> Judged(string key, Score score) => scores.OfAsync(key, () => Judge(Task.FromResult(score)));

    private Task<Score> Judge(Task<Score> score)
    {
        judged++;
        return score;
    }
}
