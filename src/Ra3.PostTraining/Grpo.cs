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
    private readonly bool measuresDivergence = reference is not null && options.KlCoefficient > 0;

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
        var wanted = Enumerable.Range(0, options.PromptsPerStep)
            .Select(i => problems.At((step * options.PromptsPerStep) + i)).ToList();
        var groups = Sample(sampler, step, version, wanted, 0, stop);
        RequireVerdicts(step, groups);
        var replaced = new List<RolloutGroup>();
        int[] flat = [.. Enumerable.Range(0, groups.Count).Where(i => !groups[i].HasSignal)];
        for (var attempt = 0; attempt < options.MaxResampling && flat.Length > 0; attempt++)
        {
            var number = groups.Count + replaced.Count;
            wanted = [.. flat.Select((_, i) => problems.Replacement(step, number + i))];
            foreach (var (place, group) in flat.Zip(Sample(sampler, step, version, wanted, number, stop)))
            {
                replaced.Add(groups[place]);
                groups[place] = group;
            }

            flat = [.. flat.Where(i => !groups[i].HasSignal)];
        }

        return new RolloutBatch(step, version, groups, replaced, clock.Elapsed.TotalSeconds);
    }

    /// <summary>Learns from the groups of a step: passes × minibatches updates, or none where no group teaches
    /// anything.</summary>
    /// <param name="batch">The groups.</param>
    /// <param name="stop">Cancels between forward passes, until the first update: half a step could not be resumed.</param>
    /// <exception cref="InvalidDataException">A loss or gradient is not finite; the weights are as before that update.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; policy and optimizer are as before the step.</exception>
    public GrpoMetrics Learn(RolloutBatch batch, CancellationToken stop = default)
    {
        var clock = Stopwatch.StartNew();
        var tally = new LearningTally();
        var learningRate = options.Optimizer.LearningRateAt(batch.Step, options.Steps);
        if (batch.Groups.Any(Teaches))
        {
            if (isStale && options.Passes * options.Minibatches > 1)
            {
                RecordOldLogProbs(batch, stop);
            }

            for (var pass = 0; pass < options.Passes; pass++)
            {
                foreach (var minibatch in Deal(batch, pass))
                {
                    Update(batch.Step, minibatch, learningRate, tally, stop);
                    stop = CancellationToken.None;
                }
            }
        }

        return tally.Metrics(batch, learningRate, clock.Elapsed.TotalSeconds);
    }

    /// <inheritdoc/>
    public void Dispose() => Optimizer.Dispose();

    /// <summary>Samples a group for each problem; each completion is judged while others are still being written. Then
    /// the members of a group are compared.</summary>
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
        groups.ForEach(Compare);
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

    /// <summary>A group without signal has a policy gradient of 0; its divergence from the reference has one all the
    /// same.</summary>
    private bool Teaches(RolloutGroup group) => group.HasSignal || measuresDivergence;

    /// <summary>Groups dealt out to a pass's updates as cards are, in an order of the pass's own, those with signal
    /// first: every update gets its share of either kind.</summary>
    private IEnumerable<List<RolloutGroup>> Deal(RolloutBatch batch, int pass)
    {
        RolloutGroup[] groups = [.. batch.Groups];
        new SeededRandom(seed, "rlvr/minibatches", batch.Step, pass).Shuffle<RolloutGroup>(groups);
        List<RolloutGroup> deck = [.. groups.OrderBy(group => group.HasSignal ? 0 : 1)];
        return Enumerable.Range(0, options.Minibatches)
            .Select(part => deck.Where((_, i) => i % options.Minibatches == part).ToList());
    }

    /// <summary>
    /// One optimizer update: Σ weight · (importance · clipped surrogate + β · divergence) over the tokens of some groups. The
    /// weights count the tokens of all groups given, so a group that teaches nothing is skipped, not forgotten, and how
    /// completions are divided into forward passes changes nothing.
    /// </summary>
    private void Update(long step, List<RolloutGroup> groups, double learningRate, LearningTally tally, CancellationToken stop)
    {
        var inLoss = groups.SelectMany(group => group.Members).Where(member => member.InLoss).ToList();
        var weights = PolicyLoss.TokenWeights([.. inLoss.Select(member => member.Tokens.Length)], options.Reduction);
        var weightOf = inLoss.Zip(weights).ToDictionary(pair => pair.First, pair => pair.Second, (IEqualityComparer<Rollout>)ReferenceEqualityComparer.Instance);
        double loss = 0;
        foreach (var members in Learning(groups).Chunk(options.MicroBatch))
        {
            if (stop.IsCancellationRequested)
            {
                Optimizer.DiscardGradient();
                throw new OperationCanceledException(stop);
            }

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
    private IEnumerable<Rollout> Learning(IEnumerable<RolloutGroup> groups) =>
        groups.Where(Teaches).SelectMany(group => group.Members).Where(member => member.InLoss)
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

        if (measuresDivergence)
        {
            using var noGrad = no_grad();
            var referenceLogProbs = forward.LogProbs(reference!, forward.Predictors(reference!), distribution);
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
    private void RecordOldLogProbs(RolloutBatch batch, CancellationToken stop)
    {
        using var noGrad = no_grad();
        foreach (var members in Learning(batch.Groups).Chunk(options.MicroBatch))
        {
            stop.ThrowIfCancellationRequested();
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

    private static void RequireVerdicts(long step, List<RolloutGroup> groups)
    {
        if (groups.SelectMany(group => group.Members).All(member => member.Score.Value is null))
        {
            throw new IOException(
                $"The judge failed on every completion of step {step + 1}, so training stopped: "
                + groups[0].Members[0].Score.Detail);
        }
    }
}
