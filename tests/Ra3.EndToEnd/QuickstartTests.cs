using System.Text.Json;

namespace Ra3.Tests;

public sealed class QuickstartTests
{
    /// <summary>The whole main job at its smallest: what scripts read is there, the report stands by itself, and its recipe does the same
    /// again, however often it is stopped and killed on the way.</summary>
    [Fact]
    public async Task A_smoke_run_leaves_a_summary_and_a_report_and_its_recipe_repeats_it_through_stops()
    {
        var folder = Directory.CreateTempSubdirectory("ra3-quickstart-").FullName;
        try
        {
            var (run, stopped) = (Path.Combine(folder, "first"), Path.Combine(folder, "second"));
            var first = await RunAsync(run, seeds: 1, "--seed", "3", "--scale", "0.01", "--set", "plan.eStep.kind=rlBestOfGroup");
            string[] again = ["quickstart", "--out", stopped, "--seeds", "2", "--recipe", Path.Combine(run, "recipe.yaml")];
            var (code, error) = await Ra3Command.StopAsync("-INT", null, "seed3.ra3.mStep", again);
            code.Should().Be(130);
            error.Should().Contain($"Go on with: ra3 quickstart --out {stopped} --resume");
            await Ra3Command.StopAsync("-KILL", null, "seed4.ntp.loss", ["quickstart", "--out", stopped, "--resume"]);
            var second = await RunAsync(stopped, seeds: 2, "--resume");
            foreach (var arm in Arms)
            {
                foreach (var value in new[] { "actionCrossEntropy", "thinkingCrossEntropy", "trainedTokens", "passAt1", "rlvrTokens" })
                {
                    second.GetProperty("seedArms")[0].GetProperty(arm).GetProperty(value).ToString()
                        .Should().Be(first.GetProperty("arms").GetProperty(arm).GetProperty(value).ToString(), $"{arm}.{value} of the same seed and plan");
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task The_first_command_starts_from_the_base_that_comes_with_the_program()
    {
        var run = Path.Combine(Directory.CreateTempSubdirectory("ra3-quickstart-").FullName, "run");
        try
        {
            var (code, output, error) = await Ra3Command.RunAsync(["quickstart", "--out", run, "--scale", "0.01", "--set", "plan.rlvrSteps=0"]);
            code.Should().Be(0, error);
            output.Should().Contain("Plan: the shipped base").And.Contain(" left in all.");
            var summary = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(run, "summary.json"), TestContext.Current.CancellationToken)).RootElement;
            summary.GetProperty("shippedBase").GetBoolean().Should().BeTrue();
            summary.GetProperty("arms").GetProperty("base").GetProperty("actionCrossEntropy").GetDouble().Should().BeLessThan(6, "it was trained");
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(run)!, recursive: true);
        }
    }

    private static readonly string[] Arms = ["base", "ntp", "ra3"];

    private static async Task<JsonElement> RunAsync(string run, int seeds, params string[] options)
    {
        var (code, output, error) = await Ra3Command.RunAsync(["quickstart", "--out", run, .. options]);
        code.Should().Be(0, error);
        output.Should().Contain("Report: ").And.Contain("NTP").And.Contain("RA3");

        var summary = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(run, "summary.json"), TestContext.Current.CancellationToken)).RootElement;
        summary.GetProperty("seed").GetInt64().Should().Be(3);
        summary.GetProperty("seeds").GetInt32().Should().Be(seeds);
        summary.GetProperty("seedArms").GetArrayLength().Should().Be(seeds);
        summary.GetProperty("timing").GetProperty("ra3").GetDouble().Should().BePositive();
        summary.GetProperty("eStep").GetProperty("logProbMismatch").GetDouble().Should().Be(0);
        var judged = summary.GetProperty("evaluation").GetProperty("sandbox").ValueKind == JsonValueKind.String;
        foreach (var arm in Arms)
        {
            var values = summary.GetProperty("arms").GetProperty(arm);
            values.GetProperty("actionCrossEntropy").GetDouble().Should().BeInRange(1, 9);
            values.GetProperty("bitsPerByte").GetDouble().Should().BePositive();
            values.GetProperty("trainedTokens").GetInt64().Should().BePositive();
            values.GetProperty("seconds").GetDouble().Should().BePositive();
            values.GetProperty("passAt1").ValueKind.Should().Be(judged ? JsonValueKind.Number : JsonValueKind.Null);
            values.GetProperty("passAt1AfterRlvr").ValueKind.Should().Be(judged ? JsonValueKind.Number : JsonValueKind.Null);
            values.TryGetProperty("rlvrStepsToNtpFinal", out _).Should().BeTrue();
        }

        (await File.ReadAllTextAsync(Path.Combine(run, "report.html"), TestContext.Current.CancellationToken))
            .Should().Contain("<svg").And.NotContain("src=\"").And.NotContain("href=\"http");
        return summary;
    }
}
