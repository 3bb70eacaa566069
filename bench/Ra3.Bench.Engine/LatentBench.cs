using System.Diagnostics;
using Ra3.Corpora;
using Ra3.MidTraining;
using Ra3.Models;
using Ra3.Models.Tokenizers;
using static TorchSharp.torch;

namespace Ra3.Bench.Engine;

/// <summary>
/// Finding latents on the standard library of python3 with a model of the quickstart's shape, made to think before about one
/// line in ten: whole trajectories (bootstrapping) and an iteration of the E-step. The digests show that nothing but time changes.
/// </summary>
internal static class LatentBench
{
    public static object Run()
    {
        var documents = PythonStandardLibrary.Find().Reader().Read().Where(document => document.Text.Length < 40_000).Take(48).ToList();
        var tokenizer = Tokenizer.Train(documents.Select(document => document.Text), 4096);
        var config = Shapes.Of("4M") with { VocabularySize = tokenizer.VocabularySize, KeyValueHeads = 2, TieEmbeddings = false, EosTokenIds = [tokenizer.EndOfText!.Value] };
        List<Snippet> snippets = [.. documents.SelectMany(document => Snippet.Cut(DocumentEncoder.Encode(document, tokenizer), 256))
            .Where(snippet => snippet.Tokens.Length is > 128 and <= 256).Take(int.Parse(Environment.GetEnvironmentVariable("N") ?? "192", null))];
        using var policy = Decoder.Create(config, 1, ScalarType.BFloat16, CPU);
        using var format = new LatentFormat(tokenizer, config.VocabularySize, CPU);
        MakeThink(policy, format, snippets);
        var latents = new LatentOptions { MaxTokens = 24, BatchSize = 128 };

        IReadOnlyList<Trajectory> trajectories = [];
        Console.WriteLine($"{snippets.Count} snippets");
        var whole = Shapes.Best(1, () => trajectories = new LatentSampler(policy, format, latents).SampleWhole(snippets, i => new SeededRandom(1, "bench", i)));
        var counts = LatentCounts.Of(trajectories);
        double tokens = snippets.Sum(snippet => snippet.Tokens.Length) + counts.LatentTokens;
        Console.WriteLine($"latents whole: {tokens / whole:F0} tok/s ({snippets.Count} snippets, {tokens} tokens, think share {counts.ThinkShare:F3}, "
            + $"{counts.MeanLatentTokens:F1} tokens a latent), digest {Digest(trajectories):x8}");

        using var scorer = policy.Copy(trainable: false);
        var metrics = new List<EStepMetrics>();
        var options = new EStepOptions { Exploration = 0.2, Optimizer = new() { LearningRate = 1e-6 } };
        var clock = Stopwatch.StartNew();
        using (var eStep = new EStep(policy, scorer, format, latents, options, seed: 5))
        {
            for (var iteration = 0; iteration < 4; iteration++)
            {
                metrics.Add(eStep.Iterate(iteration, snippets[(8 * iteration)..(8 * (iteration + 1))]));
            }
        }

        var last = metrics[1..];
        Console.WriteLine($"latents E-step: generate {last.Min(m => m.GenerateSeconds):F2} s, score {last.Min(m => m.ScoreSeconds):F2} s, update {last.Min(m => m.UpdateSeconds):F2} s, "
            + $"{last.Average(m => m.TreeTokens):F0} tree tokens, mismatch {metrics.Max(m => m.LogProbMismatch)}, rewards {string.Join(' ', metrics.Select(m => m.Reward.ToString("R")))}");
        return new
        {
            wholeTokensPerSecond = Math.Round(tokens / whole),
            thinkShare = counts.ThinkShare,
            generateSeconds = last.Min(m => m.GenerateSeconds),
            scoreSeconds = last.Min(m => m.ScoreSeconds),
            updateSeconds = last.Min(m => m.UpdateSeconds),
        };
    }

    /// <summary>A constant component of the embeddings through which the head gives "#" and line ends a bias.</summary>
    private static void MakeThink(Decoder decoder, LatentFormat format, IReadOnlyList<Snippet> snippets)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        decoder.Parameters["model.embed_tokens.weight"].slice(1, 0, 1, 1).fill_(0.1);
        decoder.Changed();
        int[] some = [format.DocumentStart, .. snippets[0].Tokens];
        var hidden = decoder.Hidden(
            tensor(some.Select(t => (long)t).ToArray()), arange(some.Length, ScalarType.Int64), new CausalAttention(1, some.Length));
        var constant = hidden.slice(1, 0, 1, 1).to_type(ScalarType.Float32).mean().item<float>();
        var head = decoder.Parameters["lm_head.weight"];
        var (opening, closing) = (new HashSet<int>(), Enumerable.Range(0, decoder.Config.VocabularySize).Where(format.Closes).ToList());
        foreach (var snippet in snippets)
        {
            foreach (var action in snippet.Actions)
            {
                opening.Add(action.Opener[^1]);
            }
        }

        foreach (var (ids, share) in new[] { ((IReadOnlyCollection<int>)opening, 0.08 * opening.Count), (closing, 0.12) })
        {
            foreach (var token in ids)
            {
                head[token][0].fill_(Math.Log(share / ids.Count * decoder.Config.VocabularySize) / constant);
            }
        }

        decoder.Changed();
    }

    private static uint Digest(IEnumerable<Trajectory> trajectories)
    {
        var hash = 2166136261u;
        foreach (var value in trajectories.SelectMany(t => t.Tokens.Concat(t.Steps.SelectMany(s => s.LatentLogProbs.Append((float)s.DecisionLogProb)).Select(BitConverter.SingleToInt32Bits))))
        {
            hash = (hash ^ (uint)value) * 16777619u;
        }

        return hash;
    }
}
