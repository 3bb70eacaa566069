using System.CommandLine;
using System.Globalization;
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
        var scale = new Option<double>("--scale")
        {
            Description = "So much of every step count: 0.1 is a smoke run, 2 takes twice as long.",
            HelpName = "X",
            DefaultValueFactory = _ => 1,
        };
        scale.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (>= 0.01 and <= 1000))
            {
                result.AddError("--scale must lie between 0.01 and 1000.");
            }
        });
        var output = new Option<DirectoryInfo?>("--out", "-o")
        {
            Description = "Folder for the run; default runs/quickstart-DATE-TIME.",
            HelpName = "DIR",
        };
        var seed = new Option<long?>("--seed") { Description = "Seed of everything random; the first one where there are several. Default 1.", HelpName = "S" };
        var seeds = new Option<int?>("--seeds") { Description = "How many seeds to run, one after the other, each from scratch.", HelpName = "K" };
        var scratch = new Option<bool>("--from-scratch")
        {
            Description = "Pre-train the base here. Without this seed 1 starts from the base that comes with the program.",
        };
        var controls = new Option<string?>("--controls")
        {
            Description = "Controls to run too, with commas between them, or all: " + string.Join(", ", QuickstartArm.All.Where(arm => !arm.IsMain).Select(arm => arm.Key)) + ".",
            HelpName = "NAMES",
        };
        var split = new Option<string?>("--split") { Description = "Tasks to measure on: test, or tune to choose settings without looking at test.", HelpName = "PART" };
        var (recipe, set) = (CommonOptions.RecipeFile(), CommonOptions.Set());
        var resume = new Option<bool>("--resume") { Description = "Go on with the run in --out, with its own options, where it stopped." };
        var json = CommonOptions.Json();
        var verb = new Verb(
            "quickstart",
            "From a small base model, mid-trains by NTP and by RA3 on the same data, post-trains each by RLVR, and compares them on held-out code and tasks. "
            + "The plan is a number of steps, the same on every machine; how long it will take here is measured first.",
            "ra3 quickstart", "ra3 quickstart --scale 0.1 --out runs/smoke", "ra3 quickstart --seeds 3 --controls all",
            "ra3 quickstart --from-scratch --split tune --set plan.eStep.iterations=300 --out runs/longer", "ra3 quickstart --out runs/longer --resume")
        { scale, output, seed, seeds, scratch, controls, split, recipe, set, resume, json };
        verb.Validators.Add(result =>
        {
            Option[] own = [scale, seed, seeds, scratch, controls, split, recipe, set];
            if (result.GetValue(resume) && (result.GetValue(output) is null || Array.Exists(own, option => result.GetResult(option) is { Implicit: false })))
            {
                result.AddError("A run goes on with its own options: ra3 quickstart --out DIR --resume.");
            }
        });
        verb.Does((parsed, stop) =>
        {
            var path = parsed.GetValue(output)?.FullName ?? Path.GetFullPath(Path.Combine("runs", $"quickstart-{DateTime.Now:yyyyMMdd-HHmmss}"));
            var request = parsed.GetValue(resume) ? Resumed(path) : Requested();
            return RunAsync(request, path, parsed.GetValue(resume), parsed.GetValue(json), stop).GetAwaiter().GetResult();

            QuickstartRequest Requested()
            {
                List<string> sets = [.. parsed.GetValue(set)!];
                Add("seed", parsed.GetValue(seed)?.ToString(CultureInfo.InvariantCulture));
                Add("seeds", parsed.GetValue(seeds)?.ToString(CultureInfo.InvariantCulture));
                Add("fromScratch", parsed.GetValue(scratch) ? "true" : null);
                Add("controls", parsed.GetValue(controls) is { } names ? $"[{names}]" : null);
                Add("split", parsed.GetValue(split));
                return Recipe.Load<QuickstartRequest>(parsed.GetValue(recipe)?.FullName, sets).Scaled(parsed.GetValue(scale));

                void Add(string key, string? value)
                {
                    if (value is not null)
                    {
                        sets.Add($"{key}={value}");
                    }
                }
            }
        });
        return verb;
    }

    /// <summary>What the run in a folder was asked for.</summary>
    private static QuickstartRequest Resumed(string path) => RunFolder.ReadAbout(path) is null
        ? throw new DirectoryNotFoundException($"{path} holds no run to resume. Leave out --resume to begin one.")
        : Recipe.Load<QuickstartRequest>(Path.Combine(path, RunFolder.RecipeFile), []);

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
