using System.Diagnostics;
using Ra3.Models;
using Ra3.Models.Files;
using Ra3.Models.Tokenizers;
using Ra3.Training;
using Ra3.Training.Runs;

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
/// <param name="State">Steps, tokens sampled and time, evaluations not counted.</param>
/// <param name="Evaluations">By step, 0 (before the first step) included; empty without held-out problems.</param>
public sealed record GrpoResult(TrainingState State, IReadOnlyDictionary<long, PassAt1Result> Evaluations);

/// <summary>The loop over a run folder: evaluation, step, checkpoint.</summary>
public static class GrpoTrainer
{
    /// <summary>The checkpoint's folder in the run's.</summary>
    public const string CheckpointFolder = "checkpoint";

    private const string EvaluationsFile = "evaluations.jsonl";

    /// <summary>Trains a policy in place, from the checkpoint in <paramref name="folder"/>/checkpoint if there is one.</summary>
    /// <param name="policy">The model, with the weights to start from.</param>
    /// <param name="reference">What the divergence is measured from; null takes the starting model where it is needed.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="train">Problems to learn from; those whose prompt leaves no room for a completion are left out.</param>
    /// <param name="test">Held-out problems; may be empty.</param>
    /// <param name="reward">The judge.</param>
    /// <param name="options">How.</param>
    /// <param name="seed">Of everything random.</param>
    /// <param name="folder">Where checkpoint/, rollouts.jsonl and evaluations.jsonl go.</param>
    /// <param name="observer">Told what happens.</param>
    /// <param name="stop">Stops at the next safe point; what was done is saved.</param>
    /// <exception cref="ArgumentException">No problem is left to train on.</exception>
    /// <exception cref="OperationCanceledException">Stopped; running again goes on.</exception>
    /// <exception cref="InvalidDataException">A loss or gradient is not finite; the last checkpoint is untouched.</exception>
    /// <exception cref="IOException">Writing failed, or the judge failed on everything; the last checkpoint is untouched.</exception>
    public static GrpoResult Run(
        Decoder policy, Decoder? reference, Tokenizer tokenizer, IReadOnlyList<Problem> train, IReadOnlyList<Problem> test,
        IReward reward, GrpoOptions options, long seed, string folder, IGrpoObserver? observer = null, CancellationToken stop = default)
    {
        Directory.CreateDirectory(folder);
        var checkpoint = Path.Combine(folder, CheckpointFolder);
        using var start = options.KlCoefficient > 0 && reference is null ? policy.Copy(trainable: false) : null;
        var problems = new ProblemOrder(train, tokenizer, policy.Config, options.MaxNewTokens, seed);
        using var grpo = new Grpo(policy, reference ?? start, tokenizer, problems, reward, options, seed);
        var resumes = Checkpoint.Exists(checkpoint);
        var state = resumes ? Checkpoint.Load(checkpoint, policy, grpo.Optimizer) : new TrainingState(0, 0, 0);
        var saved = resumes ? state.Step : -1;
        using var rollouts = new JsonLinesWriter(Path.Combine(folder, RolloutLine.FileName), resumes ? state.Step : -1);
        using var log = new JsonLinesWriter(Path.Combine(folder, EvaluationsFile), resumes ? state.Step : -1);
        var evaluations = ReadEvaluations(folder);
        using var producer = options.MaxStaleness > 0 ? new AsyncRollouts(grpo, policy, options, state.Step, stop) : null;
        var (sitting, before) = (new Stopwatch(), state.Seconds);
        var whole = true; // weights, optimizer and logs stand at state.Step: what is done may be kept
        try
        {
            Evaluate();
            while (state.Step < options.Steps)
            {
                stop.ThrowIfCancellationRequested();
                sitting.Start();
                var batch = producer is null ? grpo.Collect(policy, state.Step, state.Step, stop) : producer.Next();
                var metrics = grpo.Learn(batch, stop);
                whole = false;
                sitting.Stop(); // evaluation on the way is not training
                state = new TrainingState(state.Step + 1, state.Tokens + metrics.SampledTokens, before + sitting.Elapsed.TotalSeconds)
                {
                    Updates = grpo.Optimizer.Steps,
                };
                producer?.Learnt(state.Step);
                foreach (var line in RolloutLine.Of(batch))
                {
                    rollouts.Write(state.Step, line);
                }

                whole = true;
                observer?.Stepped(state.Step, metrics);
                if (options.CheckpointEvery > 0 && state.Step % options.CheckpointEvery == 0)
                {
                    Save();
                }

                Evaluate();
            }
        }
        catch (Exception e) when (
            whole && (e is IOException || (e is OperationCanceledException && stop.IsCancellationRequested)))
        {
            Save();
            throw;
        }

        Save();
        return new GrpoResult(state, evaluations);

        void Save()
        {
            if (saved != state.Step)
            {
                Checkpoint.Save(checkpoint, policy, tokenizer, grpo.Optimizer, state);
                saved = state.Step;
            }
        }

        void Evaluate()
        {
            var isDue = state.Step == 0 || state.Step == options.Steps || (options.EvaluateEvery > 0 && state.Step % options.EvaluateEvery == 0);
            if (test.Count == 0 || !isDue || evaluations.ContainsKey(state.Step))
            {
                return;
            }

            var result = PassAt1.Measure(policy, tokenizer, test, reward, options.MaxNewTokens, options.SamplingBatch, stop);
            evaluations.Add(state.Step, result);
            observer?.Evaluated(state.Step, result);
            log.Write(state.Step, new
            {
                result.Rate,
                result.StandardError,
                result.Judged,
                Problems = test.Select(problem => problem.Id),
                result.Passed,
                result.Completions,
                result.Tokens,
            });
        }
    }

    /// <summary>The problems whose prompt leaves room for a completion; <see cref="Run"/> leaves out the others.</summary>
    public static IReadOnlyList<Problem> Fitting(IReadOnlyList<Problem> problems, Tokenizer tokenizer, ModelConfig config, int maxNewTokens) =>
        [.. problems.Where(problem => PromptEncoder.Room(problem.Encode(tokenizer), config) >= maxNewTokens)];

    /// <summary>The evaluations of a run so far, by step.</summary>
    /// <exception cref="InvalidDataException">The file is not as written.</exception>
    public static SortedDictionary<long, PassAt1Result> ReadEvaluations(string folder)
    {
        var evaluations = new SortedDictionary<long, PassAt1Result>();
        foreach (var line in JsonLines.ReadLog<EvaluationLine>(Path.Combine(folder, EvaluationsFile), RunJson.Options))
        {
            evaluations[line.Step] = new PassAt1Result(line.Passed, line.Completions, line.Tokens);
        }

        return evaluations;
    }

    private sealed record EvaluationLine(long Step, IReadOnlyList<bool?> Passed, IReadOnlyList<string> Completions, long Tokens);
}
