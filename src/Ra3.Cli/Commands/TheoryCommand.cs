using System.CommandLine;
using System.Globalization;
using Ra3.Cli.Report;
using Ra3.Theory;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 theory`: the claims behind the method, each beside what was measured.</summary>
internal static class TheoryCommand
{
    public static Command Create()
    {
        var name = new Argument<string?>("NAME")
        {
            Description = $"One experiment ({string.Join(", ", Experiment.All.Select(e => e.Name))}); all of them when left out.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        name.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && Experiment.All.All(e => e.Name != result.Tokens[0].Value))
            {
                result.AddError($"There is no experiment '{result.Tokens[0].Value}'. Choose one of: {string.Join(", ", Experiment.All.Select(e => e.Name))}.");
            }
        });
        var seeds = new Option<int>("--seeds")
        {
            Description = "Independent random instances; Monte-Carlo trials grow in proportion.",
            HelpName = "K",
            DefaultValueFactory = _ => 30,
        };
        seeds.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var k) && k < Experiment.FewestSeeds)
            {
                result.AddError($"--seeds {k} is too few for confidence intervals; use at least {Experiment.FewestSeeds}.");
            }
        });
        var output = new Option<DirectoryInfo?>("--out", "-o")
        {
            Description = "Folder for theory.html (self-contained) and one SVG a plot.",
            HelpName = "DIR",
        };
        var json = CommonOptions.Json();
        var verb = new Verb(
            "theory", "Checks the theory on processes small enough to solve exactly: claim, bound, measured, holds. Exit code 1 if a claim fails.",
            "ra3 theory", "ra3 theory pruning --seeds 100", "ra3 theory --out theory-report")
        { name, seeds, output, json };
        verb.Does((parsed, stop) =>
        {
            var chosen = Experiment.All.Where(e => parsed.GetValue(name) is not { } only || e.Name == only).ToList();
            return Run(chosen, parsed.GetValue(seeds), parsed.GetValue(output), parsed.GetValue(json), stop);
        });
        return verb;
    }

    private static int Run(List<Experiment> chosen, int seeds, DirectoryInfo? output, bool json, CancellationToken stop)
    {
        output?.Create(); // a folder that cannot be made is told before the work, not after
        var console = Terminal.For(json);
        List<(Experiment Experiment, ExperimentResult Result)> done = [];
        foreach (var experiment in chosen)
        {
            stop.ThrowIfCancellationRequested();
            console.MarkupLineInterpolated($"[bold]{experiment.Name}[/]: {experiment.Title}");
            var result = experiment.Run(seeds);
            done.Add((experiment, result));
            console.Write(ClaimTable(result));
            console.WriteLine();
        }

        var claims = done.SelectMany(d => d.Result.Claims).ToList();
        var failed = claims.Count(c => !c.Holds);
        console.MarkupLineInterpolated($"{claims.Count - failed} of {claims.Count} claims hold ({seeds} seeds; intervals at 99.9 %; P paper, S secondary notes, D derived here).");
        if (output is not null)
        {
            Write(done, seeds, output.FullName);
            console.MarkupLineInterpolated($"Plots and page: {Path.Combine(output.FullName, "theory.html")}");
        }

        if (json)
        {
            Terminal.WriteJson(new
            {
                seeds,
                holds = failed == 0,
                experiments = done.Select(d => new { d.Experiment.Name, d.Experiment.Title, d.Result.Claims, d.Result.Plots }),
            });
        }

        return failed == 0 ? 0 : 1;
    }

    private static Table ClaimTable(ExperimentResult result)
    {
        var table = new Table().Border(TableBorder.Simple);
        table.AddColumn("claim");
        table.AddColumn(new TableColumn("from").Centered());
        table.AddColumn(new TableColumn("bound").RightAligned().NoWrap());
        table.AddColumn(new TableColumn("measured").RightAligned());
        table.AddColumn(new TableColumn("holds").Centered());
        foreach (var claim in result.Claims)
        {
            table.AddRow(
                Markup.Escape(claim.Statement), Markup.Escape(claim.Standing), Bound(claim), Markup.Escape(Measured(claim)),
                claim.Holds ? "[green]yes[/]" : "[red bold]NO[/]");
        }

        return table;
    }

    private static void Write(List<(Experiment Experiment, ExperimentResult Result)> done, int seeds, string folder)
    {
        var report = new ReportBuilder("The theory, measured", $"`ra3 theory --seeds {seeds}` on processes small enough to solve exactly; `docs/theory.md` has each proof.");
        report.Paragraph("Every row states what the theory predicts and what was measured; over many instances, the worst. Square brackets are 99.9 % confidence intervals: those figures are Monte-Carlo, the others exact to rounding. **From**: P the paper, S careful secondary notes on it, D derived here.");
        foreach (var (experiment, result) in done)
        {
            report.Section(experiment.Title);
            report.Table(
                ["claim", "from", "bound", "measured", "holds"],
                [.. result.Claims.Select(c => (IReadOnlyList<string>)[c.Statement, c.Standing, Bound(c), Measured(c), c.Holds ? "yes" : "**NO**"])]);
            foreach (var plot in result.Plots)
            {
                var chart = Chart(plot);
                report.Chart(chart);
                File.WriteAllText(Path.Combine(folder, plot.Name + ".svg"), ChartFile.Draw(chart));
            }
        }

        report.Write(Path.Combine(folder, "theory.html"));
    }

    private static LineChart Chart(Plot plot) =>
        new(plot.Title, plot.XLabel, plot.YLabel, [.. plot.Series.Select(s => new ChartSeries(s.Name, [.. s.X.Zip(s.Y)])
        {
            Dashed = s.Predicted,
            Band = s.Low is null || s.High is null ? [] : [.. s.X.Select((x, i) => (x, s.Low[i], s.High[i]))],
        })])
        { LogX = plot.LogX, LogY = plot.LogY, Caption = plot.Caption };

    private static string Bound(Claim claim) => claim.Relation switch
    {
        Relation.AtMost => "≤\u00a0",
        Relation.AtLeast => "≥\u00a0",
        Relation.Above => ">\u00a0",
        _ => "=\u00a0",
    } + Number(claim.Bound);

    private static string Measured(Claim claim) =>
        claim is { Low: { } low, High: { } high } ? $"{Number(claim.Measured)}\u00a0[{Number(low)},\u00a0{Number(high)}]" : Number(claim.Measured);

    private static string Number(double value) => Math.Abs(value) switch
    {
        0 => "0",
        < 1e-3 => value.ToString("0.#E0", CultureInfo.InvariantCulture),
        >= 1000 => value.ToString("0", CultureInfo.InvariantCulture),
        _ => value.ToString("G4", CultureInfo.InvariantCulture),
    };
}
