using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.Bench.Engine;

/// <summary>
/// Scoring and training latents over a tree against one sequence per sample: 60 lines of 10 tokens, G = 8, 32-token latents
/// before every line (every fourth in the largest model, whose activations would not fit otherwise). As in the E-step, scoring asks for the
/// log-probs of the lines and training for those of the latents. The bound is the ratio of tokens. It cannot be reached: either way needs
/// the LM head for those log-probs and no others, so its work is not shared. So the ratio of work, counted in parameters that tokens
/// pass, stands beside it. The result says how much of both is reached, and how equal the gradients are.
/// </summary>
internal static class TreeBench
{
    private const int Lines = 60;
    private const int LineTokens = 10;
    private const int LatentTokens = 32;
    private const int Group = 8;
    private static readonly Range Latent = ..LatentTokens;
    private static readonly Range Line = LatentTokens..;

    private const int Sampled = 6; // lines whose samples the per-sample path really runs; its time is scaled to all lines

    public static object Run() =>
        new[] { ("4M", ScalarType.Float32), ("4M", ScalarType.BFloat16), ("10M", ScalarType.BFloat16), ("100M", ScalarType.BFloat16) }
            .Where(shape => Shapes.Chosen.Contains(shape.Item1)).Select(shape => Measure(shape.Item1, shape.Item2, shape.Item1 == "100M" ? 4 : 1)).ToArray();

    private static object Measure(string name, ScalarType type, int every)
    {
        var config = Shapes.Of(name);
        using var decoder = Decoder.Create(config, 1, type, CPU);
        var random = new Random(3);
        var trunk = Shapes.Tokens(random, 1 + (Lines * LineTokens), config.VocabularySize);
        List<TreeBranch> branches = [];
        for (var line = every / 2; line < Lines; line += every)
        {
            for (var member = 0; member < Group; member++)
            {
                var attach = 1 + (line * LineTokens);
                branches.Add(new TreeBranch(
                    attach, [.. Shapes.Tokens(random, LatentTokens, config.VocabularySize), .. trunk.AsSpan(attach, LineTokens).ToArray()]));
            }
        }

        // Per-sample sequences of lines spread evenly, so that their mean length is the whole's.
        var apart = Lines / every / Sampled;
        List<TreeBranch> some = [.. branches.Where((_, i) => i / Group % apart == apart / 2)];
        double treeTokens = trunk.Length + branches.Sum(branch => branch.Tokens.Count);
        double sampleTokens = branches.Sum(branch => branch.Attach + branch.Tokens.Count);
        var scale = sampleTokens / some.Sum(branch => branch.Attach + branch.Tokens.Count);

        double score, scoreApart;
        using (no_grad())
        {
            score = Shapes.Best(3, () => Tree(decoder, trunk, branches, Line).Dispose());
            scoreApart = scale * Shapes.Best(3, () => Apart(decoder, trunk, some, Line, backward: false));
        }

        var train = Shapes.Best(3, () => Backward(Tree(decoder, trunk, branches, Latent)));
        var trainApart = scale * Shapes.Best(3, () => Apart(decoder, trunk, some, Latent, backward: true));
        var difference = GradientDifference(decoder, trunk, some);
        var bound = sampleTokens / treeTokens;
        double head = config.VocabularySize * config.HiddenSize, body = config.ParameterCount() - head; // embeddings are tied
        var (scoringWork, trainingWork) = (Work(Line), Work(Latent));
        var result = new
        {
            model = name,
            type = type.ToString(),
            treeTokens,
            sampleTokens,
            tokenRatio = Math.Round(bound, 2),
            scoringWorkRatio = Math.Round(scoringWork, 2),
            trainingWorkRatio = Math.Round(trainingWork, 2),
            scoring = Math.Round(scoreApart / score, 2),
            scoringOfBound = Math.Round(scoreApart / score / bound, 3),
            scoringOfWork = Math.Round(scoreApart / score / scoringWork, 3),
            training = Math.Round(trainApart / train, 2),
            trainingOfBound = Math.Round(trainApart / train / bound, 3),
            trainingOfWork = Math.Round(trainApart / train / trainingWork, 3),
            relativeGradientDifference = difference,
            treeTokensPerSecond = Math.Round(treeTokens / train),
        };
        Console.WriteLine(
            $"tree {name} {type}: token ratio {result.tokenRatio}; "
            + $"scoring {result.scoring}x ({result.scoringOfBound:P0}; {result.scoringOfWork:P0} of the work ratio {result.scoringWorkRatio}), "
            + $"training {result.training}x ({result.trainingOfBound:P0}; {result.trainingOfWork:P0} of {result.trainingWorkRatio}), gradients differ by {difference:E1}");
        return result;

        double Work(Range asked)
        {
            var ofHead = head * branches.Count * asked.GetOffsetAndLength(LatentTokens + LineTokens).Length;
            return ((sampleTokens * body) + ofHead) / ((treeTokens * body) + ofHead);
        }
    }

    private static Tensor Tree(Decoder decoder, int[] trunk, List<TreeBranch> branches, Range asked)
    {
        using var scope = NewDisposeScope();
        var layout = new TreeLayout(trunk, branches);
        var hidden = decoder.Hidden(
            tensor(layout.Tokens, ScalarType.Int64), tensor(layout.Positions, ScalarType.Int64), new TreeAttention(layout, decoder));
        var (rows, targets) = (new List<long>(), new List<long>());
        for (var b = 0; b < branches.Count; b++)
        {
            var (start, count) = asked.GetOffsetAndLength(branches[b].Tokens.Count);
            for (var i = start; i < start + count; i++)
            {
                rows.Add(layout.PredictorRow(b, branches[b].Attach, i));
                targets.Add(branches[b].Tokens[i]);
            }
        }

        return LanguageModelHead.LogProbs(decoder, hidden.index_select(0, tensor(rows.ToArray())), tensor(targets.ToArray()))
            .sum().MoveToOuterDisposeScope();
    }

    /// <summary>The same log-probs, each sample a causal sequence with its whole prefix; samples of a line in one batch.</summary>
    private static void Apart(Decoder decoder, int[] trunk, List<TreeBranch> branches, Range asked, bool backward)
    {
        foreach (var line in branches.GroupBy(branch => branch.Attach))
        {
            using var scope = NewDisposeScope();
            var samples = line.ToList();
            var length = line.Key + samples[0].Tokens.Count;
            var (start, count) = asked.GetOffsetAndLength(samples[0].Tokens.Count);
            long[] tokens = [.. samples.SelectMany(sample => trunk.Take(line.Key).Concat(sample.Tokens)).Select(t => (long)t)];
            long[] positions = [.. samples.SelectMany(_ => Enumerable.Range(0, length)).Select(p => (long)p)];
            var hidden = decoder.Hidden(tensor(tokens), tensor(positions), new CausalAttention(samples.Count, length));
            long[] rows = [.. Enumerable.Range(0, samples.Count).SelectMany(s => Enumerable.Range((s * length) + line.Key + start - 1, count)).Select(r => (long)r)];
            var sum = LanguageModelHead.LogProbs(
                decoder, hidden.index_select(0, tensor(rows)), tensor(samples.SelectMany(s => s.Tokens.Skip(start).Take(count)).Select(t => (long)t).ToArray())).sum();
            if (backward)
            {
                sum.backward();
            }
        }
    }

    private static void Backward(Tensor sum)
    {
        sum.backward();
        sum.Dispose();
    }

    /// <summary>Largest difference of any parameter's gradient, relative to that parameter's largest.</summary>
    private static double GradientDifference(Decoder decoder, int[] trunk, List<TreeBranch> branches)
    {
        Clear();
        Backward(Tree(decoder, trunk, branches, Latent));
        var tree = decoder.Parameters.ToDictionary(p => p.Key, p => p.Value.grad!.clone());
        Clear();
        Apart(decoder, trunk, branches, Latent, backward: true);
        return decoder.Parameters.Max(p =>
            (p.Value.grad! - tree[p.Key]).abs().max().to_type(ScalarType.Float64).item<double>() / tree[p.Key].abs().max().to_type(ScalarType.Float64).item<double>());

        void Clear()
        {
            using var noGrad = no_grad();
            foreach (var parameter in decoder.Parameters.Values)
            {
                parameter.grad?.zero_();
            }
        }
    }
}
