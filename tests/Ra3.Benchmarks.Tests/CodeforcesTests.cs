using System.Text.Json;
using Ra3.Benchmarks;
using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>Each Codeforces problem is judged as somebody decided who read its statement.</summary>
public sealed class CodeforcesTests(Pool pool) : IClassFixture<Pool>
{
    [Fact]
    public void Every_decision_is_a_checker_or_none_with_a_reason()
    {
        CodeforcesData.Decisions.Should().HaveCount(408);
        foreach (var (statement, (checker, reason)) in CodeforcesData.Decisions)
        {
            statement.Should().MatchRegex("^[0-9a-f]{12}$");
            reason.Should().NotBeEmpty();
            if (checker != "none")
            {
                Checker.Named(checker).Should().NotBeNull();
            }
        }
    }

    [Fact]
    public void Every_problem_of_the_published_file_is_decided()
    {
        var benchmark = Load();

        benchmark.Problems.Should().HaveCount(343);
        benchmark.Excluded.Should().HaveCount(65);
        benchmark.Excluded.CountBy(e => e.Reason.Split(':')[0]).Should().BeEquivalentTo(
            new Dictionary<string, int> { ["interactive"] = 17, ["several right answers"] = 48 });
    }

    // Left out: interactive ones that do not say so first, several right answers that the statement does not mention. Back
    // again: a stray "any order" or "any of them", an answer that is unique though the statement speaks of several.
    [Theory]
    [InlineData("CF/47", false)]
    [InlineData("CF/275", false)]
    [InlineData("CF/80", false)]
    [InlineData("CF/82", false)]
    [InlineData("CF/165", false)]
    [InlineData("CF/400", false)]
    [InlineData("CF/13", true)]
    [InlineData("CF/38", true)]
    [InlineData("CF/61", true)]
    [InlineData("CF/219", true)]
    public void Statements_are_read_rightly(string id, bool isJudged) =>
        Load().Problems.Any(p => p.Id == id).Should().Be(isJudged);

    [Fact]
    public void An_unknown_statement_is_left_out_unless_its_row_names_a_checker()
    {
        CodeforcesData.Read([Row("Print a number.", null)], "test.json").Excluded.Should().ContainSingle().Which.Item2.Should().Contain("'checker'");
        CodeforcesData.Read([Row("Print a number.", "tokens")], "test.json").Problems.Should().ContainSingle();

        var read = () => CodeforcesData.Read([Row("Print a number.", "tokenz")], "test.json");
        read.Should().Throw<InvalidDataException>().WithMessage("test.json, row 1: *tokenz*");
    }

    [Fact]
    public async Task A_named_checker_judges()
    {
        var grader = CodeforcesData.Read([Row("Say yes.", "yesno")], "test.json").Problems.Single().Grader;

        (await grader.JudgeAsync(pool.Sandbox, "print('yEs')", TestContext.Current.CancellationToken)).Kind.Should().Be(VerdictKind.Passed);
        (await grader.JudgeAsync(pool.Sandbox, "print('no')", TestContext.Current.CancellationToken)).Kind.Should().Be(VerdictKind.Failed);
    }

    private static Benchmark Load() => BenchmarkLoader.Load("codeforces", SharedData.Require("data/benchmarks/codeforces.json"));

    private static JsonElement Row(string problem, string? checker) =>
        JsonSerializer.SerializeToElement(new { problem, checker, tests = new[] { new { input = "1\n", output = "YES" } } });
}
