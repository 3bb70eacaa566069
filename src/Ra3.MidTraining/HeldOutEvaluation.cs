using Ra3.Models;
using Ra3.Training;
using static TorchSharp.torch;

namespace Ra3.MidTraining;

/// <summary>How likely a model finds held-out code.</summary>
/// <param name="ActionCrossEntropy">Nats per token of the source.</param>
/// <param name="BitsPerByte">Bits per UTF-8 byte of the source.</param>
/// <param name="SnippetNats">Nats of each snippet, in order.</param>
public sealed record CodeLikelihood(double ActionCrossEntropy, double BitsPerByte, IReadOnlyList<double> SnippetNats)
{
    internal static CodeLikelihood Of(double[] nats, IReadOnlyList<Snippet> snippets)
    {
        long tokens = 0, bytes = 0;
        foreach (var snippet in snippets)
        {
            tokens += snippet.Tokens.Length;
            foreach (var action in snippet.Actions)
            {
                bytes += action.ByteLength;
            }
        }

        return new CodeLikelihood(nats.Sum() / tokens, nats.Sum() / Math.Log(2) / bytes, nats);
    }

    /// <summary>
    /// Difference of two models' cross-entropy on the same snippets, in nats per token, with its standard error over
    /// documents (snippets of one document are not independent; NaN for one document).
    /// </summary>
    public static (double Difference, double StandardError) Compare(CodeLikelihood a, CodeLikelihood b, IReadOnlyList<Snippet> snippets)
    {
        var documents = snippets.Select((snippet, i) => (snippet.Document.Id, Nats: a.SnippetNats[i] - b.SnippetNats[i], Tokens: (double)snippet.Tokens.Length))
            .GroupBy(item => item.Id).Select(group => (Nats: group.Sum(item => item.Nats), Tokens: group.Sum(item => item.Tokens))).ToList();
        var tokens = documents.Sum(document => document.Tokens);
        var difference = documents.Sum(document => document.Nats) / tokens;
        var n = documents.Count;
        var variance = documents.Sum(document => Math.Pow(document.Nats - (difference * document.Tokens), 2)) * n / (n - 1);
        return (difference, Math.Sqrt(variance) / tokens);
    }
}

/// <summary>Likelihood of held-out code, without latents and with a model's own.</summary>
public static class HeldOutEvaluation
{
    private const int SnippetsAtOnce = 16;

    /// <summary>The source as it stands, each snippet behind what stands before a document.</summary>
    /// <exception cref="OperationCanceledException">Cancelled between batches of snippets.</exception>
    public static CodeLikelihood Plain(
        Decoder decoder, LatentFormat format, IReadOnlyList<Snippet> snippets, CancellationToken stop = default)
    {
        var nats = new double[snippets.Count];
        foreach (var chunk in Enumerable.Range(0, snippets.Count).OrderBy(i => snippets[i].Tokens.Length).Chunk(SnippetsAtOnce))
        {
            stop.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var length = chunk.Max(i => snippets[i].Tokens.Length);
            var rows = chunk.Select(i =>
            {
                var row = new int[length + 1];
                row[0] = format.DocumentStart;
                snippets[i].Tokens.CopyTo(row.AsSpan(1));
                return row;
            }).ToList();
            var values = NextTokenLoss.LogProbs(decoder, rows).to_type(ScalarType.Float64).cpu().data<double>().ToArray();
            for (var i = 0; i < chunk.Length; i++)
            {
                nats[chunk[i]] = -values.AsSpan(i * length, snippets[chunk[i]].Tokens.Length).ToArray().Sum();
            }
        }

        return CodeLikelihood.Of(nats, snippets);
    }

    /// <summary>
    /// The source given latents that the model itself draws on the way (one sample each). With the model's own p(z) as
    /// prior, −E log p(a | z) is an upper bound on the negative log-likelihood with latents summed out (Jensen), and
    /// so comparable with <see cref="Plain"/>, which bounds it too. A line that the model chose to write at once is
    /// conditioned on that choice.
    /// </summary>
    /// <exception cref="ArgumentException">The temperature is not 1: choices and lines would be of two
    /// distributions.</exception>
    public static (CodeLikelihood Likelihood, LatentCounts Latents, IReadOnlyList<Trajectory> Trajectories) Thinking(
        Decoder decoder, LatentFormat format, LatentOptions latents, IReadOnlyList<Snippet> snippets, long seed,
        CancellationToken stop = default)
    {
        if (latents.Temperature != 1)
        {
            throw new ArgumentException(
                "Lines are scored by the model's own distribution, so thoughts are drawn from it: the temperature must "
                + $"be 1 here, not {latents.Temperature}.", nameof(latents));
        }

        var sampler = new LatentSampler(decoder, format, latents);
        var trajectories = sampler.SampleWhole(snippets, index => new SeededRandom(seed, "held-out", index), stop: stop);
        var nats = new double[snippets.Count];
        foreach (var chunk in Enumerable.Range(0, snippets.Count).OrderBy(i => trajectories[i].Tokens.Count).Chunk(SnippetsAtOnce))
        {
            stop.ThrowIfCancellationRequested();
            Trajectory[] some = [.. chunk.Select(i => trajectories[i])];
            var logProbs = TrajectoryScorer.LineLogProbs(decoder, new TrajectoryTree([format.DocumentStart], some), some);
            for (var i = 0; i < chunk.Length; i++)
            {
                nats[chunk[i]] = some[i].Steps.Where(step => step.Choice == StepChoice.Act).Sum(step => step.DecisionLogProb)
                    - logProbs[i].Sum(line => line.Sum());
            }
        }

        return (CodeLikelihood.Of(nats, snippets), LatentCounts.Of(trajectories), trajectories);
    }

    /// <summary>The same trajectory without its thoughts.</summary>
    public static Trajectory WithoutThoughts(Trajectory trajectory)
    {
        var starts = new List<int>();
        var tokens = new List<int>();
        foreach (var step in trajectory.Steps)
        {
            starts.Add(tokens.Count);
            tokens.AddRange(trajectory.Snippet.TokensOf(step.Line));
        }

        return trajectory with
        {
            Tokens = tokens,
            LineStarts = starts,
            Steps = [.. trajectory.Steps.Select(step => step with { Choice = StepChoice.None, Latent = [], Prefix = 0 })],
        };
    }

    /// <summary>Log-probability of each line along a whole trajectory, in nats, as <see cref="Thinking"/> counts it.</summary>
    public static double[] LineNats(Decoder decoder, LatentFormat format, Trajectory trajectory)
    {
        var logProbs = TrajectoryScorer.LineLogProbs(decoder, new TrajectoryTree([format.DocumentStart], [trajectory]), [trajectory])[0];
        return [.. logProbs.Select((line, i) => line.Sum()
            - (trajectory.Steps[i].Choice == StepChoice.Act ? trajectory.Steps[i].DecisionLogProb : 0))];
    }
}
