using System.CommandLine;
using System.Text.Json;
using Ra3.Cli.Training;
using Ra3.Corpora;
using Ra3.Models;
using Ra3.Models.Files;
using Ra3.Models.Tokenizers;
using Ra3.Training;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 pretrain`: a small code model from scratch.</summary>
internal static class PretrainCommand
{
    public static Command Create()
    {
        var file = CommonOptions.RecipeFile();
        var sets = CommonOptions.Set();
        var output = TrainingRun.Out();
        var resume = TrainingRun.Resume();
        var dryRun = CommonOptions.DryRun();
        var json = CommonOptions.Json();
        var verb = new Verb(
            "pretrain",
            "Pre-trains a model from scratch by next-token prediction.",
            "ra3 pretrain --recipe recipes/pretrain-small.yaml --out runs/base",
            "ra3 pretrain --out runs/base --resume",
            "ra3 pretrain --recipe recipes/pretrain-small.yaml --set training.steps=50 --dry-run")
        { file, sets, output, resume, dryRun, json };
        TrainingRun.RequireOut(verb, output, dryRun);
        verb.Does((parsed, stop) =>
        {
            var console = Terminal.For(parsed.GetValue(json));
            var folder = parsed.GetValue(output)?.FullName ?? "";
            var run = RunStart<PretrainRecipe>.Of(
                parsed.GetValue(file)?.FullName, parsed.GetRequiredValue(sets), folder, parsed.GetValue(resume), Whole, console.WriteLine);
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
    private static PretrainRecipe Whole(PretrainRecipe recipe) => recipe with
    {
        Corpus = recipe.Corpus.Whole(),
        HeldOut = recipe.HeldOut.Whole(),
        Tokenizer = recipe.Tokenizer with { Folder = recipe.Tokenizer.Folder is { } given ? Path.GetFullPath(given) : null },
    };

    private static TrainingPlan Plan(PretrainRecipe recipe, IAnsiConsole console, CancellationToken stop)
    {
        var temporary = Directory.CreateTempSubdirectory("ra3-plan-");
        try
        {
            var tokenizer = TokenizerOf(recipe, stop);
            var config = recipe.Model.ToConfig(tokenizer.VocabularySize, EndOfText(tokenizer));
            using var data = TrainingData.OpenOrBuild(temporary.FullName, recipe.Corpus, recipe.HeldOut, tokenizer, recipe.Seed, console, stop);
            var plan = TrainingPlan.Of(data, config, recipe.Training, recipe.Precision, ra3: null, recipe.Seed).Measured(
                () => Decoder.Create(config, recipe.Seed, Compute.Type(recipe.Precision, Compute.Device), Compute.Device),
                tokenizer, data, recipe.Training, ra3: null, recipe.Seed, stop);
            plan.Print(console);
            return plan;
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    private static object Run(RunStart<PretrainRecipe> start, IAnsiConsole console, CancellationToken stop)
    {
        var (recipe, folder) = (start.Recipe, start.Folder);
        var checkpoint = Path.Combine(folder, TrainingRun.CheckpointFolder);
        if (!start.Resumes)
        {
            TrainingData.RequireAny(recipe.Corpus);
        }

        var shape = recipe.Model.ToConfig(Math.Max(2, recipe.Tokenizer.Vocabulary), endOfText: 0); // refuses what no decoder can have before a folder is made
        MemoryEstimate.Require(TrainingPlan.MemoryOf(shape, recipe.Training, recipe.Precision, ra3: null), TrainingPlan.MemoryKeys);

        // The tokenizer and the corpus are read once, into the run's own folder.
        using var run = start.Open(
            start.Resumes && Checkpoint.Exists(checkpoint) ? Checkpoint.ReadState(checkpoint).Step : 0,
            recipe.Tokenizer.Folder is { } given ? new PromptEncoder(Tokenizer.Load(given)).Begin : Tokenizer.EndOfTextName,
            inputs: new Dictionary<string, string>());
        return TrainingRun.Resumable("pretrain", folder, stop, () =>
        {
            var tokenizerFolder = run.In("tokenizer");
            if (!AtomicWrite.FolderExists(tokenizerFolder))
            {
                AtomicWrite.Folder(tokenizerFolder, TokenizerOf(recipe, stop).Save);
            }

            var tokenizer = Tokenizer.Load(tokenizerFolder);
            using var data = TrainingData.OpenOrBuild(run.In("data"), recipe.Corpus, recipe.HeldOut, tokenizer, recipe.Seed, console, stop);
            var config = recipe.Model.ToConfig(tokenizer.VocabularySize, EndOfText(tokenizer));
            console.WriteLine($"{data.Training.Count:N0} documents, {data.Training.TotalTokens:N0} tokens; {config.ParameterCount():N0} parameters, {Compute.Type(recipe.Precision, Compute.Device)} on {Compute.Device}.");
            var windows = new PackedWindows(data.Training, tokenizer, recipe.Training.WindowTokens, (ulong)recipe.Seed);
            TrainingState state;
            string model;
            using (var decoder = Decoder.Create(config, recipe.Seed, Compute.Type(recipe.Precision, Compute.Device), Compute.Device))
            {
                state = TrainingRun.Train("pretrain", decoder, tokenizer, windows, recipe.Training, run, stop);
                model = TrainingRun.SaveModel(run, decoder, tokenizer, recipe.Weights, from: null);
            }

            var heldOut = HeldOutResult.Measure(data, recipe.HeldOut, before: null, model, recipe.Precision, recipe.Seed, stop);
            heldOut?.Print(console);
            var summary = new
            {
                recipe.Seed,
                Model = model,
                Parameters = config.ParameterCount(),
                Documents = data.Training.Count,
                Tokens = data.Training.TotalTokens,
                data.Corpora,
                Steps = state.Step,
                TrainedTokens = state.Tokens,
                state.Seconds,
                HeldOut = heldOut,
            };
            AtomicWrite.File(run.In(TrainingRun.SummaryFile), stream => JsonSerializer.Serialize(stream, summary, Terminal.JsonOptions));
            console.WriteLine($"Model: {model}");
            return (object)summary;
        });
    }

    private static Tokenizer TokenizerOf(PretrainRecipe recipe, CancellationToken stop)
    {
        if (recipe.Tokenizer.Folder is { } folder)
        {
            return Tokenizer.Load(folder);
        }

        using var progress = new ProgressLine("tokenizer");
        long count = 0;
        return Tokenizer.Train(
            TrainingData.Texts(recipe.Corpus, recipe.HeldOut, recipe.Seed, stop).Select(text =>
            {
                progress.Report(++count);
                return text;
            }),
            recipe.Tokenizer.Vocabulary, stop);
    }

    private static int EndOfText(Tokenizer tokenizer) => tokenizer.EndOfText
        ?? throw new InvalidDataException("The tokenizer has no end-of-text token, which separates documents.");
}
