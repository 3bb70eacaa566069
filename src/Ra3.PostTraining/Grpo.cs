using System.Diagnostics;
using Ra3.Models;
using Ra3.Models.Tokenizers;
using Ra3.Training;
using static TorchSharp.torch;

namespace Ra3.PostTraining;

/// <summary>
/// Group relative policy optimisation (Shao et al. 2024, arXiv 2402.03300) with the options of DAPO (Yu et al. 2025,
/// arXiv 2503.14476) and RLOO. One step, top to bottom: sample groups of completions, judge them, turn rewards into
/// advantages, form the loss, update.
/// </summary>
/// <remarks>Everything random depends on the seed, the step and the sample's place in it alone.</remarks>
internal sealed class Grpo(
    Decoder policy, Decoder? reference, Tokenizer tokenizer, ProblemOrder problems, IReward reward, GrpoOptions options, long seed) : IDisposable
{
    private readonly HeadDistribution distribution = new(options.Temperature);
    private readonly bool isStale = options.MaxStaleness > 0;

    /// <summary>The optimizer of the policy.</summary>
    public AdamW Optimizer { get; } = new(policy, options.Optimizer);

    /// <summary>Held while the policy's weights change.</summary>
    public Lock Weights { get; } = new();

    /// <summary>Sample, judge, compare: the groups of a step, those without signal replaced while the bound allows.</summary>
    /// <param name="sampler">The policy, or a copy of it.</param>
    /// <param name="step">Counted from 0.</param>
    /// <param name="version">Steps that the sampler has learnt from.</param>
    /// <param name="stop">Cancels.</param>
    /// <exception cref="IOException">The judge failed on every completion.</exception>
    public RolloutBatch Collect(Decoder sampler, long step, long version, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        List<RolloutGroup> kept = [], replaced = [];
        var wanted = Enumerable.Range(0, options.PromptsPerStep).Select(i => problems.At((step * options.PromptsPerStep) + i)).ToList();
        var number = 0;
        for (var attempt = 0; ; attempt++)
        {
            var groups = Sample(sampler, step, version, wanted, number, stop);
            groups.ForEach(Compare);
            number += groups.Count;
            kept.AddRange(groups.Where(group => group.HasSignal));
            var flat = groups.Where(group => !group.HasSignal).ToList();
            if (flat.Count == 0 || attempt == options.MaxResampling)
            {
                kept.AddRange(flat);
                break;
            }

            replaced.AddRange(flat);
            wanted = [.. flat.Select((_, i) => problems.Replacement(step, number + i))];
        }

        var batch = new RolloutBatch(step, version, kept, replaced, clock.Elapsed.TotalSeconds);
        RequireVerdicts(batch);
        return batch;
    }

    /// <summary>Learns from the groups of a step.</summary>
    /// <exception cref="InvalidDataException">A loss or gradient is not finite; the weights are as before that update.</exception>
    public GrpoMetrics Learn(RolloutBatch batch)
    {
        var clock = Stopwatch.StartNew();
        var tally = new LearningTally();
        if (isStale && options.Passes * options.Minibatches > 1)
        {
            RecordOldLogProbs(batch);
        }

        var learningRate = options.Optimizer.LearningRateAt(batch.Step, options.Steps);
        for (var pass = 0; pass < options.Passes; pass++)
        {
            for (var part = 0; part < options.Minibatches; part++)
            {
                int start = batch.Groups.Count * part / options.Minibatches, end = batch.Groups.Count * (part + 1) / options.Minibatches;
                Update(batch.Step, [.. batch.Groups.Skip(start).Take(end - start)], learningRate, tally);
            }
        }

        return tally.Metrics(batch, learningRate, clock.Elapsed.TotalSeconds);
    }

    /// <inheritdoc/>
    public void Dispose() => Optimizer.Dispose();

    /// <summary>Samples a group for each problem; each completion is judged while others are still being written.</summary>
    private List<RolloutGroup> Sample(
        Decoder sampler, long step, long version, List<(Problem Problem, int[] Prompt)> wanted, int firstNumber, CancellationToken stop)
    {
        using var spare = isStale ? default : new SpareCore(sampler); // beside learning, all threads are its own
        var verdicts = new List<Task>();
        var members = new RolloutSampler(sampler, tokenizer, options).Sample(
            wanted, version, (group, member) => new SeededRandom(seed, "rlvr/completion", step, firstNumber + group, member),
            (group, rollout) => verdicts.Add(Task.Run(
                async () => rollout.Score = await reward.ScoreAsync(wanted[group].Problem, rollout.Text, stop).ConfigureAwait(false), stop)),
            stop);
        var groups = wanted.Select((item, i) => new RolloutGroup($"{step + 1}.{firstNumber + i}", item.Problem, item.Prompt, members[i])).ToList();
        Task.WhenAll(verdicts).GetAwaiter().GetResult();
        return groups;
    }

    /// <summary>Rewards, shaped if asked for, and advantages; completions without a verdict are left out of their group.</summary>
    private void Compare(RolloutGroup group)
    {
        foreach (var member in group.Members)
        {
            member.Reward = options.Overlong == OverlongHandling.SoftShaping
                ? member.Score.Value + GroupAdvantages.OverlongPenalty(member.Tokens.Length, options.MaxNewTokens, options.OverlongBuffer)
                : member.Score.Value;
            member.InLoss = member.Reward is not null && !(options.Overlong == OverlongHandling.Mask && member.Truncated);
        }

        var judged = group.Members.Where(member => member.Reward is not null).ToList();
        var rewards = judged.ConvertAll(member => member.Reward!.Value);
        if (judged.Count < 2 || !GroupAdvantages.HaveSignal(rewards))
        {
            return;
        }

        var advantages = GroupAdvantages.Of(rewards, options.Baseline, options.NormalizeByStd);
        for (var i = 0; i < judged.Count; i++)
        {
            judged[i].Advantage = advantages[i];
        }

        group.HasSignal = judged.Exists(member => member.InLoss && member.Advantage != 0);
    }

    /// <summary>
    /// One optimizer update: Σ weight · (importance · clipped surrogate + β · divergence) over the tokens of some groups. The
    /// weights count the tokens of all groups given, so a group without signal is skipped, not forgotten, and how
    /// completions are divided into forward passes changes nothing.
    /// </summary>
    private void Update(long step, List<RolloutGroup> groups, double learningRate, LearningTally tally)
    {
        if (!groups.Exists(group => group.HasSignal))
        {
            return;
        }

        var inLoss = groups.SelectMany(group => group.Members).Where(member => member.InLoss).ToList();
        var weights = PolicyLoss.TokenWeights([.. inLoss.Select(member => member.Tokens.Length)], options.Reduction);
        var weightOf = inLoss.Zip(weights).ToDictionary(pair => pair.First, pair => pair.Second, (IEqualityComparer<Rollout>)ReferenceEqualityComparer.Instance);
        double loss = 0;
        foreach (var members in Learning(groups).Chunk(options.MicroBatch))
        {
            using var scope = NewDisposeScope();
            var part = Loss(members, member => weightOf[member], tally);
            var value = part.to_type(ScalarType.Float64).item<double>();
            if (!double.IsFinite(value))
            {
                throw new InvalidDataException(
                    $"The loss of step {step + 1} is not finite, so training stopped before the update. "
                    + "Resume from the last checkpoint with a lower learning rate.");
            }

            part.backward();
            loss += value;
        }

        lock (Weights)
        {
            tally.Updated(loss, Optimizer.Step(learningRate));
        }
    }

    /// <summary>The completions that there is something to learn from, shortest first, so that those side by side are alike.</summary>
    private static IEnumerable<Rollout> Learning(IEnumerable<RolloutGroup> groups) =>
        groups.Where(group => group.HasSignal).SelectMany(group => group.Members).Where(member => member.InLoss)
            .OrderBy(member => member.Prompt.Length + member.Tokens.Length);

    private Tensor Loss(Rollout[] members, Func<Rollout, double> weight, LearningTally tally)
    {
        var forward = new CompletionBatch(members);
        var logProbs = forward.LogProbs(policy, forward.Predictors(policy), distribution);
        var sampled = Of(member => member.LogProbs);
        var old = !isStale ? sampled : members[0].OldLogProbs is null ? logProbs.detach() : Of(member => member.OldLogProbs!);
        var advantages = Each(member => member.Advantage);
        var losses = PolicyLoss.Clipped(logProbs, old, advantages, options.ClipLow, options.ClipHigh);
        Tensor? importance = null, divergence = null;
        if (isStale)
        {
            importance = PolicyLoss.ImportanceWeights(old, sampled, options.ImportanceCap);
            losses *= importance;
        }

        if (reference is not null && options.KlCoefficient > 0)
        {
            using var noGrad = no_grad();
            var referenceLogProbs = forward.LogProbs(reference, forward.Predictors(reference), distribution);
            using var withGrad = enable_grad();
            divergence = PolicyLoss.Divergence(logProbs, referenceLogProbs, options.KlEstimator);
            losses = losses.Plus(divergence * Kept.Scalar(options.KlCoefficient));
        }

        tally.Add(logProbs, sampled, old, advantages, importance, divergence, options);
        return (losses * Each(weight)).sum();

        Tensor Of(Func<Rollout, float[]> values) => tensor([.. members.SelectMany(values)], logProbs.dtype, policy.Device);
        Tensor Each(Func<Rollout, double> value) => tensor(
            [.. members.SelectMany(member => Enumerable.Repeat(value(member), member.Tokens.Length))], logProbs.dtype, policy.Device);
    }

    /// <summary>Log-probabilities of stale tokens under the policy as it is before the step's first update.</summary>
    private void RecordOldLogProbs(RolloutBatch batch)
    {
        using var noGrad = no_grad();
        foreach (var members in Learning(batch.Groups).Chunk(options.MicroBatch))
        {
            using var scope = NewDisposeScope();
            var forward = new CompletionBatch(members);
            var values = forward.LogProbs(policy, forward.Predictors(policy), distribution).to_type(ScalarType.Float32).cpu().data<float>().ToArray();
            var next = 0;
            foreach (var member in members)
            {
                member.OldLogProbs = values[next..(next += member.Tokens.Length)];
            }
        }
    }

    private static void RequireVerdicts(RolloutBatch batch)
    {
        if (batch.Sampled.SelectMany(group => group.Members).All(member => member.Score.Value is null))
        {
            throw new IOException(
                $"The judge failed on every completion of step {batch.Step + 1}, so training stopped: "
                + batch.Groups[0].Members[0].Score.Detail);
        }
    }
}
