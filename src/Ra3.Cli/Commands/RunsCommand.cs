using System.CommandLine;
using System.Globalization;
using Ra3.Cli.Runs;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 runs list|compare|report`: what run folders tell.</summary>
internal static class RunsCommand
{
    public static Command Create() => new("runs", "Lists and compares runs, and draws their curves.") { List(), Compare(), Report() };

    private static Verb List()
    {
        var folder = new Argument<DirectoryInfo>("DIR") { Description = "Where to look, subfolders included.", DefaultValueFactory = _ => new DirectoryInfo("runs") };
        var json = CommonOptions.Json();
        var verb = new Verb("list", "Lists the runs below a folder, oldest first.", "ra3 runs list", "ra3 runs list experiments --json") { folder, json };
        verb.Does((parsed, _) =>
        {
            var root = parsed.GetRequiredValue(folder).FullName;
            var runs = LoggedRun.FindAll(root);
            if (parsed.GetValue(json))
            {
                Terminal.WriteJson(runs.Select(r => new { r.Name, r.Path, r.About.StartedAt, r.About.Command, r.Steps, Last = r.Metrics.ToDictionary(m => m, r.Last) }));
                return 0;
            }

            var console = Terminal.For(json: false);
            if (runs.Count == 0)
            {
                console.WriteLine($"No run in {root}.");
                return 0;
            }

            var table = new Table().Border(TableBorder.Simple).AddColumns("run", "started (UTC)", "steps", "loss");
            table.Columns[2].RightAligned();
            table.Columns[3].RightAligned();
            foreach (var run in runs)
            {
                table.AddRow(new[]
                {
                    run.Name,
                    run.About.StartedAt.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
                    run.Steps.ToString(CultureInfo.InvariantCulture),
                    run.Metrics.Contains("loss") ? Number(run.Last("loss")) : string.Empty,
                }.Select(Markup.Escape).ToArray());
            }

            console.Write(table);
            return 0;
        });
        return verb;
    }

    private static Verb Compare()
    {
        var paths = Paths();
        var json = CommonOptions.Json();
        var verb = new Verb(
            "compare",
            $"Sets runs side by side: what their recipes differ in, and the mean of the last {LoggedRun.LastCount} values of each metric.",
            "ra3 runs compare runs/ntp runs/ra3") { paths, json };
        verb.Does((parsed, _) =>
        {
            var runs = parsed.GetRequiredValue(paths).Select(LoggedRun.Read).ToList();
            var metrics = runs.SelectMany(r => r.Metrics).Distinct().ToList();
            var differences = LoggedRun.RecipeDifferences(runs);
            if (parsed.GetValue(json))
            {
                Terminal.WriteJson(runs.Select((r, i) => new
                {
                    r.Name,
                    r.Path,
                    r.Steps,
                    Recipe = differences.ToDictionary(d => d.Key, d => d.Values[i]),
                    Last = r.Metrics.ToDictionary(m => m, r.Last),
                }));
                return 0;
            }

            var table = new Table().Border(TableBorder.Simple).AddColumn(string.Empty);
            foreach (var run in runs)
            {
                table.AddColumn(new TableColumn(Markup.Escape(run.Name)).RightAligned());
            }

            foreach (var (key, values) in differences)
            {
                table.AddRow(values.Prepend(key).Select(v => Markup.Escape(v ?? "–")).ToArray());
            }

            table.AddRow(runs.Select(r => r.Steps.ToString(CultureInfo.InvariantCulture)).Prepend("steps").ToArray());
            foreach (var metric in metrics)
            {
                table.AddRow(runs.Select(r => r.Metrics.Contains(metric) ? Number(r.Last(metric)) : "–").Prepend(metric).Select(Markup.Escape).ToArray());
            }

            Terminal.For(json: false).Write(table);
            return 0;
        });
        return verb;
    }

    private static Verb Report()
    {
        var paths = Paths();
        var output = new Option<FileInfo>("--out", "-o") { Description = "The page.", HelpName = "FILE", DefaultValueFactory = _ => new FileInfo("runs.html") };
        var verb = new Verb("report", "Draws the curves of runs on one page (HTML, self-contained).", "ra3 runs report runs/ntp runs/ra3 --out compare.html") { paths, output };
        verb.Does((parsed, _) =>
        {
            var runs = parsed.GetRequiredValue(paths).Select(LoggedRun.Read).ToList();
            var path = parsed.GetRequiredValue(output).FullName;
            RunsReport.Build(runs).Write(path);
            Terminal.For(json: false).WriteLine(path);
            return 0;
        });
        return verb;
    }

    private static Argument<string[]> Paths() => new("RUN") { Description = "Run folders.", Arity = ArgumentArity.OneOrMore };

    internal static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);
}
