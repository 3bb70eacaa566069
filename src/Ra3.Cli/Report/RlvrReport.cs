using System.Globalization;
using Ra3.Models.Files;
using Ra3.PostTraining;
using Ra3.Training.Runs;

namespace Ra3.Cli.Report;

/// <summary>The page of an RLVR run: curves, and some of what it wrote first and last.</summary>
internal static class RlvrReport
{
    private const int Shown = 24; // completions of the first and of the last step; rollouts.jsonl has them all

    public static ReportBuilder Build(string folder, string subtitle)
    {
        var metrics = RunFolder.ReadMetrics(folder);
        var report = new ReportBuilder("RLVR " + Path.GetFileName(folder), subtitle);
        report.Section("Learning");
        if (Curve("test.passAt1") is { Count: > 0 } passed)
        {
            var errors = Curve("test.standardError");
            var curve = new ChartSeries("pass@1", passed) { Band = [.. passed.Zip(errors, (p, e) => (p.X, p.Y - e.Y, p.Y + e.Y))] };
            report.Chart(new LineChart("held-out pass@1", "step", "share of problems", [curve])
            {
                Caption = "Greedy; the band is one standard error.",
            });
        }

        report.Chart(Chart("reward", "mean over completions", "rlvr.reward", "rlvr.passRate", "rlvr.solvedProblems"));
        var flat = Curve("rlvr.groupsWithoutSignal");
        var flatSeries = new ChartSeries("groupsWithoutSignal", flat);
        report.Chart(new LineChart("groups without signal", "step", "share", [flatSeries])
        {
            Caption = $"In {flat.Count(step => step.Y == 1)} of {flat.Count} steps the members of every group were "
                + "rewarded alike: they taught nothing.",
        });
        report.Chart(Chart("length", "tokens", "rlvr.completionTokens"));
        report.Chart(Chart("entropy", "nats", "rlvr.entropy"));
        report.Chart(Chart("think share", "comments per line", "rlvr.thinkShare"));
        var rollouts = JsonLines.ReadLog<RolloutLine>(Path.Combine(folder, RolloutLine.FileName), RunJson.Options).ToList();
        long[] steps = [.. rollouts.Select(line => line.Step).Distinct()];
        foreach (var step in new[] { steps.FirstOrDefault(), steps.LastOrDefault() }.Distinct().Where(step => step > 0))
        {
            report.Section($"Rollouts of step {step}");
            foreach (var line in rollouts.Where(line => line.Step == step).Take(Shown))
            {
                report.Folded(Heading(line), line.Prompt + line.Completion + (line.Detail.Length > 0 ? $"\n\n{line.Detail}" : ""));
            }
        }

        return report.Section("Recipe").Folded("recipe.yaml", RunFolder.ReadRecipe(folder));

        LineChart Chart(string title, string unit, params string[] names) => new(
            title, "step", unit, [.. names.Select(name => new ChartSeries(name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..], Curve(name)))]);

        List<(double X, double Y)> Curve(string name) =>
            [.. metrics.Where(line => line.Values.ContainsKey(name)).Select(line => ((double)line.Step, line.Values[name]))];
    }

    /// <summary>A completion in one line.</summary>
    public static string Heading(RolloutLine line) => string.Create(CultureInfo.InvariantCulture,
        $"{line.Problem} · {line.Verdict} · reward {line.Reward?.ToString("0.###", CultureInfo.InvariantCulture) ?? "none"} · advantage {line.Advantage:+0.###;−0.###;0} · {line.Tokens} tokens · {line.ThinkLines} of {line.Lines} lines are comments{(line.Truncated ? " · cut off" : "")}{(line.Replaced ? " · group replaced" : "")}");
}
