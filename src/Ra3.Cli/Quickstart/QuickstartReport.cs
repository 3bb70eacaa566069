using System.Globalization;
using System.Text;
using Ra3.Cli.Report;
using Ra3.MidTraining;
using Ra3.Training.Runs;
using Spectre.Console;

namespace Ra3.Cli.Quickstart;

/// <summary>The quickstart's result for people: tables on the terminal and report.html.</summary>
internal static class QuickstartReport
{
    private static readonly string[] BeforeRlvr = ["arm", "pass@1 seen", "never bridged", "English", "thoughts/answer"];
    private static readonly string[] AfterRlvr = ["after RLVR: seen", "never bridged", "thoughts/answer", "RLVR steps to NTP's end"];

    private static readonly string[] CodeHead =
        ["arm", "cross-entropy", "bits/byte", "with own thoughts", "without, same files", "think share", "lines/thought", "tokens/thought", "trained tokens", "seconds"];

    public static void Print(QuickstartSummary summary, IAnsiConsole console)
    {
        if (summary.Evaluation.Sandbox is not null)
        {
            console.WriteLine("Held-out tasks, share solved by the likeliest answer:");
            Print(TaskHead(summary), TaskRows(summary), console);
        }

        console.WriteLine("Held-out real code, nats per token:");
        Print(CodeHead, CodeRows(summary), console);
        console.WriteLine(Headline(summary));
        foreach (var sentence in Verdicts(summary))
        {
            console.WriteLine(sentence);
        }

        if (summary.Arms["ra3"].Thoughts is { } thoughts)
        {
            console.WriteLine($"RA3's thoughts on the steps of the mid-training tasks: {Percent(thoughts.Right)} right, {Percent(thoughts.Wrong)} wrong, {Percent(thoughts.None)} none.");
        }
    }

    /// <summary>The result in one sentence: what RA3 gains and what it loses, whichever way it came out.</summary>
    public static string Headline(QuickstartSummary summary)
    {
        var arms = summary.Arms;
        if (!summary.Ra3MinusNtp.TryGetValue("passAt1Never", out var never) || !summary.Ra3MinusNtp.TryGetValue("passAt1Seen", out var seen))
        {
            return "Without a sandbox no program could be judged, so this run says nothing of tasks.";
        }

        return $"RA3 solves {Rate(arms["ra3"].Tasks!.Never)} of the tasks with a name never shown beside code, NTP {Rate(arms["ntp"].Tasks!.Never)} ({Points(never)}), and "
            + $"{Rate(arms["ra3"].Tasks!.Seen)} of those with names it saw, NTP {Rate(arms["ntp"].Tasks!.Seen)} ({Points(seen)}).";

        static string Rate(Estimate estimate) => $"{Number(100 * estimate.Mean, "0")} %";

        static string Points(Estimate difference) =>
            $"{Signed(100 * difference.Mean, "0.0")} ± {Number(100 * difference.StandardError, "0.0")} points{(difference.IsClear ? "" : ", no clear difference")}";
    }

    /// <summary>What else the numbers allow to be said, and no more.</summary>
    public static IReadOnlyList<string> Verdicts(QuickstartSummary summary)
    {
        var sentences = new List<string>();
        if (summary.Ra3MinusNtp.TryGetValue("passAt1AfterRlvr", out var after))
        {
            var size = $"{Signed(100 * after.Mean, "0.0")} ± {Number(100 * after.StandardError, "0.0")} points";
            sentences.Add(after.IsClear
                ? $"After RLVR the model from RA3 solves {(after.Mean > 0 ? "more" : "fewer")} of all jargon tasks than the one from NTP: {size}."
                : $"After RLVR the two do not differ clearly: {size}.");
        }

        var nats = summary.Ra3MinusNtp["actionCrossEntropy"];
        var natsSize = $"{Signed(nats.Mean, "0.0000")} ± {Number(nats.StandardError, "0.0000")} nats per token";
        sentences.Add(nats.IsClear
            ? $"On held-out real code RA3's cross-entropy is {(nats.Mean > 0 ? "higher (worse)" : "lower (better)")} than NTP's: {natsSize}."
            : $"On held-out real code RA3 and NTP do not differ clearly: {natsSize}.");
        var (before, ntp, ra3) = (summary.Arms["base"].ActionCrossEntropy, summary.Arms["ntp"].ActionCrossEntropy, summary.Arms["ra3"].ActionCrossEntropy);
        if (Math.Min(ntp, ra3) > before)
        {
            sentences.Add($"Mid-training on many tasks and few files makes both worse at real code than the base: {Number(before, "0.00")} nats per token before, "
                + $"{Number(ntp, "0.00")} after NTP, {Number(ra3, "0.00")} after RA3.");
        }

        sentences.Add(summary.Seeds == 1
            ? "One seed at toy scale: the errors are over tasks and files, not over runs; docs/experiments.md has many seeds."
            : $"{summary.Seeds} seeds at toy scale: the errors are over seeds.");
        return sentences;
    }

    /// <param name="summary">The result.</param>
    /// <param name="results">Of each seed.</param>
    /// <param name="about">Command, version and start.</param>
    /// <param name="recipe">Everything that was asked for.</param>
    /// <param name="path">Where the page goes.</param>
    public static void Write(QuickstartSummary summary, IReadOnlyList<SeedResult> results, RunAbout about, string recipe, string path)
    {
        var seeds = $"seed {summary.Seed}" + (summary.Seeds > 1 ? $" to {summary.Seed + summary.Seeds - 1}" : "");
        var report = new ReportBuilder(
            "RA3 beside next-token prediction", $"ra3 quickstart · {seeds} · {(summary.ShippedBase ? "shipped base" : "from scratch")} · {summary.Split.ToString().ToLowerInvariant()} split");
        report.Note($"**{Headline(summary)}** {string.Join(" ", Verdicts(summary))}");
        report.Paragraph(results[0].DataDescription + ". From one small base model, NTP (next-token prediction) and RA3 mid-trained on the same data for the same "
            + "number of updates"
            + (HasRlvr(summary) ? "; each was then post-trained by RLVR (reinforcement learning from the verdicts of hidden tests, by GRPO) with the same number of steps. " : ". ")
            + "Held-out files and tasks were never trained on.");
        Tasks(report, summary, results);
        Code(report, summary, results);
        EStep(report, summary, results);
        report.Section("Real held-out code, line by line");
        report.Paragraph("The RA3 model walks through files it never saw. Each number is how much likelier the line became, in nats, against the same model without "
            + "its thoughts. Shown are the snippets with most thoughts, so this is not an average; the table above is.");
        foreach (var walk in results[0].Walks)
        {
            report.Walk(walk);
        }

        report.Section("Where the time went");
        var total = summary.Timing.Values.Sum();
        report.Table(
            ["stage", "seconds", "share"],
            [
                .. summary.Timing.Select(item => (IReadOnlyList<string>)[item.Key, Number(item.Value, "0.0"), Percent(item.Value / total)]),
                ["all", Number(total, "0.0"), Percent(1)],
            ]);
        report.Section("How this was made");
        report.Table(["what", "value"],
        [
            ["command", about.Command], ["version", about.Version], ["begun", about.StartedAt.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)],
            .. Diagnostics.Machine.Checks().Take(3).Select(check => (IReadOnlyList<string>)[check.Name, check.Found]),
        ]);
        report.Folded("recipe.yaml: seed, plan and every setting", recipe);
        report.Write(path);
    }

    private static void Tasks(ReportBuilder report, QuickstartSummary summary, IReadOnlyList<SeedResult> results)
    {
        if (summary.Evaluation.Sandbox is null)
        {
            return;
        }

        report.Section("Tasks");
        report.Paragraph("Small Python functions with hidden tests, described in a jargon of coined names. The base learnt English → code from programs and "
            + "jargon → English from stubs; mid-training showed jargon → code for some of the names (“seen”). For the others (“never bridged”) a model must find "
            + "the way through English itself. “English”: the same kind of task described in English, to see what is forgotten.");
        report.Table(TaskHead(summary), TaskRows(summary), $"Greedy pass@1 in per cent ± standard error ({(summary.Seeds > 1 ? "over seeds" : "over tasks")}), "
            + $"{summary.Evaluation.Never} tasks a split, judged in the {summary.Evaluation.Sandbox} sandbox.");
        if (HasRlvr(summary))
        {
            report.Chart(new LineChart("pass@1 on held-out jargon tasks during RLVR", "RLVR step", "share solved", Curves(results, result => result.RlvrCurves)));
        }

        report.Paragraph($"Tasks as the models solved them{(HasRlvr(summary) ? " before RLVR" : "")}: the first of each split, not chosen by outcome.");
        foreach (var example in results[0].Examples)
        {
            var text = new StringBuilder(example.Prompt).Append('\n');
            foreach (var (arm, (answer, passed)) in example.Answers)
            {
                text.Append(CultureInfo.InvariantCulture, $"── {arm}: {(passed ? "passed" : "failed")}\n{answer.TrimEnd()}\n\n");
            }

            var outcome = string.Join(", ", example.Answers.Select(answer => $"{answer.Key} {(answer.Value.Passed ? "✓" : "✗")}"));
            report.Folded($"{example.Split}: {example.Prompt.Split('\n')[1].Trim().Trim('"')}  ({outcome})", text.ToString());
        }
    }

    private static void Code(ReportBuilder report, QuickstartSummary summary, IReadOnlyList<SeedResult> results)
    {
        report.Section("Real held-out code");
        report.Table(CodeHead, CodeRows(summary), "Cross-entropy in nats per source token. “With own thoughts”: the model drew one comment trajectory itself; "
            + "the source given it is scored, which bounds the likelihood with thoughts summed out. “Seconds” counts each arm's own stage: RA3's includes E-step and sampling.");
        var curves = Curves(results, result => Exact(result.Curves));
        report.Chart(new LineChart("Cross-entropy during pre-training", "million tokens trained on", "nats per source token", [.. curves.Where(curve => curve.Name == "base")]));
        report.Chart(new LineChart(
            "Cross-entropy during mid-training", "million tokens trained on (RA3: thoughts included)", "nats per source token",
            [.. curves.Where(curve => curve.Name != "base")])
        {
            Caption = "Measured without thoughts on a fixed sample of held-out snippets.",
        });
    }

    private static void EStep(ReportBuilder report, QuickstartSummary summary, IReadOnlyList<SeedResult> results)
    {
        report.Section("E-step");
        report.Paragraph("q learns when to think and what. Reward: mean log-probability of a line per token under the frozen base, less 0.05 for a thought.");
        report.Figures(
            ("iterations", summary.EStep.Iterations.ToString(CultureInfo.InvariantCulture)),
            ("reward, first → last tenth", $"{Number(summary.EStep.RewardFirst, "0.000")} → {Number(summary.EStep.RewardLast, "0.000")}"),
            ("gain by a thought, first → last tenth", $"{Number(summary.EStep.ThoughtGainFirst, "0.000")} → {Number(summary.EStep.ThoughtGainLast, "0.000")}"),
            ("think share, first → last tenth", $"{Percent(summary.EStep.ThinkShareFirst)} → {Percent(summary.EStep.ThinkShareLast)}"),
            ("largest log-prob mismatch", Number(summary.EStep.LogProbMismatch, "0.######")),
            ("groups without signal", Percent(summary.EStep.GroupsWithoutSignal)));
        report.Chart(EStepChart(results, "Reward of a line", "nats", metrics => metrics.Reward));
        report.Chart(EStepChart(results, "Gain of a line by the thought before it", "nats", metrics => metrics.ThoughtGain));
        report.Chart(EStepChart(results, "Think share, exploration included", "share of possible places", metrics => metrics.ThinkShare));
        report.Table(
            ["arm", "right", "wrong", "none"],
            [.. summary.Arms.Where(arm => arm.Value.Thoughts is not null).Select(arm => (IReadOnlyList<string>)
                [QuickstartArm.Of(arm.Key).Name, Percent(arm.Value.Thoughts!.Right), Percent(arm.Value.Thoughts.Wrong), Percent(arm.Value.Thoughts.None)])],
            "The steps of the mid-training tasks by the thought before each, as the M-step saw it. The right comment is known for these tasks; no arm but the oracle was told.");
        var time = summary.EStep.GenerateSeconds + summary.EStep.ScoreSeconds + summary.EStep.UpdateSeconds;
        report.Paragraph($"Time: {Percent(summary.EStep.GenerateSeconds / time)} generating, {Percent(summary.EStep.ScoreSeconds / time)} scoring, "
            + $"{Percent(summary.EStep.UpdateSeconds / time)} updating. Exploration (thinking whatever q says, before surprising lines) falls to zero over the first half.");
    }

    private static bool HasRlvr(QuickstartSummary summary) => summary.Arms.Values.Any(arm => arm.AfterRlvr is not null);

    private static string[] TaskHead(QuickstartSummary summary) => HasRlvr(summary) ? [.. BeforeRlvr, .. AfterRlvr] : BeforeRlvr;

    private static List<IReadOnlyList<string>> TaskRows(QuickstartSummary summary) =>
        [.. summary.Arms.Select(arm => (IReadOnlyList<string>)
        [
            .. new[]
            {
                QuickstartArm.Of(arm.Key).Name, Points(arm.Value.Tasks?.Seen), Points(arm.Value.Tasks?.Never), Points(arm.Value.Tasks?.Plain),
                Optional(arm.Value.TaskThoughts, "0.0"), Points(arm.Value.AfterRlvr?.Seen), Points(arm.Value.AfterRlvr?.Never),
                Optional(arm.Value.TaskThoughtsAfterRlvr, "0.0"),
                arm.Value.AfterRlvr is null ? "" : arm.Value.RlvrStepsToNtpFinal is { } steps ? Number(steps, "0.#") : "never",
            }.Take(TaskHead(summary).Length),
        ])];

    private static List<IReadOnlyList<string>> CodeRows(QuickstartSummary summary) =>
        [.. summary.Arms.Select(arm => (IReadOnlyList<string>)
        [
            QuickstartArm.Of(arm.Key).Name, Number(arm.Value.ActionCrossEntropy, "0.0000"), Number(arm.Value.BitsPerByte, "0.000"),
            Number(arm.Value.ThinkingCrossEntropy, "0.0000"), Number(arm.Value.ThinkingBaseline, "0.0000"), Percent(arm.Value.ThinkShare),
            Optional(arm.Value.LinesPerAbstraction, "0.0"), Number(arm.Value.MeanLatentTokens, "0.0"),
            Number(arm.Value.TrainedTokens / 1e6, "0.00") + " M", Number(arm.Value.Seconds, "0"),
        ])];

    /// <summary>Arms as rows where the console is wide enough for that, as columns where it is not.</summary>
    internal static void Print(IReadOnlyList<string> head, List<IReadOnlyList<string>> rows, IAnsiConsole console)
    {
        List<IReadOnlyList<string>> lines = [head, .. rows];
        var columns = Enumerable.Range(0, head.Count).Select(i => (IReadOnlyList<string>)[.. lines.Select(line => line[i])]).ToList();
        var width = 1 + columns.Sum(column => 3 + column.Max(cell => cell.Length));
        var shown = width > console.Profile.Width ? columns : lines;
        var table = new Table().Border(TableBorder.Rounded);
        table.AddColumns([.. shown[0].Select((name, i) => i == 0 ? new TableColumn(name) : new TableColumn(name).RightAligned())]);
        shown.Skip(1).ToList().ForEach(row => table.AddRow([.. row]));
        console.Write(table);
    }

    /// <summary>The mean of each curve over seeds, with a band of one standard error: over seeds, or, of a single one, of what it measured.</summary>
    private static List<ChartSeries> Curves(
        IReadOnlyList<SeedResult> results, Func<SeedResult, IReadOnlyDictionary<string, List<(double X, Estimate Y)>>> of) =>
        [.. of(results[0]).Keys.Select(name =>
        {
            var seeds = results.Select(result => of(result)[name]).ToList();
            var points = Enumerable.Range(0, seeds.Min(seed => seed.Count))
                .Select(i => (seeds[0][i].X, Y: Estimate.Over([.. seeds.Select(seed => seed[i].Y)]))).ToList();
            return new ChartSeries(name, [.. points.Select(point => (point.X, point.Y.Mean))])
            {
                Band = points.TrueForAll(point => point.Y.StandardError == 0) ? []
                    : [.. points.Select(point => (point.X, point.Y.Mean - point.Y.StandardError, point.Y.Mean + point.Y.StandardError))],
            };
        })];

    /// <summary>Curves whose points have no error of their own.</summary>
    private static Dictionary<string, List<(double X, Estimate Y)>> Exact(IReadOnlyDictionary<string, List<(double X, double Y)>> curves) =>
        curves.ToDictionary(curve => curve.Key, curve => curve.Value.ConvertAll(point => (point.X, new Estimate(point.Y, 0))));

    private static LineChart EStepChart(IReadOnlyList<SeedResult> results, string title, string unit, Func<EStepMetrics, double> value) => new(
        title, "iteration", unit, Curves(results, result => Exact(new Dictionary<string, List<(double X, double Y)>>
        {
            ["RA3"] = [.. result.EStep.Select((metrics, i) => (i + 1.0, value(metrics)))],
        })));

    private static string Points(Estimate? estimate) =>
        estimate is null ? "" : $"{Number(100 * estimate.Mean, "0.0")} ± {Number(100 * estimate.StandardError, "0.0")}";

    private static string Optional(double? value, string shape) => value is { } number ? Number(number, shape) : "";

    private static string Number(double value, string shape) => value.ToString(shape, CultureInfo.InvariantCulture).Replace('-', '−');

    private static string Signed(double value, string shape) => (value > 0 ? "+" : "") + Number(value, shape);

    private static string Percent(double share) => Number(100 * share, "0.0") + " %";
}
