using System.Globalization;
using Ra3.Cli.Commands;
using Ra3.Cli.Report;

namespace Ra3.Cli.Runs;

/// <summary>The page of `ra3 runs report`.</summary>
internal static class RunsReport
{
    public static ReportBuilder Build(IReadOnlyList<LoggedRun> runs)
    {
        var report = new ReportBuilder(
            runs.Count == 1 ? runs[0].Name : $"{runs.Count} runs",
            string.Join(" · ", runs.Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Name}, {r.About.StartedAt:yyyy-MM-dd HH:mm} UTC"))));

        var metrics = runs.SelectMany(r => r.Metrics).Distinct().ToList();
        var differences = LoggedRun.RecipeDifferences(runs);
        report.Section("At the end");
        report.Table(
            [string.Empty, .. runs.Select(r => r.Name)],
            [
                .. differences.Select(d => (IReadOnlyList<string>)[$"`{d.Key}`", .. d.Values.Select(v => v ?? "–")]),
                ["steps", .. runs.Select(r => r.Steps.ToString(CultureInfo.InvariantCulture))],
                .. metrics.Select(m => (IReadOnlyList<string>)[m, .. runs.Select(r => r.Metrics.Contains(m) ? RunsCommand.Number(r.Last(m)) : "–")]),
            ],
            $"Recipe keys in which the runs differ, then the mean of the last {LoggedRun.LastCount} values of each metric.");

        foreach (var group in metrics.GroupBy(m => m.Contains('.', StringComparison.Ordinal) ? m[..m.IndexOf('.', StringComparison.Ordinal)] : "Curves"))
        {
            report.Section(group.Key);
            foreach (var metric in group)
            {
                report.Chart(new LineChart(metric, "step", string.Empty,
                    [.. runs.Where(r => r.Metrics.Contains(metric)).Select(r => new ChartSeries(r.Name, r.Curve(metric)))]));
            }
        }

        report.Section("Recipes");
        foreach (var run in runs)
        {
            report.Folded(run.Name, $"# {run.About.Command}\n# {run.About.Version}\n{run.Recipe}");
        }

        return report;
    }
}
