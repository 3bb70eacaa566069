using Ra3.Models;
using Ra3.Models.Tokenizers;
using Ra3.Training;

namespace Ra3.PostTraining;

/// <summary>Hears what a run does, from its thread.</summary>
public interface IGrpoObserver
{
    /// <summary>A step is done; steps count from 1.</summary>
    void Stepped(long step, GrpoMetrics metrics);

    /// <summary>The policy was measured on the held-out problems after a step; 0 is before the first.</summary>
    void Evaluated(long step, PassAt1Result result);
}

/// <summary>What a run came to.</summary>
/// <param name="State">Steps, tokens and time.</param>
/// <param name="Evaluations">By step, 0 (before the first step) included; empty without held-out problems.</param>
public sealed record GrpoResult(TrainingState State, IReadOnlyDictionary<long, PassAt1Result> Evaluations);

/// <summary>The loop over a run folder: step, evaluation, checkpoint.</summary>
public static class GrpoTrainer
{
    /// <summary>Trains a policy in place, from the checkpoint in <paramref name="folder"/>/checkpoint if there is one.</summary>
    /// <param name="policy">The model, with the weights to start from.</param>
    /// <param name="reference">What the divergence is measured from; null takes the starting model where it is needed.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="train">Problems to learn from.</param>
    /// <param name="test">Held-out problems; may be empty.</param>
    /// <param name="reward">The judge.</param>
    /// <param name="options">How.</param>
    /// <param name="seed">Of everything random.</param>
    /// <param name="folder">Where checkpoint/, rollouts.jsonl and evaluations.jsonl go.</param>
    /// <param name="observer">Told what happens.</param>
    /// <param name="stop">Stops at the next safe point; what was done is saved.</param>
    /// <exception cref="OperationCanceledException">Stopped; running again goes on.</exception>
    /// <exception cref="InvalidDataException">A loss or gradient is not finite; the last checkpoint is untouched.</exception>
    /// <exception cref="IOException">Writing failed, or the judge failed on everything; the last checkpoint is untouched.</exception>
    public static GrpoResult Run(
        Decoder policy, Decoder? reference, Tokenizer tokenizer, IReadOnlyList<Problem> train, IReadOnlyList<Problem> test,
        IReward reward, GrpoOptions options, long seed, string folder, IGrpoObserver? observer = null, CancellationToken stop = default) =>
        throw new NotSupportedException("The loop follows in the next commit.");
}
