using System.Globalization;
using Ra3.Cli.Report;
using Ra3.MidTraining;
using Spectre.Console;

namespace Ra3.Cli.Quickstart;

/// <summary>The quickstart's result for people: a table on the terminal and report.html.</summary>
internal static class QuickstartReport
{
    private static readonly (string Key, string Name)[] Arms = [("base", "base"), ("ntp", "NTP"), ("ra3", "RA3")];
    private static readonly string[] Head =
        ["arm", "cross-entropy", "bits/byte", "with own thoughts", "without, same files", "think share", "tokens/thought", "trained tokens", "seconds"];

    public static void Print(QuickstartSummary summary, IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Rounded);
        table.AddColumns([.. Head.Select((name, i) => i == 0 ? new TableColumn(name) : new TableColumn(name).RightAligned())]);
        foreach (var row in Rows(summary))
        {
            table.AddRow([.. row]);
        }

        console.Write(table);
        console.WriteLine(Verdict(summary));
    }

    /// <summary>What the numbers allow to be said, and no more.</summary>
    public static string Verdict(QuickstartSummary summary)
    {
        var difference = summary.Ra3MinusNtp;
        var size = $"{Number(Math.Abs(difference.Nats), "0.0000")} ± {Number(difference.StandardError, "0.0000")} nats per token";
        var compared = !difference.IsClear
            ? $"RA3 and NTP do not differ clearly on held-out code in this run ({(difference.Nats > 0 ? "RA3 higher" : "RA3 lower")} by {size})."
            : difference.Nats > 0
                ? $"RA3's cross-entropy on held-out code is higher (worse) than NTP's by {size}."
                : $"RA3's cross-entropy on held-out code is lower (better) than NTP's by {size}.";
        return compared + " One seed at toy scale: the error is over held-out files, not over runs, and neither method was tuned.";
    }

    public static void Write(QuickstartSummary summary, QuickstartRun run, string path)
    {
        var data = run.Data!;
        var report = new ReportBuilder(
            "RA3 beside next-token prediction",
            $"ra3 quickstart · {Number(summary.Minutes, "0.##")} minutes · seed {summary.Seed}");
        report.Paragraph(data.Description + ". One small decoder was pre-trained on the first part; from it, NTP and RA3 mid-trained on the same "
            + "files of the second part for the same number of updates; the third part was never trained on.");
        report.Section("Held-out code");
        report.Note(Verdict(summary));
        report.Table(Head, Rows(summary), "Cross-entropy in nats per source token. “With own thoughts”: the model drew one comment trajectory itself; "
            + "the source given it is scored, which bounds the likelihood with thoughts summed out. “Seconds” counts each arm's own stage: RA3's includes E-step and sampling.");
        report.Chart(new LineChart("Held-out cross-entropy during pre-training", "million tokens trained on", "nats per source token", Series(run, "base")));
        report.Chart(new LineChart("Held-out cross-entropy during mid-training", "million tokens trained on (RA3: thoughts included)", "nats per source token", Series(run, "NTP", "RA3"))
        {
            Caption = $"Measured without thoughts on a fixed sample of held-out snippets. Before mid-training, all held-out snippets: {Number(summary.Arms["base"].ActionCrossEntropy, "0.000")}.",
        });

        report.Section("E-step");
        report.Paragraph("q learns when to think and what. Reward: mean log-probability of a line per token under the frozen base, less 0.05 for a thought.");
        report.Figures(
            ("iterations", summary.EStep.Iterations.ToString(CultureInfo.InvariantCulture)),
            ("reward, first → last tenth", $"{Number(summary.EStep.RewardFirst, "0.000")} → {Number(summary.EStep.RewardLast, "0.000")}"),
            ("think share, first → last tenth", $"{Percent(summary.EStep.ThinkShareFirst)} → {Percent(summary.EStep.ThinkShareLast)}"),
            ("largest log-prob mismatch", Number(summary.EStep.LogProbMismatch, "0.######")),
            ("groups without signal", Percent(summary.EStep.GroupsWithoutSignal)));
        report.Chart(EStepChart(run, "Reward of a line", "nats", metrics => metrics.Reward));
        report.Chart(EStepChart(run, "Think share, exploration included", "share of possible places", metrics => metrics.ThinkShare));
        var eStepTime = summary.EStep.GenerateSeconds + summary.EStep.ScoreSeconds + summary.EStep.UpdateSeconds;
        report.Paragraph($"Time: {Percent(summary.EStep.GenerateSeconds / eStepTime)} generating, {Percent(summary.EStep.ScoreSeconds / eStepTime)} scoring, "
            + $"{Percent(summary.EStep.UpdateSeconds / eStepTime)} updating. Exploration (thinking whatever q says, before surprising lines) falls to zero over the first half.");

        report.Section("Held-out code, line by line");
        report.Paragraph("The RA3 model walks through files it never saw. Each number is how much likelier the line became, in nats, against the same model without "
            + "its thoughts. Shown are the snippets with most thoughts, so this is not an average; the table above is.");
        foreach (var walk in run.Walks)
        {
            report.Walk(walk);
        }

        report.Section("Where the time went");
        report.Table(["stage", "seconds"], [.. summary.Timing.Select(item => (IReadOnlyList<string>)[item.Key, Number(item.Value, "0.0")])]);
        report.Write(path);
    }

    private static List<IReadOnlyList<string>> Rows(QuickstartSummary summary) =>
        [.. Arms.Select(arm =>
        {
            var values = summary.Arms[arm.Key];
            return (IReadOnlyList<string>)
            [
                arm.Name, Number(values.ActionCrossEntropy, "0.0000"), Number(values.BitsPerByte, "0.000"),
                Number(values.ThinkingCrossEntropy, "0.0000"), Number(values.ThinkingBaseline, "0.0000"), Percent(values.ThinkShare),
                Number(values.MeanLatentTokens, "0.0"), Number(values.TrainedTokens / 1e6, "0.00") + " M", Number(values.Seconds, "0"),
            ];
        })];

    private static List<ChartSeries> Series(QuickstartRun run, params string[] names) =>
        [.. names.Where(run.Curves.ContainsKey).Select(name => new ChartSeries(name, run.Curves[name]))];

    private static LineChart EStepChart(QuickstartRun run, string title, string unit, Func<EStepMetrics, double> value) => new(
        title, "iteration", unit, [new ChartSeries(title, [.. run.EStepHistory.Select((metrics, i) => (i + 1.0, value(metrics)))])]);

    private static string Number(double value, string shape) => value.ToString(shape, CultureInfo.InvariantCulture);

    private static string Percent(double share) => Number(100 * share, "0.0") + " %";
}
