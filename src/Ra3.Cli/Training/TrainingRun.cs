using System.CommandLine;
using Ra3.MidTraining;
using Ra3.Models;
using Ra3.Models.Files;
using Ra3.Models.Tokenizers;
using Ra3.Training;
using Ra3.Training.Runs;

namespace Ra3.Cli.Training;

/// <summary>What pre-training and mid-training runs have in common: their options, folder, log and result.</summary>
internal static class TrainingRun
{
    public const string CheckpointFolder = "checkpoint";

    /// <summary>Written last: a run that has it is done.</summary>
    public const string SummaryFile = "summary.json";

    public const string ModelName = "model";

    public static Option<DirectoryInfo?> Out() => new("--out", "-o") { Description = "The run's folder; the result is in DIR/model.", HelpName = "DIR" };

    /// <summary>Makes --out required, but for a dry run.</summary>
    public static void RequireOut(Verb verb, Option<DirectoryInfo?> output, Option<bool> dryRun) => verb.Validators.Add(result =>
    {
        if (result.GetValue(output) is null && !result.GetValue(dryRun))
        {
            result.AddError("--out DIR says where the run goes.");
        }
    });

    public static Option<bool> Resume() => new("--resume") { Description = "Go on with the run in --out, by its own recipe, where it stopped." };

    /// <summary>A step of next-token training under the names of metrics.jsonl; the prefix names the stage where a run has several.</summary>
    public static (string Name, double Value)[] Named(NextTokenMetrics metrics, string prefix = "") =>
    [
        (prefix + "loss", metrics.Loss), (prefix + "learningRate", metrics.LearningRate), (prefix + "gradientNorm", metrics.GradientNorm),
        (prefix + "tokens", metrics.Tokens), (prefix + "seconds", metrics.Seconds),
    ];

    /// <summary>Next-token training in the run's checkpoint folder, with log and progress.</summary>
    public static TrainingState Train(
        string phase, Decoder decoder, Tokenizer tokenizer, Corpora.PackedWindows windows, NextTokenOptions options, RunFolder run, CancellationToken stop)
    {
        var folder = run.In(CheckpointFolder);
        var done = Checkpoint.Exists(folder) ? Checkpoint.ReadState(folder) : new TrainingState(0, 0, 0);
        using var progress = new ProgressLine(phase, options.Steps, done.Step);
        return NextTokenTrainer.Run(
            decoder, tokenizer, windows, options, folder,
            metrics =>
            {
                run.Log(metrics.Step, Named(metrics));
                progress.Report(metrics.Step, metrics.Tokens - done.Tokens, ("loss", metrics.Loss));
            },
            stop);
    }

    /// <summary>Runs the training; a stop becomes a sentence that says how to go on.</summary>
    public static T Resumable<T>(string verb, string folder, CancellationToken stop, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException($"Stopped; what was done is saved. Go on with: ra3 {verb} --out {folder} --resume", e, stop);
        }
        catch (InvalidDataException e) when (e.Message.Contains("not finite", StringComparison.Ordinal))
        {
            throw new InvalidDataException($"{e.Message} That is: ra3 {verb} --out {folder} --resume --set KEY=VALUE", e);
        }
    }

    /// <summary>Writes the run's model: weights in the type asked for; tokenizer, templates, licence and generation files of the model it came from, if any.</summary>
    public static string SaveModel(RunFolder run, Decoder decoder, Tokenizer tokenizer, WeightType type, string? from)
    {
        var target = run.In(ModelName);
        var generation = from is null ? null : Path.Combine(from, "generation_config.json");
        HuggingFaceFolder.Save(
            target, decoder.Config, decoder.Parameters, type.ToScalarType(),
            generationConfig: File.Exists(generation) ? File.ReadAllText(generation) : null,
            addFiles: partial =>
            {
                if (from is not null)
                {
                    HuggingFaceFolder.CopyCompanions(from, partial);
                }

                if (!File.Exists(Path.Combine(partial, "tokenizer.json")) && !File.Exists(Path.Combine(partial, "vocab.json")))
                {
                    tokenizer.Save(partial);
                }
            });
        return target;
    }
}
