using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.PostTraining;

/// <summary>The loss of single tokens, as pure functions of log-probabilities [n] in nats.</summary>
internal static class PolicyLoss
{
    /// <summary>−min(ρ A, clip(ρ, 1 − low, 1 + high) A) with ρ = π / π_old (PPO; unequal bounds: DAPO).</summary>
    public static Tensor Clipped(Tensor logProbs, Tensor old, Tensor advantages, double low, double high)
    {
        var ratio = logProbs.Minus(old).exp();
        var clipped = ratio.clamp(Kept.Scalar(1 - low), Kept.Scalar(1 + high));
        return -(ratio * advantages).minimum(clipped * advantages);
    }

    /// <summary>Estimates of KL(π ‖ π_ref) from the sampled token, with x = log π − log π_ref (Schulman 2020).</summary>
    public static Tensor Divergence(Tensor logProbs, Tensor reference, KlEstimator estimator)
    {
        var x = logProbs.Minus(reference);
        return estimator switch
        {
            KlEstimator.K1 => x,
            KlEstimator.K2 => x.pow(Kept.Scalar(2)) / Kept.Scalar(2),
            _ => ((-x).exp() - Kept.Scalar(1)).Plus(x),
        };
    }

    /// <summary>min(π_old / π_sampler, cap): what a token sampled by an older policy weighs, outside any graph.</summary>
    public static Tensor ImportanceWeights(Tensor old, Tensor sampled, double cap)
    {
        using var noGrad = no_grad();
        return old.Minus(sampled).exp().clamp_max(Kept.Scalar(cap));
    }

    /// <summary>
    /// What each completion's tokens weigh in the loss of one optimizer update; the weights of all its tokens sum to 1, so
    /// that how they are divided into forward passes changes nothing.
    /// </summary>
    /// <param name="lengths">Tokens in the loss of every completion of the update.</param>
    /// <param name="reduction">Over tokens, or over each completion first.</param>
    public static double[] TokenWeights(IReadOnlyList<int> lengths, LossReduction reduction)
    {
        double tokens = lengths.Sum(), sequences = lengths.Count(length => length > 0);
        return [.. lengths.Select(length => length == 0 ? 0 : reduction == LossReduction.Token ? 1 / tokens : 1 / (sequences * length))];
    }
}
