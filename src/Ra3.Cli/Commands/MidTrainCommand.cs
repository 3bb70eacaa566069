using System.CommandLine;
using System.Text.Json;
using Ra3.Cli.Recipes;
using Ra3.Cli.Training;
using Ra3.Corpora;
using Ra3.MidTraining;
using Ra3.Models;
using Ra3.Models.Files;
using Ra3.Models.Tokenizers;
using Ra3.Training;
using Ra3.Training.Runs;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 midtrain`: RA3, or next-token prediction on the same corpus.</summary>
internal static class MidTrainCommand
{
    public static Command Create()
    {
        var method = new Option<MidTrainMethod?>("--method") { Description = "ra3, or ntp for the baseline; sets the recipe's method.", HelpName = "ra3|ntp" };
        var model = new Option<DirectoryInfo?>("--model") { Description = "Hugging Face folder to start from; sets the recipe's model.", HelpName = "DIR" };
        var file = CommonOptions.RecipeFile();
        var sets = CommonOptions.Set();
        var output = TrainingRun.Out();
        var resume = TrainingRun.Resume();
        var dryRun = CommonOptions.DryRun();
        var json = CommonOptions.Json();
        var verb = new Verb(
            "midtrain",
            "Mid-trains a model on code by RA3, or by next-token prediction, and measures it on held-out code.",
            "ra3 midtrain --method ra3 --model runs/base/model --recipe recipes/midtrain-ra3.yaml --out runs/ra3",
            "ra3 midtrain --method ntp --model runs/base/model --recipe recipes/midtrain-ntp.yaml --out runs/ntp",
            "ra3 midtrain --out runs/ra3 --resume")
        { method, model, file, sets, output, resume, dryRun, json };
        TrainingRun.RequireOut(verb, output, dryRun);
        verb.Does((parsed, stop) =>
        {
            var console = Terminal.For(parsed.GetValue(json));
            var folder = parsed.GetValue(output)?.FullName ?? "";
            List<string> assignments = [.. parsed.GetRequiredValue(sets)];
            if (parsed.GetValue(method) is { } chosen)
            {
                assignments.Add($"method={RecipeKeys.EnumName(chosen)}");
            }

            if (parsed.GetValue(model) is { } start)
            {
                assignments.Add($"model={JsonSerializer.Serialize(start.FullName)}");
            }

            var run = RunStart<MidTrainRecipe>.Of(parsed.GetValue(file)?.FullName, assignments, folder, parsed.GetValue(resume), Whole, console.WriteLine);
            var result = parsed.GetValue(dryRun) ? (object)Plan(run.Recipe, console, stop)
                : run.Finished(console) is { } done ? done
                : Run(run, console, stop);
            if (parsed.GetValue(json))
            {
                Terminal.WriteJson(result);
            }

            return 0;
        });
        return verb;
    }

    /// <summary>Paths that stay right wherever the run is resumed from.</summary>
    private static MidTrainRecipe Whole(MidTrainRecipe recipe) => recipe with
    {
        Model = Path.GetFullPath(recipe.Model!),
        Corpus = recipe.Corpus.Whole(),
        Replay = recipe.Replay.Whole(),
        HeldOut = recipe.HeldOut.Whole(),
    };

    private static TrainingPlan Plan(MidTrainRecipe recipe, IAnsiConsole console, CancellationToken stop)
    {
        var temporary = Directory.CreateTempSubdirectory("ra3-plan-");
        try
        {
            var (config, tokenizer) = Start(recipe);
            using var data = TrainingData.OpenOrBuild(temporary.FullName, recipe.Corpus, recipe.HeldOut, tokenizer, recipe.Seed, console, stop, recipe.Replay);
            var (options, ra3) = Options(recipe);
            var plan = TrainingPlan.Of(data, config, options, recipe.Precision, ra3, recipe.Seed)
                .Measured(() => Load(recipe).Decoder, tokenizer, data, options, ra3, recipe.Seed, stop);
            plan.Print(console);
            return plan;
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    private static object Run(RunStart<MidTrainRecipe> start, IAnsiConsole console, CancellationToken stop)
    {
        var (recipe, folder) = (start.Recipe, start.Folder);
        var (config, tokenizer) = Start(recipe);
        var (options, ra3) = Options(recipe);
        MemoryEstimate.Require(TrainingPlan.MemoryOf(config, options, recipe.Precision, ra3), TrainingPlan.MemoryKeys);
        var checkpoint = Path.Combine(folder, TrainingRun.CheckpointFolder);
        if (!start.Resumes)
        {
            // What is wrong with corpus or weights is better said before there is a run that would have to be resumed.
            TrainingData.RequireAny(recipe.Corpus);
            if (recipe.Replay.Paths.Count > 0)
            {
                TrainingData.RequireAny(recipe.Replay);
            }

            ModelFolder.Verify(recipe.Model!);
        }

        var step = !start.Resumes ? 0 : ra3 is not null ? MidTrainingLog.StepOf(folder) : Checkpoint.Exists(checkpoint) ? Checkpoint.ReadState(checkpoint).Step : 0;
        using var run = start.Open(
            step, new PromptEncoder(tokenizer).Begin, new Dictionary<string, string> { ["model"] = ModelFolder.WeightsFingerprint(recipe.Model!) });
        return TrainingRun.Resumable("midtrain", folder, stop, () =>
        {
            using var data = TrainingData.OpenOrBuild(run.In("data"), recipe.Corpus, recipe.HeldOut, tokenizer, recipe.Seed, console, stop, recipe.Replay);
            console.WriteLine($"{data.Training.Count:N0} documents, {data.Training.TotalTokens:N0} tokens{(data.Replay is { } replay ? $", and {replay.Count:N0} replayed of {replay.TotalTokens:N0}" : "")}; {config.ParameterCount():N0} parameters, {Compute.Type(recipe.Precision, Compute.Device)} on {Compute.Device}.");
            var (trained, rounds) = ra3 is not null ? Ra3(recipe, data, run, stop) : Ntp(recipe, data, tokenizer, run, stop);
            string model;
            var (decoder, _) = ModelFolder.Load(trained.Folder, Compute.Type(recipe.Precision, Compute.Device), Compute.Device, trainable: true);
            using (decoder)
            {
                model = TrainingRun.SaveModel(run, decoder, tokenizer, recipe.Weights, recipe.Model);
            }

            var heldOut = HeldOutResult.Measure(data, recipe.HeldOut, recipe.Model, model, recipe.Precision, recipe.Seed, stop);
            heldOut?.Print(console);
            var summary = new
            {
                recipe.Method,
                recipe.Seed,
                From = recipe.Model,
                Model = model,
                Parameters = config.ParameterCount(),
                Documents = data.Training.Count,
                Tokens = data.Training.TotalTokens,
                data.Corpora,
                TrainedTokens = trained.Tokens,
                trained.Seconds,
                Rounds = rounds,
                HeldOut = heldOut,
            };
            AtomicWrite.File(run.In(TrainingRun.SummaryFile), stream => JsonSerializer.Serialize(stream, summary, Terminal.JsonOptions));
            console.WriteLine($"Model: {model}");
            return (object)summary;
        });
    }

    private static ((string Folder, long Tokens, double Seconds) Trained, IReadOnlyList<RoundSummary>? Rounds) Ntp(
        MidTrainRecipe recipe, TrainingData data, Tokenizer tokenizer, RunFolder run, CancellationToken stop)
    {
        var checkpoint = run.In(TrainingRun.CheckpointFolder);
        if (Checkpoint.Exists(checkpoint) && Checkpoint.ReadState(checkpoint) is var done && done.Step >= recipe.Ntp.Steps)
        {
            return ((checkpoint, done.Tokens, done.Seconds), null);
        }

        using var decoder = Load(recipe).Decoder;
        using var both = data.Replay is null ? null : data.WithReplay(run.In("data"), tokenizer, stop);
        var windows = new PackedWindows(both ?? data.Training, tokenizer, recipe.Ntp.WindowTokens, (ulong)recipe.Seed);
        var state = TrainingRun.Train("ntp", decoder, tokenizer, windows, recipe.Ntp, run, stop);
        return ((checkpoint, state.Tokens, state.Seconds), null);
    }

    private static ((string Folder, long Tokens, double Seconds) Trained, IReadOnlyList<RoundSummary>? Rounds) Ra3(
        MidTrainRecipe recipe, TrainingData data, RunFolder run, CancellationToken stop)
    {
        using var log = new MidTrainingLog(recipe.Ra3, run);
        var trainer = new MidTrainer(
            recipe.Model!, data.Training, recipe.Ra3, Compute.Type(recipe.Precision, Compute.Device), Compute.Device, recipe.Seed, run.FolderPath, data.Replay);
        var rounds = trainer.Run(log, stop);
        return ((trainer.ModelAfter(rounds.Count), rounds.Sum(round => round.MStepTokens),
            rounds.Sum(round => round.EStepSeconds + round.BootstrapSeconds + round.MStepSeconds)), rounds);
    }

    /// <summary>Next-token prediction as the method has it, and RA3 where it is the method.</summary>
    private static (NextTokenOptions NextToken, MidTrainingOptions? Ra3) Options(MidTrainRecipe recipe) =>
        recipe.Method == MidTrainMethod.Ra3 ? (recipe.Ra3.MStep, recipe.Ra3) : (recipe.Ntp, null);

    private static (ModelConfig Config, Tokenizer Tokenizer) Start(MidTrainRecipe recipe)
    {
        if (recipe.Model is null || !AtomicWrite.FolderExists(recipe.Model))
        {
            throw new DirectoryNotFoundException($"There is no model folder {recipe.Model}. Give a Hugging Face folder with --model DIR.");
        }

        var config = ModelConfig.Load(recipe.Model);
        var tokenizer = Tokenizer.Load(recipe.Model);
        tokenizer.RequireFits(config.VocabularySize);
        return tokenizer.EndOfText is null
            ? throw new InvalidDataException($"The tokenizer in {recipe.Model} has no end-of-text token, which separates documents.")
            : (config, tokenizer);
    }

    private static (Decoder Decoder, Tokenizer Tokenizer) Load(MidTrainRecipe recipe) =>
        ModelFolder.Load(recipe.Model!, Compute.Type(recipe.Precision, Compute.Device), Compute.Device, trainable: true);
}
