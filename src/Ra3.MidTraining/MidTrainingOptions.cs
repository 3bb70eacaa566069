using System.ComponentModel.DataAnnotations;

namespace Ra3.MidTraining;

/// <summary>Which weights the M-step starts from.</summary>
public enum MStepStart
{
    /// <summary>The model that entered the round (C).</summary>
    Model,

    /// <summary>The E-step's q.</summary>
    Q,
}

/// <summary>RA3 mid-training: E and M alternate for some rounds (S).</summary>
public sealed record MidTrainingOptions : IValidatableObject
{
    /// <summary>Rounds of E-step and M-step.</summary>
    public int Rounds { get; init; } = 1;

    /// <summary>Latents and their sampling.</summary>
    public LatentOptions Latents { get; init; } = new();

    /// <summary>The E-step of each round.</summary>
    public EStepOptions EStep { get; init; } = new();

    /// <summary>Iterations between checkpoints of the E-step; 0 writes one at its end only.</summary>
    public int EStepCheckpointEvery { get; init; } = 10;

    /// <summary>Which of the thoughts drawn from q the M-step learns from; best of group keeps gaining ones alone by itself.</summary>
    public ThoughtFilter Keep { get; init; } = ThoughtFilter.All;

    /// <summary>The M-step of each round: next-token prediction on documents with latents.</summary>
    public NextTokenOptions MStep { get; init; } = new();

    /// <summary>Which weights the M-step starts from.</summary>
    public MStepStart MStepStart { get; init; } = MStepStart.Model;

    /// <summary>Whether anything ever thinks: an infinite cost reproduces next-token prediction exactly.</summary>
    public bool Thinks => !double.IsPositiveInfinity(EStep.SwitchCost);

    /// <summary>Whether a policy of thoughts is learnt.</summary>
    public bool LearnsThoughts => Thinks && EStep is { Kind: EStepKind.Rl or EStepKind.RlBestOfGroup, Iterations: > 0 };

    /// <summary>Every value out of range.</summary>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Rounds < 1)
        {
            yield return new ValidationResult($"must be at least 1, not {Rounds}", ["rounds"]);
        }

        if (EStepCheckpointEvery < 0)
        {
            yield return new ValidationResult($"must not be negative: {EStepCheckpointEvery}", ["eStepCheckpointEvery"]);
        }
    }
}
