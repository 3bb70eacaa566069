using System.ComponentModel.DataAnnotations;

namespace Ra3.Training;

/// <summary>How the learning rate falls after the warm-up.</summary>
public enum DecayShape
{
    /// <summary>It does not.</summary>
    Constant,

    /// <summary>Linearly.</summary>
    Linear,

    /// <summary>Along half a cosine.</summary>
    Cosine,
}

/// <summary>AdamW and its learning-rate schedule.</summary>
public sealed record OptimizerOptions : IValidatableObject
{
    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 3e-4;

    /// <summary>Decay of the first moment.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment.</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>Added to the root of the second moment.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay, on matrices only.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Largest norm of the whole gradient; 0 for no bound.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>Share of the steps, in whole steps, over which the learning rate rises linearly from 0; 0 begins at the
    /// peak.</summary>
    public double Warmup { get; init; } = 0.02;

    /// <summary>How it falls afterwards.</summary>
    public DecayShape Decay { get; init; } = DecayShape.Cosine;

    /// <summary>Learning rate at the last step, as a share of the peak.</summary>
    public double FinalShare { get; init; } = 0.1;

    /// <summary>Learning rate of a step, counted from 0.</summary>
    public double LearningRateAt(long step, long steps)
    {
        var warmup = Math.Floor(Warmup * steps);
        if (step < warmup)
        {
            return LearningRate * (step + 1) / (warmup + 1);
        }

        var progress = Math.Clamp((step - warmup) / Math.Max(1, steps - 1 - warmup), 0, 1);
        var left = Decay switch
        {
            DecayShape.Constant => 1,
            DecayShape.Linear => 1 - progress,
            _ => (1 + Math.Cos(Math.PI * progress)) / 2,
        };
        return LearningRate * (FinalShare + ((1 - FinalShare) * left));
    }

    /// <summary>Every value out of range.</summary>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!(LearningRate > 0 && LearningRate < 10))
        {
            yield return new ValidationResult($"must lie between 0 and 10, not {LearningRate}", ["learningRate"]);
        }

        if (!(Beta1 >= 0 && Beta1 < 1))
        {
            yield return new ValidationResult($"must lie in [0, 1), not {Beta1}", ["beta1"]);
        }

        if (!(Beta2 >= 0 && Beta2 < 1))
        {
            yield return new ValidationResult($"must lie in [0, 1), not {Beta2}", ["beta2"]);
        }

        if (!(WeightDecay >= 0 && WeightDecay * LearningRate < 1))
        {
            yield return new ValidationResult(
                $"must be 0 or more and less than 1 / learningRate, not {WeightDecay}: a step takes learningRate · "
                + "weightDecay of each weight away", ["weightDecay"]);
        }

        if (!(ClipNorm >= 0))
        {
            yield return new ValidationResult($"must not be negative: {ClipNorm}", ["clipNorm"]);
        }

        if (!(Epsilon > 0 && Epsilon <= 1))
        {
            yield return new ValidationResult($"must be positive and at most 1, not {Epsilon}", ["epsilon"]);
        }

        if (!(Warmup >= 0 && Warmup < 1))
        {
            yield return new ValidationResult($"must lie in [0, 1), not {Warmup}", ["warmup"]);
        }

        if (!(FinalShare >= 0 && FinalShare <= 1))
        {
            yield return new ValidationResult($"must lie in [0, 1], not {FinalShare}", ["finalShare"]);
        }
    }
}
