using System.Text.Json;
using Ra3.Benchmarks;
using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>A problem that brings a checker program may have any number of right answers.</summary>
public sealed class CustomCheckerTests(Pool pool) : IClassFixture<Pool>
{
    private const string Statement = "Time Limit: 1000ms. Print two numbers whose sum is n. If there are multiple answers, print any of them.";
    private const string Check = "def check(input, wanted, got):\n    a, b = map(int, got.split())\n    return a + b == int(input)\n";

    [Theory]
    [InlineData("n = int(input())\nprint(n - 1, 1)", VerdictKind.Passed)]
    [InlineData("n = int(input())\nprint(0, n)", VerdictKind.Passed)]
    [InlineData("n = int(input())\nprint(n, n)", VerdictKind.Failed)]
    [InlineData("print('no numbers')", VerdictKind.Failed)]
    [InlineData("print(1, 2)\nraise SystemExit(1)", VerdictKind.RuntimeError)]
    public async Task It_decides(string program, VerdictKind expected)
    {
        var grader = CodeforcesData.Read([Row(Check)]).Problems.Single().Grader;

        var verdict = await grader.JudgeAsync(pool.Sandbox, program, TestContext.Current.CancellationToken);

        verdict.Kind.Should().Be(expected, verdict.Detail);
        verdict.Test.Should().Be(expected == VerdictKind.Passed ? null : 0);
    }

    [Fact]
    public void Without_one_the_problem_is_left_out_and_counted()
    {
        var benchmark = CodeforcesData.Read([Row(null)]);

        benchmark.Problems.Should().BeEmpty();
        benchmark.Excluded.Should().ContainSingle();
    }

    private static JsonElement Row(string? checker) => JsonSerializer.SerializeToElement(new
    {
        problem = Statement,
        checker,
        tests = new[] { new { input = "5\n", output = "2 3" }, new { input = "9\n", output = "4 5" } },
    });
}
