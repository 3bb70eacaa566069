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
        var grader = CodeforcesData.Read([Row(Check)], "test.json").Problems.Single().Grader;

        var verdict = await grader.JudgeAsync(pool.Sandbox, program, TestContext.Current.CancellationToken);

        verdict.Kind.Should().Be(expected, verdict.Detail);
        verdict.Test.Should().Be(expected == VerdictKind.Passed ? null : 0);
    }

    [Theory]
    [InlineData("def check(input, wanted, got) return True", "*refuses the very output that test 0 wants (runtime_error: SyntaxError*")]
    [InlineData("def check(input, wanted): return True", "*(runtime_error: TypeError*")]
    [InlineData("def check_it(input, wanted, got): return True", "*return True or False.")]
    [InlineData("def check(input, wanted, got): return input != '9\\n'", "*refuses the very output that test 1 wants. *")]
    [InlineData("def check(input, wanted, got): return 'yes'", "*returns 'yes' rather than True or False.")]
    [InlineData("def check(input, wanted, got): pass", "*returns None rather than True or False.")]
    public async Task A_faulty_one_is_refused_before_a_program_is_judged(string checker, string message)
    {
        var benchmark = CodeforcesData.Read([Row(Check), Row(checker)], "test.json");

        var tried = () => Evaluation.RequireSoundAsync(pool.Sandbox, benchmark, TestContext.Current.CancellationToken);

        (await tried.Should().ThrowAsync<InvalidDataException>()).WithMessage("test.json, row 2 (CF/1): its checker " + message);
    }

    [Fact]
    public async Task A_sound_one_is_not_refused() => await Evaluation.RequireSoundAsync(
        pool.Sandbox, CodeforcesData.Read([Row(Check)], "test.json"), TestContext.Current.CancellationToken);

    [Fact]
    public void Without_one_the_problem_is_left_out_and_counted()
    {
        var benchmark = CodeforcesData.Read([Row(null)], "test.json");

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
