using System.ComponentModel.DataAnnotations;
using Ra3.Training;

namespace Ra3.PostTraining;

/// <summary>What a reward is compared with.</summary>
public enum GroupBaseline
{
    /// <summary>The mean of the group, its own reward included (GRPO).</summary>
    Mean,

    /// <summary>The mean of the others: unbiased (RLOO).</summary>
    LeaveOneOut,
}

/// <summary>How token losses become one number.</summary>
public enum LossReduction
{
    /// <summary>Mean over all tokens of the optimizer step: long completions weigh more (DAPO).</summary>
    Token,

    /// <summary>Mean over each completion's tokens, then over completions (GRPO as first published).</summary>
    SequenceMean,
}

/// <summary>What becomes of completions that met the bound on new tokens.</summary>
public enum OverlongHandling
{
    /// <summary>Nothing: they count as they were judged.</summary>
    None,

    /// <summary>Their reward counts in the group, but their tokens are left out of the loss.</summary>
    Mask,

    /// <summary>Their reward falls linearly to 1 less over the last tokens before the bound.</summary>
    SoftShaping,
}

/// <summary>How the divergence from the reference is estimated from one sample; x = log π − log π_ref of a token.</summary>
public enum KlEstimator
{
    /// <summary>x: unbiased, but its gradient is zero on average on fresh samples; for watching, not for training.</summary>
    K1,

    /// <summary>x²/2: biased, its gradient is that of the divergence on fresh samples.</summary>
    K2,

    /// <summary>e^−x − 1 + x: unbiased and never negative.</summary>
    K3,
}

/// <summary>Group relative policy optimisation, with the options of its descendants. Defaults are for pretrained models.</summary>
public sealed record GrpoOptions : IValidatableObject
{
    private const int MostCompletions = 1 << 20; // of a step

    /// <summary>Steps: sample, judge, learn.</summary>
    public int Steps { get; init; } = 200;

    /// <summary>Problems of a step.</summary>
    public int PromptsPerStep { get; init; } = 16;

    /// <summary>Completions of a problem, G.</summary>
    public int GroupSize { get; init; } = 8;

    /// <summary>Temperature of sampling and of the trained distribution alike.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Most tokens of a completion.</summary>
    public int MaxNewTokens { get; init; } = 512;

    /// <summary>Completions sampled side by side; changes nothing else.</summary>
    public int SamplingBatch { get; init; } = 64;

    /// <summary>What a reward is compared with.</summary>
    public GroupBaseline Baseline { get; init; } = GroupBaseline.Mean;

    /// <summary>Whether advantages are divided by the group's standard deviation, which favours very easy and very hard problems.</summary>
    public bool NormalizeByStd { get; init; }

    /// <summary>How token losses become one number.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.Token;

    /// <summary>Lower clip of the probability ratio.</summary>
    public double ClipLow { get; init; } = 0.2;

    /// <summary>Upper clip of the probability ratio; above the lower one, rare tokens can grow (clip-higher).</summary>
    public double ClipHigh { get; init; } = 0.28;

    /// <summary>Times that problems whose group is without signal are replaced by others within a step (dynamic sampling); 0 for never.</summary>
    public int MaxResampling { get; init; }

    /// <summary>What becomes of completions that met the bound on new tokens.</summary>
    public OverlongHandling Overlong { get; init; } = OverlongHandling.None;

    /// <summary>Tokens before the bound over which <see cref="OverlongHandling.SoftShaping"/> lowers the reward.</summary>
    public int OverlongBuffer { get; init; } = 64;

    /// <summary>Weight β of the divergence from the reference in the loss; 0 needs no reference.</summary>
    public double KlCoefficient { get; init; }

    /// <summary>How the divergence is estimated.</summary>
    public KlEstimator KlEstimator { get; init; } = KlEstimator.K3;

    /// <summary>Passes over each step's samples; above 1, later ones are off-policy and clipped.</summary>
    public int Passes { get; init; } = 1;

    /// <summary>Optimizer updates of a pass, each over a share of the step's groups.</summary>
    public int Minibatches { get; init; } = 1;

    /// <summary>Most completions in one forward pass; changes nothing but memory.</summary>
    public int MicroBatch { get; init; } = 16;

    /// <summary>Most steps between the policy that sampled and the policy that learns; 0 samples and learns in turn and is deterministic.</summary>
    public int MaxStaleness { get; init; }

    /// <summary>Bound C on the importance weight min(π_learner / π_sampler, C) of a stale token; .inf leaves it untruncated.</summary>
    public double ImportanceCap { get; init; } = 2;

    /// <summary>Steps between evaluations on held-out problems; 0 evaluates before the first step and after the last only.</summary>
    public int EvaluateEvery { get; init; } = 20;

    /// <summary>Steps between checkpoints; 0 writes one at the end only.</summary>
    public int CheckpointEvery { get; init; } = 10;

    /// <summary>Optimizer of the policy.</summary>
    public OptimizerOptions Optimizer { get; init; } = new()
    {
        LearningRate = 1e-6,
        WeightDecay = 0,
        Decay = DecayShape.Constant,
        Warmup = 0,
    };

    /// <summary>Every value out of range.</summary>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (key, value) in new[]
        {
            ("promptsPerStep", PromptsPerStep), ("maxNewTokens", MaxNewTokens), ("samplingBatch", SamplingBatch), ("passes", Passes),
            ("minibatches", Minibatches), ("microBatch", MicroBatch),
        })
        {
            if (value < 1)
            {
                yield return new ValidationResult($"must be at least 1, not {value}", [key]);
            }
        }

        foreach (var (key, value) in new[]
        {
            ("steps", Steps), ("maxResampling", MaxResampling), ("maxStaleness", MaxStaleness), ("evaluateEvery", EvaluateEvery),
            ("checkpointEvery", CheckpointEvery),
        })
        {
            if (value < 0)
            {
                yield return new ValidationResult($"must not be negative: {value}", [key]);
            }
        }

        if (GroupSize < 2)
        {
            yield return new ValidationResult($"must be at least 2, not {GroupSize}: an advantage compares completions", ["groupSize"]);
        }

        if (PromptsPerStep >= 1 && (long)PromptsPerStep * GroupSize > MostCompletions)
        {
            yield return new ValidationResult(
                $"make {(long)PromptsPerStep * GroupSize} completions a step together; the most is {MostCompletions}",
                ["groupSize", "promptsPerStep"]);
        }

        if (Minibatches > PromptsPerStep)
        {
            yield return new ValidationResult($"there are only {PromptsPerStep} groups to share among {Minibatches} updates", ["minibatches"]);
        }

        if (!(Temperature >= 0.001 && Temperature <= 100))
        {
            yield return new ValidationResult(
                $"must be 0.001 to 100, not {Temperature}: a group of equal completions teaches nothing, nor does noise", ["temperature"]);
        }

        if (!(ClipLow > 0 && ClipLow < 1))
        {
            yield return new ValidationResult($"must lie in (0, 1), not {ClipLow}", ["clipLow"]);
        }

        if (!(ClipHigh > 0))
        {
            yield return new ValidationResult($"must be positive, not {ClipHigh}", ["clipHigh"]);
        }

        if (!(KlCoefficient >= 0 && KlCoefficient <= 1000))
        {
            yield return new ValidationResult($"must lie in [0, 1000], not {KlCoefficient}", ["klCoefficient"]);
        }

        if (!(ImportanceCap >= 1))
        {
            yield return new ValidationResult($"must be at least 1, not {ImportanceCap}: fresh samples weigh 1", ["importanceCap"]);
        }

        if (OverlongBuffer < 1 || (Overlong == OverlongHandling.SoftShaping && OverlongBuffer >= MaxNewTokens))
        {
            yield return new ValidationResult($"must lie between 1 and maxNewTokens − 1, not {OverlongBuffer}", ["overlongBuffer"]);
        }
    }
}
