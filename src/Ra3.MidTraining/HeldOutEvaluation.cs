using Ra3.Models;
using Ra3.Training;
using static TorchSharp.torch;

namespace Ra3.MidTraining;

/// <summary>How likely a model finds held-out code.</summary>
/// <param name="ActionCrossEntropy">Nats per token of the source.</param>
/// <param name="BitsPerByte">Bits per UTF-8 byte of the source.</param>
/// <param name="Tokens">Source tokens measured.</param>
/// <param name="Bytes">Source bytes measured.</param>
public sealed record CodeLikelihood(double ActionCrossEntropy, double BitsPerByte, long Tokens, long Bytes)
{
    internal static CodeLikelihood Of(double nats, long tokens, long bytes) =>
        new(nats / tokens, nats / Math.Log(2) / bytes, tokens, bytes);
}

/// <summary>Likelihood of held-out code, without latents and with a model's own.</summary>
public static class HeldOutEvaluation
{
    private const int SnippetsAtOnce = 16;

    /// <summary>The source as it stands, each snippet after an end-of-text token.</summary>
    public static CodeLikelihood Plain(Decoder decoder, LatentFormat format, IReadOnlyList<Snippet> snippets)
    {
        double nats = 0;
        foreach (var chunk in snippets.OrderBy(snippet => snippet.Tokens.Length).Chunk(SnippetsAtOnce))
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var length = chunk.Max(snippet => snippet.Tokens.Length);
            var rows = chunk.Select(snippet =>
            {
                var row = new int[length + 1];
                row[0] = format.EndOfText;
                snippet.Tokens.CopyTo(row.AsSpan(1));
                return row;
            }).ToList();
            var values = NextTokenLoss.LogProbs(decoder, rows).to_type(ScalarType.Float64).cpu().data<double>().ToArray();
            for (var i = 0; i < chunk.Length; i++)
            {
                for (var token = 0; token < chunk[i].Tokens.Length; token++)
                {
                    nats -= values[(i * length) + token];
                }
            }
        }

        return Likelihood(nats, snippets);
    }

    /// <summary>
    /// The source given latents that the model itself draws on the way (one sample each). With the model's own p(z) as
    /// prior, −E log p(a | z) is an upper bound on the negative log-likelihood with latents summed out (Jensen), and
    /// so comparable with <see cref="Plain"/>, which bounds it too. A line that the model chose to write at once is
    /// conditioned on that choice.
    /// </summary>
    public static (CodeLikelihood Likelihood, LatentCounts Latents, IReadOnlyList<Trajectory> Trajectories) Thinking(
        Decoder decoder, LatentFormat format, LatentOptions latents, IReadOnlyList<Snippet> snippets, long seed,
        CancellationToken stop = default)
    {
        var sampler = new LatentSampler(decoder, format, latents);
        var trajectories = sampler.SampleWhole(snippets, index => new SeededRandom(seed, "held-out", index), stop: stop);
        double nats = 0;
        foreach (var chunk in trajectories.OrderBy(trajectory => trajectory.Tokens.Count).Chunk(SnippetsAtOnce))
        {
            var tree = new TrajectoryTree([format.EndOfText], chunk);
            var logProbs = TrajectoryScorer.LineLogProbs(decoder, tree, chunk);
            for (var i = 0; i < chunk.Length; i++)
            {
                nats -= logProbs[i].Sum(line => line.Sum());
                nats += chunk[i].Steps.Where(step => step.Choice == StepChoice.Act).Sum(step => step.DecisionLogProb);
            }
        }

        return (Likelihood(nats, snippets), LatentCounts.Of(trajectories), trajectories);
    }

    private static CodeLikelihood Likelihood(double nats, IReadOnlyList<Snippet> snippets) => CodeLikelihood.Of(
        nats, snippets.Sum(snippet => (long)snippet.Tokens.Length), snippets.Sum(Bytes));

    private static long Bytes(Snippet snippet)
    {
        long bytes = 0;
        foreach (var action in snippet.Actions)
        {
            bytes += action.ByteLength;
        }

        return bytes;
    }
}
