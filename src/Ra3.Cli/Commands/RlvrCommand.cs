using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Ra3.Cli.Report;
using Ra3.Cli.Training;
using Ra3.Models;
using Ra3.Models.Files;
using Ra3.Models.Tokenizers;
using Ra3.PostTraining;
using Ra3.Sandbox;
using Ra3.Training;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 rlvr`: GRPO on problems whose answers can be verified.</summary>
internal static class RlvrCommand
{
    public static Command Create()
    {
        var model = new Option<DirectoryInfo?>("--model") { Description = "Hugging Face folder to start from; sets the recipe's model.", HelpName = "DIR" };
        var problems = new Option<string?>("--problems")
        {
            Description = $"{string.Join(", ", KnownProblems.Names)}, or a file of problems; sets the recipe's problems.train.",
            HelpName = "FILE|NAME",
        };
        var file = CommonOptions.RecipeFile();
        var sets = CommonOptions.Set();
        var output = TrainingRun.Out();
        var resume = TrainingRun.Resume();
        var dryRun = CommonOptions.DryRun();
        var special = CommonOptions.SpecialTokens();
        var (tier, isUnsafe, workers, json) = (SandboxCommand.Tier(), SandboxCommand.Unsafe(), SandboxCommand.Workers(), CommonOptions.Json());
        var verb = new Verb(
            "rlvr",
            "Improves a model by verifiable rewards (GRPO): groups of answers to problems with tests, judged in the sandbox.",
            "ra3 rlvr --model runs/ra3/model --problems mbpp --recipe recipes/rlvr.yaml --out runs/rlvr",
            "ra3 rlvr --model runs/ra3/model --problems my-problems.jsonl --dry-run",
            "ra3 rlvr --out runs/rlvr --resume")
        { model, problems, special, file, sets, output, resume, dryRun, tier, isUnsafe, workers, json };
        TrainingRun.RequireOut(verb, output, dryRun);
        verb.Does((parsed, stop) =>
        {
            var console = Terminal.For(parsed.GetValue(json));
            var folder = parsed.GetValue(output)?.FullName ?? "";
            List<string> assignments = [.. parsed.GetRequiredValue(sets)];
            if (parsed.GetValue(model) is { } start)
            {
                assignments.Add($"model={JsonSerializer.Serialize(start.FullName)}");
            }

            if (parsed.GetValue(problems) is { } train)
            {
                assignments.Add($"problems.train={JsonSerializer.Serialize(train)}");
            }

            if (parsed.GetValue(special))
            {
                assignments.Add("problems.specialTokens=true");
            }

            var run = RunStart<RlvrRecipe>.Of(parsed.GetValue(file)?.FullName, assignments, folder, parsed.GetValue(resume), Whole, console.WriteLine);
            var sandbox = SandboxCommand.Options(parsed.GetValue(tier), parsed.GetValue(isUnsafe), parsed.GetValue(workers));
            var result = parsed.GetValue(dryRun) ? (object)Plan(run.Recipe, sandbox, console, stop)
                : run.Finished(console) is { } done ? done
                : Run(run, sandbox, console, stop);
            if (parsed.GetValue(json))
            {
                Terminal.WriteJson(result);
            }

            return 0;
        });
        return verb;
    }

    /// <summary>Paths that stay right wherever the run is resumed from.</summary>
    private static RlvrRecipe Whole(RlvrRecipe recipe) => recipe with
    {
        Model = Path.GetFullPath(recipe.Model!),
        Problems = recipe.Problems with
        {
            Train = KnownProblems.Names.Contains(recipe.Problems.Train!) ? recipe.Problems.Train : Path.GetFullPath(recipe.Problems.Train!),
            HeldOut = recipe.Problems.HeldOut is { } heldOut ? Path.GetFullPath(heldOut) : null,
            Data = recipe.Problems.Data is { } data ? Path.GetFullPath(data) : null,
        },
    };

    private static RlvrPlan Plan(RlvrRecipe recipe, SandboxOptions sandbox, IAnsiConsole console, CancellationToken stop)
    {
        var all = RlvrProblems.Read(recipe.Problems, recipe.Seed);
        var (config, tokenizer) = Start(recipe);
        Judging(all, sandbox, recipe, stop).Pool?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        var problems = all.Fitting(tokenizer, config, recipe.Grpo.MaxNewTokens);
        var plan = RlvrPlan.Of(problems, config, tokenizer, recipe.Grpo, recipe.Precision) with
        {
            TooLong = all.Count - problems.Count,
        };
        plan = plan.Measured(() => Load(recipe), tokenizer, problems, recipe.Grpo, recipe.Seed, stop);
        plan.Print(console);
        return plan;
    }

    private static object Run(RunStart<RlvrRecipe> start, SandboxOptions sandbox, IAnsiConsole console, CancellationToken stop)
    {
        var (recipe, folder) = (start.Recipe, start.Folder);
        // What is wrong with problems, weights or sandbox is better said before there is a run that would have to be resumed.
        var all = RlvrProblems.Read(recipe.Problems, recipe.Seed);
        var (config, tokenizer) = Start(recipe);
        var problems = all.Fitting(tokenizer, config, recipe.Grpo.MaxNewTokens);
        MemoryEstimate.Require(RlvrPlan.MemoryOf(problems, config, tokenizer, recipe.Grpo, recipe.Precision), RlvrPlan.MemoryKeys);
        var (pool, python) = Judging(all, sandbox, recipe, stop);
        var policy = Load(recipe);
        try
        {
            using var held = policy;
            var checkpoint = Path.Combine(folder, GrpoTrainer.CheckpointFolder);
            var done = start.Resumes && Checkpoint.Exists(checkpoint) ? Checkpoint.ReadState(checkpoint).Step : 0;
            using var run = start.Open(done, new PromptEncoder(tokenizer).Begin, new Dictionary<string, string>
            {
                ["model"] = ModelFolder.WeightsFingerprint(recipe.Model!),
                ["problems"] = all.Fingerprint,
            });
            return TrainingRun.Resumable("rlvr", folder, stop, () =>
            {
                console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{problems.Train.Count:N0} problems, {problems.Test.Count:N0} held out; {policy.Config.ParameterCount():N0} parameters, {policy.ComputeType} on {policy.Device}; {Tier(pool)}."));
                SayLeftOut(console, recipe, config, all.Count - problems.Count);
                if (recipe.Grpo.MaxStaleness > 0)
                {
                    console.WriteLine("Sampling and learning run side by side (maxStaleness above 0): the result depends on timing, not on the seed alone.");
                }

                var reward = new RlvrReward(python);
                GrpoResult result;
                using (var log = new RlvrLog(run, recipe.Grpo, done))
                {
                    result = GrpoTrainer.Run(
                        policy, null, tokenizer, problems.Train, problems.Test, reward, recipe.Grpo, recipe.Seed, folder, log, stop);
                }

                var model = TrainingRun.SaveModel(run, policy, tokenizer, recipe.Weights, recipe.Model);
                var summary = Summary.Of(recipe, result, problems, all.Count - problems.Count, policy.Config, pool, model);
                RlvrReport.Build(folder, summary.ToString()).Write(run.In("report.html"));
                AtomicWrite.File(run.In(TrainingRun.SummaryFile), stream => JsonSerializer.Serialize(stream, summary, Terminal.JsonOptions));
                console.WriteLine(summary.ToString());
                console.WriteLine($"Model: {model}. Read what it wrote with: ra3 rollouts {folder}");
                return (object)summary;
            });
        }
        finally
        {
            pool?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static void SayLeftOut(IAnsiConsole console, RlvrRecipe recipe, ModelConfig config, int count)
    {
        if (count > 0)
        {
            console.WriteLine($"{count} problems are left out: their prompts leave no room for {recipe.Grpo.MaxNewTokens} new tokens in {config.MaxPositions} positions.");
        }
    }

    /// <summary>A sandbox that has read and tried the tests of all problems; none where no problem needs one.</summary>
    private static (SandboxPool? Pool, PythonReward? Reward) Judging(
        RlvrProblems problems, SandboxOptions options, RlvrRecipe recipe, CancellationToken stop)
    {
        var all = problems.Train.Concat(problems.Test).ToList();
        if (!all.Exists(problem => problem is PythonProblem))
        {
            return (null, null);
        }

        var pool = SandboxPool.StartAsync(options, stop).GetAwaiter().GetResult();
        try
        {
            var reward = new PythonReward(pool, recipe.Python);
            reward.RequireSoundTestsAsync(all, stop).GetAwaiter().GetResult();
            return (pool, reward);
        }
        catch
        {
            pool.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }
    }

    private static string Tier(SandboxPool? pool) => pool is null ? "no programs to run"
        : pool.Tier == SandboxTier.Unsafe ? "programs run UNCONFINED" : $"programs run in the tier {pool.Tier.ToString().ToLowerInvariant()}";

    private static Decoder Load(RlvrRecipe recipe) =>
        ModelFolder.Load(recipe.Model!, Compute.Type(recipe.Precision, Compute.Device), Compute.Device, trainable: true).Decoder;

    /// <summary>What is known of the model before its weights are read.</summary>
    private static (ModelConfig Config, Tokenizer Tokenizer) Start(RlvrRecipe recipe) => recipe.Model is not null && AtomicWrite.FolderExists(recipe.Model)
        ? (ModelConfig.Load(recipe.Model), Tokenizer.Load(recipe.Model))
        : throw new DirectoryNotFoundException($"There is no model folder {recipe.Model}. Give a Hugging Face folder with --model DIR.");

    /// <summary>What stands in summary.json. Shares are of the judged held-out problems, greedy; null without any.</summary>
    private sealed record Summary(
        long Seed, string From, string Model, long Parameters, int Problems, int PromptsTooLong, long Steps, long RlvrTokens, double Seconds,
        int HeldOutProblems, double? PassAt1, double? PassAt1Error, double? PassAt1AfterRlvr, double? PassAt1AfterRlvrError, string? Tier, long HarnessErrors)
    {
        public static Summary Of(
            RlvrRecipe recipe, GrpoResult result, RlvrProblems problems, int promptsTooLong, ModelConfig config, SandboxPool? pool, string model)
        {
            var (before, after) = (result.Evaluations.Values.FirstOrDefault(), result.Evaluations.Values.LastOrDefault());
            return new Summary(
                recipe.Seed, recipe.Model!, model, config.ParameterCount(), problems.Train.Count, promptsTooLong, result.State.Step, result.State.Tokens,
                result.State.Seconds, after?.Judged ?? 0, before?.Rate, before?.StandardError, after?.Rate, after?.StandardError,
                pool?.Tier.ToString().ToLowerInvariant(), pool?.HarnessErrors ?? 0);
        }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture,
            $"{Steps} steps, {RlvrTokens:N0} tokens sampled, {ProgressLine.Duration(TimeSpan.FromSeconds(Seconds))}")
            + (PassAt1 is null ? "." : string.Create(CultureInfo.InvariantCulture,
                $"; held-out pass@1 {PassAt1:0.000} ± {PassAt1Error:0.000} → {PassAt1AfterRlvr:0.000} ± {PassAt1AfterRlvrError:0.000} on {HeldOutProblems} problems."));
    }
}
