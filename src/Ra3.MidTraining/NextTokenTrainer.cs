using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using Ra3.Corpora;
using Ra3.Models;
using Ra3.Models.Tokenizers;
using Ra3.Training;

namespace Ra3.MidTraining;

/// <summary>Next-token prediction over packed windows: pre-training, the NTP baseline and the M-step.</summary>
public sealed record NextTokenOptions : IValidatableObject
{
    /// <summary>Optimizer steps.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>Windows of a step.</summary>
    public int BatchRows { get; init; } = 16;

    /// <summary>Most windows in memory at once; changes nothing else.</summary>
    public int MicroBatchRows { get; init; } = 16;

    /// <summary>Tokens of a window, L.</summary>
    public int WindowTokens { get; init; } = 256;

    /// <summary>Steps between checkpoints; 0 writes one at the end only.</summary>
    public int CheckpointEvery { get; init; } = 200;

    /// <summary>Optimizer and schedule.</summary>
    public OptimizerOptions Optimizer { get; init; } = new();

    /// <summary>Every value out of range.</summary>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (key, value) in new[]
        {
            ("batchRows", BatchRows), ("microBatchRows", MicroBatchRows), ("windowTokens", WindowTokens),
        })
        {
            if (value < 1)
            {
                yield return new ValidationResult($"must be at least 1, not {value}", [key]);
            }
        }

        if (BatchRows >= 1 && (long)BatchRows * WindowTokens > int.MaxValue)
        {
            yield return new ValidationResult(
                $"make {(long)BatchRows * WindowTokens} tokens a step together; the most is {int.MaxValue}", ["batchRows", "windowTokens"]);
        }

        foreach (var (key, value) in new[] { ("steps", Steps), ("checkpointEvery", CheckpointEvery) })
        {
            if (value < 0)
            {
                yield return new ValidationResult($"must not be negative: {value}", [key]);
            }
        }
    }
}

/// <summary>Progress of one step.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">Mean negative log-likelihood of the step's tokens, in nats.</param>
/// <param name="LearningRate">Its learning rate.</param>
/// <param name="GradientNorm">Norm of the gradient before clipping.</param>
/// <param name="Tokens">Tokens trained on so far.</param>
/// <param name="Seconds">Time so far, over all sittings.</param>
public sealed record NextTokenMetrics(long Step, double Loss, double LearningRate, double GradientNorm, long Tokens, double Seconds);

/// <summary>The loop: rows, gradient, update, checkpoint. Resumes bit for bit, since the data order is a function of the step.</summary>
public static class NextTokenTrainer
{
    /// <summary>Trains a decoder in place, from the checkpoint in <paramref name="folder"/> if there is one.</summary>
    /// <param name="decoder">The model.</param>
    /// <param name="tokenizer">Saved with it.</param>
    /// <param name="windows">The data.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">Where checkpoints go; the last one is the result.</param>
    /// <param name="progress">Called after each step.</param>
    /// <param name="stop">Stops between micro-batches; the steps done are saved.</param>
    /// <returns>Steps, tokens and time.</returns>
    /// <exception cref="OperationCanceledException">Stopped; the checkpoint holds what was done.</exception>
    /// <exception cref="InvalidDataException">The loss or gradient is not finite; the last checkpoint is untouched.</exception>
    public static TrainingState Run(
        Decoder decoder, Tokenizer tokenizer, PackedWindows windows, NextTokenOptions options, string folder,
        Action<NextTokenMetrics>? progress = null, CancellationToken stop = default)
    {
        using var optimizer = new AdamW(decoder, options.Optimizer);
        var state = Checkpoint.Exists(folder) ? Checkpoint.Load(folder, decoder, optimizer) : new TrainingState(0, 0, 0);
        var sitting = Stopwatch.StartNew();
        var (before, saved) = (state.Seconds, Checkpoint.Exists(folder) ? state.Step : -1);
        while (state.Step < options.Steps && !stop.IsCancellationRequested)
        {
            var rows = Rows(windows, options, state.Step);
            var tokens = (long)options.BatchRows * options.WindowTokens;
            double nats;
            try
            {
                nats = NextTokenLoss.Backward(decoder, rows, options.MicroBatchRows, tokens, stop);
            }
            catch (OperationCanceledException)
            {
                optimizer.DiscardGradient();
                break;
            }

            var learningRate = options.Optimizer.LearningRateAt(state.Step, options.Steps);
            var norm = optimizer.Step(learningRate);
            state = new TrainingState(state.Step + 1, state.Tokens + tokens, before + sitting.Elapsed.TotalSeconds) { Updates = optimizer.Steps };
            sitting.Stop(); // evaluation on the way is not training
            progress?.Invoke(new NextTokenMetrics(state.Step, nats / tokens, learningRate, norm, state.Tokens, state.Seconds));
            sitting.Start();
            if (options.CheckpointEvery > 0 && state.Step % options.CheckpointEvery == 0 && state.Step < options.Steps)
            {
                Save();
            }
        }

        if (saved != state.Step)
        {
            Save();
        }

        stop.ThrowIfCancellationRequested();
        return state;

        void Save()
        {
            Checkpoint.Save(folder, decoder, tokenizer, optimizer, state);
            saved = state.Step;
        }
    }

    /// <summary>The rows of a step [BatchRows][WindowTokens + 1].</summary>
    public static IReadOnlyList<int[]> Rows(PackedWindows windows, NextTokenOptions options, long step)
    {
        var rows = new int[options.BatchRows][];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = new int[options.WindowTokens + 1];
            windows.Read((step * options.BatchRows) + i, rows[i]);
        }

        return rows;
    }
}
