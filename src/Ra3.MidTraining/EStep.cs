using System.Diagnostics;
using Ra3.Models;
using Ra3.Training;
using static TorchSharp.torch;

namespace Ra3.MidTraining;

/// <summary>What one iteration of the E-step did. Rates are over the sampled steps at which a comment was possible.</summary>
/// <param name="Reward">Mean reward of a line, costs included, in nats.</param>
/// <param name="LineLogProb">Mean log-prob of a line under the scorer, in nats per token.</param>
/// <param name="ThoughtGain">Mean gain of a line's log-likelihood by the thought before it, against the same line with no thought anywhere; unlike
/// the reward it does not swing with how hard an iteration's lines are. 0 where nothing was thought.</param>
/// <param name="ThinkShare">Share of choices that thought (valid latents).</param>
/// <param name="InvalidShare">Share of begun latents that did not end in time.</param>
/// <param name="LatentTokens">Mean content tokens of a valid latent.</param>
/// <param name="LinesPerAbstraction">Lines per thought; infinite where nothing was thought.</param>
/// <param name="GroupsWithoutSignal">Share of groups that teach nothing: no token that q chose has an advantage.</param>
/// <param name="LogProbMismatch">Largest |log q at sampling − log q in the trainer's forward| over the policy tokens of
/// the trees learnt from, or of one tree where there is nothing to learn; must be 0.</param>
/// <param name="Gradient">Norm of the gradient of the last pass; 0 where there was nothing to learn.</param>
/// <param name="PolicyTokens">Choices and content tokens, those without an advantage included.</param>
/// <param name="TreeTokens">Tokens of all trees.</param>
/// <param name="GenerateSeconds">Time spent sampling.</param>
/// <param name="ScoreSeconds">Time spent scoring.</param>
/// <param name="UpdateSeconds">Time spent learning.</param>
public sealed record EStepMetrics(
    double Reward, double LineLogProb, double ThoughtGain, double ThinkShare, double InvalidShare, double LatentTokens, double LinesPerAbstraction,
    double GroupsWithoutSignal, double LogProbMismatch, double Gradient, long PolicyTokens, long TreeTokens,
    double GenerateSeconds, double ScoreSeconds, double UpdateSeconds)
{
    /// <summary>Every value under its name in metrics.jsonl.</summary>
    public (string Name, double Value)[] Named() =>
    [
        ("eStep.reward", Reward), ("eStep.lineLogProb", LineLogProb), ("eStep.thoughtGain", ThoughtGain),
        ("eStep.thinkShare", ThinkShare), ("eStep.invalidShare", InvalidShare),
        ("eStep.latentTokens", LatentTokens), ("eStep.linesPerAbstraction", LinesPerAbstraction),
        ("eStep.groupsWithoutSignal", GroupsWithoutSignal), ("eStep.logProbMismatch", LogProbMismatch), ("eStep.gradientNorm", Gradient),
        ("eStep.policyTokens", PolicyTokens), ("eStep.treeTokens", TreeTokens), ("eStep.generateSeconds", GenerateSeconds),
        ("eStep.scoreSeconds", ScoreSeconds), ("eStep.updateSeconds", UpdateSeconds),
    ];
}

/// <summary>
/// The E-step (S): with the scorer π fixed, q is trained by policy gradient on
/// r_t = log π(a_t | s_t, z_t) − c·1[z_t ≠ act], a thought that does not end in time costing more. One iteration, top to
/// bottom: sample groups at places of some snippets, score their lines with π over the tree, turn rewards into advantages,
/// update q over the same tree.
/// </summary>
public sealed class EStep(
    Decoder policy, Decoder scorer, LatentFormat format, LatentOptions latents, EStepOptions options, long seed) : IDisposable
{
    private readonly LatentSampler sampler = new(policy, format, latents);

    /// <summary>The optimizer of q.</summary>
    public AdamW Optimizer { get; } = new(policy, options.Optimizer);

    /// <summary>One iteration.</summary>
    /// <param name="iteration">Counted from 0; everything random depends on it and the seed alone.</param>
    /// <param name="snippets">The snippets to sample from.</param>
    /// <param name="stop">Cancels between tokens and between trees; once q has begun to change, the iteration is ended.</param>
    /// <exception cref="InvalidDataException">A loss or gradient is not finite; q is untouched.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; q is untouched.</exception>
    public EStepMetrics Iterate(long iteration, IReadOnlyList<Snippet> snippets, CancellationToken stop = default)
    {
        var clock = Stopwatch.StartNew();
        var sampled = new IReadOnlyList<SnippetSamples>[snippets.Count];
        SideBySide.Run(policy, sampled.Length, i => sampled[i] = Sample(iteration, i, snippets[i], stop));
        List<SnippetSamples> samples = [.. sampled.SelectMany(parts => parts)];
        var generated = clock.Elapsed.TotalSeconds;
        SideBySide.Run(scorer, samples.Count, i => Score(samples[i], stop));

        var scored = clock.Elapsed.TotalSeconds;
        var batches = samples.ConvertAll(sample => PolicyTokens.Collect(sample, options.NegativeContentWeight));
        var (mismatch, norm) = Update(iteration, samples, batches, stop);
        var updated = clock.Elapsed.TotalSeconds;
        return Summary(samples, batches, mismatch, norm, generated, scored - generated, updated - scored);
    }

    /// <inheritdoc/>
    public void Dispose() => Optimizer.Dispose();

    /// <summary>Groups at places of a snippet, in as few trees as may be.</summary>
    internal IReadOnlyList<SnippetSamples> Sample(
        long iteration, int index, Snippet snippet, CancellationToken stop = default)
    {
        stop.ThrowIfCancellationRequested();
        var random = new SeededRandom(seed, "e-step/places", iteration, index);
        var possible = Enumerable.Range(0, snippet.Actions.Length).Where(snippet.MayThink).ToArray();
        random.Shuffle<int>(possible);
        int[] places = [.. possible.Take(options.PlacesPerSnippet).Order()];
        if (places.Length == 0)
        {
            return [];
        }

        var exploration = options.ExplorationAt(iteration);
        var surprise = exploration > 0 && options.ExplorationSurprise < 0 ? TrunkLineRewards(snippet) : null;
        var groups = sampler.SampleGroups(
            snippet, places, options.GroupSize, options.Horizon,
            line => surprise is null || surprise[line] < options.ExplorationSurprise ? exploration : 0,
            (place, member) => new SeededRandom(seed, "e-step/walk", iteration, index, place, member), stop);
        int[] trunk = [format.DocumentStart, .. snippet.Tokens];
        var parts = new List<List<IReadOnlyList<Trajectory>>>();
        var tokens = 0;
        foreach (var group in groups)
        {
            var more = group.Sum(TrajectoryTree.TokensOf);
            if (parts.Count == 0 || trunk.Length + tokens + more > options.TreeTokens)
            {
                parts.Add([]);
                tokens = 0;
            }

            parts[^1].Add(group);
            tokens += more;
        }

        return [.. parts.Select(part => new SnippetSamples(part, new TrajectoryTree(trunk, part.SelectMany(group => group))))];
    }

    /// <summary>Mean log-prob of each line without any thought, under the scorer.</summary>
    private double[] TrunkLineRewards(Snippet snippet)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        int[] tokens = [format.DocumentStart, .. snippet.Tokens];
        var values = NextTokenLoss.LogProbs(scorer, [tokens]).to_type(ScalarType.Float64).cpu().data<double>().ToArray();
        return [.. Enumerable.Range(0, snippet.Actions.Length)
            .Select(line => TrajectoryScorer.Reward(values.AsSpan(snippet.Offset(line), snippet.Actions[line].Length), LineReward.Mean, options.TokenFloor))];
    }

    /// <summary>Rewards of every line of every trajectory under π, and from them the advantages.</summary>
    private void Score(SnippetSamples sample, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        var plain = Trajectory.Plain(sample.Groups[0][0].Snippet);
        var logProbs = TrajectoryScorer.LineLogProbs(scorer, sample.Tree, [plain, .. sample.Trajectories]);
        var next = 1;
        foreach (var group in sample.Groups)
        {
            var credits = new List<double[]>();
            foreach (var trajectory in group)
            {
                var lines = logProbs[next++];
                var likelihoods = lines.Select(Reward).ToArray();
                var rewards = trajectory.Steps.Select((step, i) => likelihoods[i] - Cost(step.Choice)).ToArray();
                sample.ThoughtGains.AddRange(trajectory.Steps.Select((step, i) => (step, Gain: likelihoods[i] - Reward(logProbs[0][step.Line])))
                    .Where(item => item.step.Choice == StepChoice.Think).Select(item => item.Gain));
                sample.LineLogProbs.AddRange(lines.Select(line => line.Average()));
                sample.Rewards.AddRange(rewards);
                credits.Add(Advantages.Credits(rewards, options.Credit, options.Discount));
            }

            sample.Advantages.Add(Advantages.OfGroup(credits, options.Baseline));
            sample.ContentAdvantages.Add(options.ContentBaseline == ContentBaseline.Group
                ? sample.Advantages[^1]
                : Advantages.Among(credits, options.Baseline, (member, step) => group[member].Steps[step].Latent.Length > 0));
        }
    }

    private double Reward(double[] line) => TrajectoryScorer.Reward(line, options.Reward, options.TokenFloor);

    private double Cost(StepChoice choice) => choice switch
    {
        StepChoice.Think => options.SwitchCost,
        StepChoice.Invalid => options.SwitchCost + options.InvalidPenalty,
        _ => 0,
    };

    /// <summary>Trees without signal are not run: their gradient is 0. Where none has any, q and its optimizer stay as
    /// they are.</summary>
    private (double Mismatch, double Norm) Update(
        long iteration, List<SnippetSamples> samples, List<PolicyTokens> batches, CancellationToken stop)
    {
        var count = batches.Sum(batch => (long)batch.Count);
        var learning = samples.Zip(batches).Where(tree => tree.Second.GroupsWithSignal > 0).ToList();
        if (learning.Count == 0)
        {
            return (samples.Count > 0 ? Mismatch(samples[0], batches[0]) : 0, 0);
        }

        double mismatch = 0, norm = 0;
        for (var pass = 0; pass < options.Passes; pass++)
        {
            foreach (var (sample, batch) in learning)
            {
                if (pass == 0 && stop.IsCancellationRequested)
                {
                    Optimizer.DiscardGradient();
                    throw new OperationCanceledException(stop);
                }

                using var scope = NewDisposeScope();
                var logProbs = LogProbs(sample.Tree.Hidden(policy), batch);
                if (pass == 0)
                {
                    mismatch = Math.Max(mismatch, batch.Mismatch(logProbs));
                }

                var loss = PolicyLoss(logProbs, batch) / Kept.Scalar(count);
                if (!double.IsFinite(loss.to_type(ScalarType.Float64).item<double>()))
                {
                    throw new InvalidDataException(
                        $"The E-step's loss of iteration {iteration} is not finite, so it stopped before the update. "
                        + "Resume from the last checkpoint with a lower learning rate.");
                }

                loss.backward();
            }

            norm = Optimizer.Step(options.Optimizer.LearningRateAt(iteration, options.Iterations));
        }

        return (mismatch, norm);
    }

    private double Mismatch(SnippetSamples sample, PolicyTokens batch)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return batch.Mismatch(LogProbs(sample.Tree.Hidden(policy), batch));
    }

    /// <summary>Σ −w min(ρ A, clip(ρ) A) over policy tokens: ρ = q / q at sampling, 1 on the first pass; w = q at
    /// sampling / behaviour, 1 but for choices that were explored.</summary>
    private Tensor PolicyLoss(Tensor logProbs, PolicyTokens tokens)
    {
        var type = logProbs.dtype;
        var sampled = tensor(tokens.SampledLogProbs, type, policy.Device);
        var advantages = tensor(tokens.Advantages, type, policy.Device);
        var exploration = tensor(tokens.ExplorationWeights, type, policy.Device);
        var ratio = logProbs.Minus(sampled).exp();
        var clipped = ratio.clamp(Kept.Scalar(1 - options.ClipLow), Kept.Scalar(1 + options.ClipHigh));
        return -((ratio * advantages).minimum(clipped * advantages) * exploration).sum();
    }

    /// <summary>log q of every policy token: log p(#) or log(1 − p(#)) for choices, under the latents' own distribution
    /// for content.</summary>
    private Tensor LogProbs(Tensor hidden, PolicyTokens tokens)
    {
        var logProbs = LanguageModelHead.LogProbs(
            policy, hidden.index_select(0, tensor(tokens.Rows, ScalarType.Int64, policy.Device)),
            tensor(tokens.Targets, ScalarType.Int64, policy.Device),
            new HeadDistribution(latents.Temperature, format.Forbidden, FreeRows: tokens.Thinks.Length));
        var think = logProbs.slice(0, 0, tokens.Thinks.Length, 1);
        var thinks = tensor(tokens.Thinks, ScalarType.Bool, policy.Device);
        var choices = where(thinks, think, ChoiceLogProbs.Complement(think));
        return cat([choices, logProbs.slice(0, tokens.Thinks.Length, tokens.Count, 1)], 0);
    }

    private static EStepMetrics Summary(
        List<SnippetSamples> samples, List<PolicyTokens> batches, double mismatch, double norm,
        double generate, double score, double update)
    {
        var steps = samples.SelectMany(sample => sample.Trajectories).SelectMany(trajectory => trajectory.Steps).ToList();
        var thoughts = steps.Where(step => step.Choice == StepChoice.Think).ToList();
        double invalid = steps.Count(step => step.Choice == StepChoice.Invalid);
        double groups = batches.Sum(batch => batch.Groups);
        return new EStepMetrics(
            Mean(samples.SelectMany(sample => sample.Rewards)),
            Mean(samples.SelectMany(sample => sample.LineLogProbs)),
            Mean(samples.SelectMany(sample => sample.ThoughtGains)),
            Share(thoughts.Count, steps.Count(step => step.Choice != StepChoice.None)),
            Share(invalid, thoughts.Count + invalid),
            Mean(thoughts.Select(step => (double)step.Latent.Length)),
            thoughts.Count > 0 ? steps.Count / (double)thoughts.Count : double.PositiveInfinity,
            Share(groups - batches.Sum(batch => batch.GroupsWithSignal), groups),
            mismatch, norm, batches.Sum(batch => (long)batch.Count), samples.Sum(sample => (long)sample.Tree.TokenCount),
            generate, score, update);

        static double Mean(IEnumerable<double> values) => values.DefaultIfEmpty(0).Average();
        static double Share(double part, double whole) => whole > 0 ? part / whole : 0;
    }
}
