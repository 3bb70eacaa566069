using System.Text.Json;

namespace Ra3.Tests;

public sealed class QuickstartTests
{
    /// <summary>The whole main job at its smallest: what scripts read is there, and the report stands by itself.</summary>
    [Fact]
    public async Task A_smoke_run_leaves_a_summary_and_a_report()
    {
        var folder = Directory.CreateTempSubdirectory("ra3-quickstart-").FullName;
        try
        {
            var run = Path.Combine(folder, "run");
            var (code, output, error) = await Ra3Command.RunAsync("quickstart", "--minutes", "0.5", "--seeds", "2", "--out", run, "--seed", "3");
            code.Should().Be(0, error);
            output.Should().Contain("Report: ").And.Contain("NTP").And.Contain("RA3");

            var summary = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(run, "summary.json"), TestContext.Current.CancellationToken)).RootElement;
            summary.GetProperty("seed").GetInt64().Should().Be(3);
            summary.GetProperty("seeds").GetInt32().Should().Be(2);
            summary.GetProperty("seedArms").GetArrayLength().Should().Be(2);
            summary.GetProperty("timing").GetProperty("ra3").GetDouble().Should().BePositive();
            summary.GetProperty("eStep").GetProperty("logProbMismatch").GetDouble().Should().Be(0);
            var judged = summary.GetProperty("evaluation").GetProperty("sandbox").ValueKind == JsonValueKind.String;
            foreach (var arm in new[] { "base", "ntp", "ra3" })
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
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
