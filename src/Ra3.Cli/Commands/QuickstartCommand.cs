using System.CommandLine;
using System.Text.Json;
using Ra3.Cli.Quickstart;
using Ra3.Training.Runs;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 quickstart`: the whole method on real Python code, in minutes.</summary>
internal static class QuickstartCommand
{
    public static Command Create()
    {
        var minutes = new Option<double>("--minutes", "-m")
        {
            Description = "About how long it may take on two cores; 1 is a smoke run.",
            HelpName = "M",
            DefaultValueFactory = _ => 10,
        };
        minutes.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (>= 0.5 and <= 10_000))
            {
                result.AddError("--minutes must lie between 0.5 and 10000.");
            }
        });
        var output = new Option<DirectoryInfo?>("--out", "-o")
        {
            Description = "Folder for the run; default runs/quickstart-DATE-TIME.",
            HelpName = "DIR",
        };
        var seed = new Option<long>("--seed") { Description = "Seed of everything random.", HelpName = "S", DefaultValueFactory = _ => 1 };
        var json = CommonOptions.Json();
        var verb = new Verb(
            "quickstart",
            "Pre-trains a small model on Python's standard library, mid-trains it by NTP and by RA3, and compares both on held-out files.",
            "ra3 quickstart", "ra3 quickstart --minutes 1 --out runs/smoke --seed 7")
        { minutes, output, seed, json };
        verb.Does((parsed, stop) =>
        {
            var path = parsed.GetValue(output)?.FullName ?? Path.Combine("runs", $"quickstart-{DateTime.Now:yyyyMMdd-HHmmss}");
            return Run(parsed.GetValue(minutes), path, parsed.GetValue(seed), parsed.GetValue(json), stop);
        });
        return verb;
    }

    private static int Run(double minutes, string path, long seed, bool json, CancellationToken stop)
    {
        var console = Terminal.For(json);
        using var folder = RunFolder.Create(path, FormattableString.Invariant($"# ra3 quickstart\nminutes: {minutes}\nseed: {seed}\n"));
        var run = new QuickstartRun(minutes, seed, folder, console, stop);
        var summary = run.Run();
        File.WriteAllText(folder.In("summary.json"), JsonSerializer.Serialize(summary, Terminal.JsonOptions) + "\n");
        QuickstartReport.Write(summary, run, folder.In("report.html"));
        QuickstartReport.Print(summary, console);
        console.WriteLine($"Report: {folder.In("report.html")}");
        if (json)
        {
            Terminal.WriteJson(summary);
        }

        return 0;
    }
}
