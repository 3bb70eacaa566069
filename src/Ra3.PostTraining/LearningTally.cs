using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.PostTraining;

/// <summary>Adds up what one step's updates did, for its metrics.</summary>
internal sealed class LearningTally
{
    private double tokens;
    private double divergence;
    private double clippedLow;
    private double clippedHigh;
    private double weight;
    private double truncatedWeights;
    private double mismatch;
    private double loss;
    private double norm;
    private int updates;

    /// <summary>Takes in the tokens [n] of one forward pass.</summary>
    public void Add(
        Tensor logProbs, Tensor sampled, Tensor old, Tensor advantages, Tensor? importance, Tensor? divergences, GrpoOptions options)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        tokens += logProbs.shape[0];
        divergence += divergences is null ? 0 : Sum(divergences);
        var ratio = logProbs.Minus(old).exp();
        clippedLow += Sum(ratio.lt(Kept.Scalar(1 - options.ClipLow)) & advantages.lt(Kept.Scalar(0)));
        clippedHigh += Sum(ratio.gt(Kept.Scalar(1 + options.ClipHigh)) & advantages.gt(Kept.Scalar(0)));
        weight += importance is null ? logProbs.shape[0] : Sum(importance);
        truncatedWeights += importance is null ? 0 : Sum(importance.ge(Kept.Scalar(options.ImportanceCap)));
        if (updates == 0)
        {
            mismatch = Math.Max(mismatch, logProbs.Minus(sampled).abs().max().to_type(ScalarType.Float64).item<double>());
        }

        static double Sum(Tensor values) => values.to_type(ScalarType.Float64).sum().item<double>();
    }

    /// <summary>An update is done.</summary>
    public void Updated(double lossValue, double gradientNorm)
    {
        (loss, norm) = (lossValue, gradientNorm);
        updates++;
    }

    /// <summary>The step's metrics.</summary>
    public GrpoMetrics Metrics(RolloutBatch batch, double learningRate, double updateSeconds)
    {
        var groups = batch.Sampled.ToList();
        var all = groups.SelectMany(group => group.Members).ToList();
        var judged = all.Where(member => member.Score.Value is not null).ToList();
        var lines = judged.Select(member => member.Lines()).ToList();
        return new GrpoMetrics(
            Mean(judged.Select(member => member.Score.Value!.Value)),
            Mean(judged.Select(member => member.Score.Passed ? 1.0 : 0)),
            Mean(groups.Select(group => group.Members.Any(member => member.Score.Passed) ? 1.0 : 0)),
            Mean(groups.Select(group => group.HasSignal ? 0.0 : 1)),
            batch.Replaced.Count,
            all.Count - judged.Count,
            Mean(judged.Select(member => member.Truncated ? 1.0 : 0)),
            Mean(judged.Select(member => (double)member.Tokens.Length)),
            Ratio(lines.Sum(line => line.Comments), lines.Sum(line => line.All)),
            -Ratio(all.Sum(member => member.LogProbs.Sum(logProb => (double)logProb)), all.Sum(member => (double)member.Tokens.Length)),
            Ratio(divergence, tokens), Ratio(clippedLow, tokens), Ratio(clippedHigh, tokens), mismatch,
            tokens > 0 ? weight / tokens : 1, Ratio(truncatedWeights, tokens),
            batch.Step - batch.Version, loss, norm, learningRate,
            all.Sum(member => (long)member.Tokens.Length), (long)tokens, batch.Seconds, updateSeconds,
            all.GroupBy(member => member.Score.Verdict, StringComparer.Ordinal).OrderBy(verdict => verdict.Key, StringComparer.Ordinal)
                .ToDictionary(verdict => verdict.Key, verdict => verdict.Count(), StringComparer.Ordinal));

        static double Mean(IEnumerable<double> values) => values.DefaultIfEmpty(0).Average();
        static double Ratio(double part, double whole) => whole > 0 ? part / whole : 0;
    }
}
