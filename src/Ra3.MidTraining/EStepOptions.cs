using System.ComponentModel.DataAnnotations;

namespace Ra3.MidTraining;

/// <summary>How latents are found.</summary>
public enum EStepKind
{
    /// <summary>Reinforcement learning of q on the temporal ELBO (S).</summary>
    Rl,

    /// <summary>No learning: the best of a group of the base's own latents is kept where it gains more than it costs; a
    /// posterior resampling, not the paper's method.</summary>
    BestOfGroup,

    /// <summary>Both: reinforcement learning of q (S), then the best of a group of q's latents is what the M-step learns from (D).</summary>
    RlBestOfGroup,

    /// <summary>Latents of the untrained base: a control.</summary>
    None,
}

/// <summary>How a line's log-likelihood becomes a reward.</summary>
public enum LineReward
{
    /// <summary>Mean over the line's tokens.</summary>
    Mean,

    /// <summary>Sum over the line's tokens: the bound as written.</summary>
    Sum,
}

/// <summary>What a step is credited with.</summary>
public enum CreditAssignment
{
    /// <summary>Rewards from its line to the end of the horizon.</summary>
    ReturnToGo,

    /// <summary>Its own line's reward.</summary>
    Immediate,

    /// <summary>All rewards of the trajectory.</summary>
    Trajectory,
}

/// <summary>What a return is compared with.</summary>
public enum GroupBaseline
{
    /// <summary>The mean of the group, its own return included: shrinks the gradient by (G − 1)/G.</summary>
    Mean,

    /// <summary>The mean of the others: unbiased.</summary>
    LeaveOneOut,
}

/// <summary>What the return after a thought is compared with when its content is credited.</summary>
public enum ContentBaseline
{
    /// <summary>The whole group's, as for the choice to think.</summary>
    Group,

    /// <summary>The group's members that began a thought at the same line: whether to think and what to think are learnt apart, so that
    /// content is not all pushed down while thinking pays less than writing on (D: a baseline may depend on the choice already made).</summary>
    Thoughts,
}

/// <summary>The E-step. Defaults are for pretrained models (C unless marked).</summary>
public sealed record EStepOptions : IValidatableObject
{
    private const double Most = 1e6; // of weights and costs; single precision stays finite

    /// <summary>How latents are found.</summary>
    public EStepKind Kind { get; init; } = EStepKind.Rl;

    /// <summary>Iterations: sample, score, update.</summary>
    public int Iterations { get; init; } = 40;

    /// <summary>Snippets of an iteration.</summary>
    public int Snippets { get; init; } = 8;

    /// <summary>Places of a snippet where groups start; fewer where it has fewer.</summary>
    public int PlacesPerSnippet { get; init; } = 8;

    /// <summary>Trajectories of a group, G.</summary>
    public int GroupSize { get; init; } = 8;

    /// <summary>Lines of a trajectory, T; 1 is BRiTE (S).</summary>
    public int Horizon { get; init; } = 3;

    /// <summary>Most tokens of a tree that is scored and learnt from at once, its snippet's own included: a bound on memory. Where a snippet's
    /// groups hold more, they are shared among several trees, which changes gradients by rounding alone; a group is never shared.</summary>
    public int TreeTokens { get; init; } = 16384;

    /// <summary>Cost c of a thought, in nats of reward (S: 0.05); infinity never thinks, which is next-token prediction.</summary>
    public double SwitchCost { get; init; } = 0.05;

    /// <summary>What a latent that did not end in time costs above c: a failed thought is never cheaper than a good
    /// one.</summary>
    public double InvalidPenalty { get; init; } = 0.05;

    /// <summary>Reward of a line.</summary>
    public LineReward Reward { get; init; } = LineReward.Mean;

    /// <summary>Least log-prob of one token in a reward; keeps never-seen lines from drowning the rest. −infinity for none.</summary>
    public double TokenFloor { get; init; } = double.NegativeInfinity;

    /// <summary>What a step is credited with.</summary>
    public CreditAssignment Credit { get; init; } = CreditAssignment.ReturnToGo;

    /// <summary>Discount of later lines.</summary>
    public double Discount { get; init; } = 1;

    /// <summary>What returns are compared with.</summary>
    public GroupBaseline Baseline { get; init; } = GroupBaseline.Mean;

    /// <summary>What the content of a latent is compared with.</summary>
    public ContentBaseline ContentBaseline { get; init; } = ContentBaseline.Group;

    /// <summary>Weight of negative advantages on the content of latents; below 1 keeps them from running to the length bound.</summary>
    public double NegativeContentWeight { get; init; } = 1;

    /// <summary>Passes over each iteration's samples; above 1, later passes are off-policy and clipped.</summary>
    public int Passes { get; init; } = 1;

    /// <summary>Lower clip of the probability ratio.</summary>
    public double ClipLow { get; init; } = 0.2;

    /// <summary>Upper clip of the probability ratio.</summary>
    public double ClipHigh { get; init; } = 0.28;

    /// <summary>Probability of thinking whatever q says, at the first iteration.</summary>
    public double Exploration { get; init; }

    /// <summary>Share of the iterations over which exploration falls linearly to 0.</summary>
    public double ExplorationDecay { get; init; } = 0.5;

    /// <summary>Exploration happens only before lines whose mean log-prob without a thought is below this; 0 for all.</summary>
    public double ExplorationSurprise { get; init; }

    /// <summary>Optimizer of q.</summary>
    public Training.OptimizerOptions Optimizer { get; init; } = new()
    {
        LearningRate = 1e-6,
        WeightDecay = 0,
        Decay = Training.DecayShape.Constant,
        Warmup = 0,
    };

    /// <summary>Exploration of an iteration.</summary>
    public double ExplorationAt(long iteration)
    {
        var until = ExplorationDecay * Iterations;
        return until > 0 ? Exploration * Math.Max(0, 1 - (iteration / until)) : 0;
    }

    /// <summary>Every value out of range.</summary>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (key, value) in new[]
        {
            ("snippets", Snippets), ("placesPerSnippet", PlacesPerSnippet), ("horizon", Horizon), ("treeTokens", TreeTokens), ("passes", Passes),
        })
        {
            if (value < 1)
            {
                yield return new ValidationResult($"must be at least 1, not {value}", [key]);
            }
        }

        if (GroupSize < 2)
        {
            yield return new ValidationResult($"must be at least 2, not {GroupSize}: an advantage compares trajectories", ["groupSize"]);
        }

        if (Snippets >= 1 && PlacesPerSnippet >= 1 && (double)Snippets * PlacesPerSnippet * GroupSize * Horizon > Most)
        {
            yield return new ValidationResult(
                $"make more than {Most} steps an iteration together", ["snippets", "placesPerSnippet", "groupSize", "horizon"]);
        }

        if (Iterations < 0)
        {
            yield return new ValidationResult($"must not be negative: {Iterations}", ["iterations"]);
        }

        if (!(SwitchCost >= 0 && (SwitchCost <= Most || double.IsInfinity(SwitchCost))))
        {
            yield return new ValidationResult($"must lie in [0, {Most}], or be .inf to never think, not {SwitchCost}", ["switchCost"]);
        }

        if (!(InvalidPenalty >= 0 && InvalidPenalty <= Most))
        {
            yield return new ValidationResult(
                $"must lie in [0, {Most}], not {InvalidPenalty}: a failed thought is no cheaper than a good one",
                ["invalidPenalty"]);
        }

        if (!(TokenFloor < 0))
        {
            yield return new ValidationResult(
                $"must be below 0, not {TokenFloor}: no log-prob is higher, so every reward would be the same",
                ["tokenFloor"]);
        }

        if (!(NegativeContentWeight >= 0 && NegativeContentWeight <= Most))
        {
            yield return new ValidationResult(
                $"must lie in [0, {Most}], not {NegativeContentWeight}: below 0 it would teach what did not pay",
                ["negativeContentWeight"]);
        }

        if (!(ExplorationSurprise <= 0) || double.IsInfinity(ExplorationSurprise))
        {
            yield return new ValidationResult(
                $"must be 0 (all lines) or a finite log-prob below it, not {ExplorationSurprise}",
                ["explorationSurprise"]);
        }

        if (!(Discount >= 0 && Discount <= 1))
        {
            yield return new ValidationResult($"must lie in [0, 1], not {Discount}", ["discount"]);
        }

        if (!(Exploration >= 0 && Exploration < 1))
        {
            yield return new ValidationResult($"must lie in [0, 1), not {Exploration}", ["exploration"]);
        }

        if (!(ExplorationDecay >= 0 && ExplorationDecay <= 1))
        {
            yield return new ValidationResult($"must lie in [0, 1], not {ExplorationDecay}", ["explorationDecay"]);
        }
        else if (Exploration > 0 && ExplorationDecay == 0)
        {
            yield return new ValidationResult(
                $"must be above 0 where exploration is {Exploration}: over no iterations nothing is explored",
                ["explorationDecay"]);
        }

        if (!(ClipLow > 0 && ClipLow < 1))
        {
            yield return new ValidationResult($"must lie in (0, 1), not {ClipLow}", ["clipLow"]);
        }

        if (!(ClipHigh > 0))
        {
            yield return new ValidationResult($"must be positive, not {ClipHigh}", ["clipHigh"]);
        }
    }
}
