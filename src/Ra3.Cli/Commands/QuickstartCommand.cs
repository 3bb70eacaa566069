using System.CommandLine;
using Ra3.Cli.Quickstart;
using Ra3.Cli.Recipes;
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
        var seeds = new Option<int>("--seeds") { Description = "How many seeds to run, sharing the minutes.", HelpName = "K", DefaultValueFactory = _ => 1 };
        seeds.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is not (>= 1 and <= 100))
            {
                result.AddError("--seeds must lie between 1 and 100.");
            }
        });
        var controls = new Option<bool>("--controls")
        {
            Description = "Also run untrained, shuffled and oracle thoughts, NTP for RA3's time, and other costs of a thought; takes longer.",
        };
        var seed = new Option<long>("--seed") { Description = "Seed of everything random.", HelpName = "S", DefaultValueFactory = _ => 1 };
        var plan = new Option<FileInfo?>("--plan")
        {
            Description = "summary.json of an earlier run: do as many steps as it did, however long they take here.",
            HelpName = "FILE",
        };
        var resume = new Option<bool>("--resume") { Description = "Go on with the run in --out, with its own options, where it stopped." };
        var json = CommonOptions.Json();
        var verb = new Verb(
            "quickstart",
            "Pre-trains a small model on Python's standard library and generated tasks, mid-trains it by NTP and by RA3, post-trains each by RLVR, "
            + "and compares them on held-out code and tasks.",
            "ra3 quickstart", "ra3 quickstart --minutes 1 --out runs/smoke --seed 7", "ra3 quickstart --minutes 60 --seeds 3 --controls",
            "ra3 quickstart --plan runs/first/summary.json --seed 2 --out runs/second", "ra3 quickstart --out runs/second --resume")
        { minutes, output, seed, seeds, controls, plan, resume, json };
        verb.Validators.Add(result =>
        {
            Option[] own = [minutes, seed, seeds, controls, plan];
            if (result.GetValue(resume) && (result.GetValue(output) is null || Array.Exists(own, option => result.GetResult(option) is { Implicit: false })))
            {
                result.AddError("A run goes on with its own options: ra3 quickstart --out DIR --resume.");
            }
        });
        verb.Does((parsed, stop) =>
        {
            var path = parsed.GetValue(output)?.FullName ?? Path.GetFullPath(Path.Combine("runs", $"quickstart-{DateTime.Now:yyyyMMdd-HHmmss}"));
            var request = parsed.GetValue(resume) ? Resumed(path) : new QuickstartRequest
            {
                Minutes = parsed.GetValue(minutes),
                Seed = parsed.GetValue(seed),
                Seeds = parsed.GetValue(seeds),
                Controls = parsed.GetValue(controls),
                Plan = parsed.GetValue(plan) is { } file ? QuickstartPlan.Read(file.FullName) : null,
            };
            return RunAsync(request, path, parsed.GetValue(resume), parsed.GetValue(json), stop).GetAwaiter().GetResult();
        });
        return verb;
    }

    /// <summary>What the run in a folder was asked for.</summary>
    private static QuickstartRequest Resumed(string path) => RunFolder.ReadAbout(path) is null
        ? throw new DirectoryNotFoundException($"{path} holds no run to resume. Leave out --resume to begin one.")
        : Recipe.Load<QuickstartRequest>(Path.Combine(path, "recipe.yaml"), []);

    private static async Task<int> RunAsync(QuickstartRequest request, string path, bool resumes, bool json, CancellationToken stop)
    {
        var console = Terminal.For(json);
        using var folder = resumes ? RunFolder.Resume(path, QuickstartRun.StepsLogged(request, path)) : RunFolder.Create(path, Recipe.Write(request), Models.Tokenizers.Tokenizer.EndOfTextName);
        QuickstartSummary summary;
        try
        {
            summary = await QuickstartRun.RunAsync(request, folder, console, stop);
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException($"Stopped; what was done is saved. Go on with: ra3 quickstart --out {path} --resume", e, stop);
        }

        QuickstartReport.Print(summary, console);
        console.WriteLine($"Report: {folder.In("report.html")}");
        if (json)
        {
            Terminal.WriteJson(summary);
        }

        return 0;
    }
}
