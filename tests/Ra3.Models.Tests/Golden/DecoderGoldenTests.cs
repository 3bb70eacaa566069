using CsCheck;
using Ra3.Models;
using Ra3.Models.Files;
using static TorchSharp.torch;

namespace Ra3.Tests.Golden;

/// <summary>The decoder against <see cref="ReferenceDecoder"/>: logits, log-probabilities and gradients.</summary>
public sealed class DecoderGoldenTests
{
    public static TheoryData<string> Families => ReferenceDecoderTests.Families;

    [Theory]
    [MemberData(nameof(Families))]
    public void Logits_of_packed_sequences_equal_the_reference(string family)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var config = RandomModel.Config(family);
        var weights = RandomModel.Weights(config, 1);
        int[] first = RandomModel.Tokens(config, 24, 2), second = RandomModel.Tokens(config, 24, 3);
        double[][] wanted =
            [.. ReferenceDecoder.Logits(config, weights, first), .. ReferenceDecoder.Logits(config, weights, second)];

        foreach (var (type, tolerance) in new[] { (ScalarType.Float64, 1e-12), (ScalarType.Float32, 1e-4) })
        {
            using var decoder = Decoder(config, weights, type, trainable: false);
            var logits = Causal(decoder, [first, second]);

            ReferenceDecoderTests.Distance(Rows(logits), wanted).Should().BeLessThan(tolerance, $"{type}");
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Bf16_stays_within_its_rounding(string family)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var config = RandomModel.Config(family);
        using var decoder = Decoder(config, RandomModel.Weights(config, 1), ScalarType.BFloat16, trainable: false);
        var rounded = RandomModel.Arrays(decoder.Parameters);
        var tokens = RandomModel.Tokens(config, 24, 2);

        var logits = Causal(decoder, [tokens]);

        // 2⁻⁹ relative for each of about ten roundings in a row, on logits of size 2.
        ReferenceDecoderTests.Distance(Rows(logits), ReferenceDecoder.Logits(config, rounded, tokens)).Should().BeLessThan(0.06);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Logits_of_any_tree_equal_the_reference_under_the_tree_mask(string family)
    {
        var config = RandomModel.Config(family);
        var weights = RandomModel.Weights(config, 1);
        using var decoder = Decoder(config, weights, ScalarType.Float64, trainable: false);
        var token = Gen.Int[0, config.VocabularySize - 1];
        var trees =
            from trunk in token.Array[0, 20]
            from branches in Gen.Select(Gen.Int[0, trunk.Length], token.Array[1, 9]).List[trunk.Length == 0 ? 1 : 0, 4]
            select (trunk, branches);
        trees.Sample(
            tree =>
            {
                using var scope = NewDisposeScope();
                using var noGrad = no_grad();
                var layout = new TreeLayout(tree.trunk, [.. tree.branches.Select(b => new TreeBranch(b.Item1, b.Item2))]);
                var hidden = decoder.Hidden(
                    tensor(layout.Tokens), tensor(layout.Positions), new TreeAttention(layout, decoder));
                var logits = Rows(decoder.Logits(hidden));

                // Each path from the root, as a sequence of its own.
                if (tree.trunk.Length > 0)
                {
                    ReferenceDecoderTests.Distance(
                        logits[..tree.trunk.Length], ReferenceDecoder.Logits(config, weights, tree.trunk)).Should().BeLessThan(1e-12);
                }

                for (var i = 0; i < tree.branches.Count; i++)
                {
                    var (attach, tokens) = tree.branches[i];
                    var path = ReferenceDecoder.Logits(config, weights, [.. tree.trunk[..attach], .. tokens]);
                    ReferenceDecoderTests.Distance(
                        [.. tokens.Select((_, at) => logits[layout.Row(i, at)])], path[attach..]).Should().BeLessThan(1e-12);
                }
            },
            iter: 30, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Gradients_equal_finite_differences_of_the_reference(string family)
    {
        using var scope = NewDisposeScope();
        var config = RandomModel.Config(family);
        var weights = RandomModel.Weights(config, 1);
        var tokens = RandomModel.Tokens(config, 12, 2);
        using var decoder = Decoder(config, weights, ScalarType.Float64, trainable: true);

        // Through the chunked head, as in training.
        var hidden = Hidden(decoder, [tokens[..^1]]);
        var targets = tensor(tokens[1..].Select(token => (long)token).ToArray());
        var loss = LanguageModelHead.LogProbs(decoder, hidden, targets).mean().neg();
        loss.backward();

        loss.item<double>().Should().BeApproximately(ReferenceDecoder.MeanNll(config, weights, tokens), 1e-13);
        var random = new Random(3);
        foreach (var (name, _) in config.ParameterShapes())
        {
            var gradient = decoder.Parameters[name].grad!.data<double>().ToArray();

            // One step along a random direction moves every entry of the parameter; then three entries by themselves.
            double[] direction = [.. weights[name].Select(_ => random.NextDouble() - 0.5)];
            var norm = Math.Sqrt(direction.Sum(d => d * d));
            direction = [.. direction.Select(d => d / norm)];
            Slope(name, direction).Should().BeApproximately(gradient.Zip(direction, (g, d) => g * d).Sum(), 1e-10, name);
            for (var trial = 0; trial < 3; trial++)
            {
                var at = random.Next(gradient.Length);
                var unit = new double[gradient.Length];
                unit[at] = 1;
                Slope(name, unit).Should().BeApproximately(gradient[at], 1e-10, $"{name}[{at}]");
            }
        }

        // Fourth-order central difference: the step's error and rounding are both about 1e-12.
        double Slope(string name, double[] direction)
        {
            double At(double step) => ReferenceDecoder.MeanNll(
                config,
                new Dictionary<string, double[]>(weights)
                {
                    [name] = [.. weights[name].Zip(direction, (w, d) => w + (step * d))],
                },
                tokens);
            const double h = 1e-3;
            return ((8 * (At(h) - At(-h))) - (At(2 * h) - At(-2 * h))) / (12 * h);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Frequencies_equal_the_reference(string family) =>
        RotaryEmbedding.InverseFrequencies(RandomModel.Config(family))
            .Zip(ReferenceDecoder.InverseFrequencies(RandomModel.Config(family)), (a, b) => Math.Abs(a - b)).Max()
            .Should().BeLessThan(1e-16);

    [Fact]
    public void The_published_tiny_model_loads_and_gives_the_logits_of_the_reference_and_of_LitGPT()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var folder = SharedData.Require("data/models/tiny-random-llama");
        var config = ModelConfig.Load(folder);
        var weights = HuggingFaceFolder.LoadWeights(folder, config);
        weights.Values.Should().OnlyContain(tensor => tensor.dtype == ScalarType.BFloat16);
        var arrays = RandomModel.Arrays(weights);
        var tokens = RandomModel.Tokens(config, 12, 2);
        using var decoder = new Decoder(config, weights, ScalarType.Float64, CPU, trainable: false);

        var logits = Rows(Causal(decoder, [tokens]));

        ReferenceDecoderTests.Distance(logits, ReferenceDecoder.Logits(config, arrays, tokens)).Should().BeLessThan(1e-12);
        ReferenceDecoderTests.Distance([logits[11]], [LitGptLogits.TinyRandomLlamaToken11]).Should().BeLessThan(1e-11);
    }

    private static Decoder Decoder(
        ModelConfig config, IReadOnlyDictionary<string, double[]> weights, ScalarType type, bool trainable) =>
        new(config, RandomModel.Tensors(config, weights, ScalarType.Float64), type, CPU, trainable);

    private static Tensor Hidden(Decoder decoder, int[][] sequences)
    {
        var length = sequences[0].Length;
        var tokens = tensor(sequences.SelectMany(sequence => sequence).Select(token => (long)token).ToArray());
        var positions = arange(length, ScalarType.Int64).repeat(sequences.Length);
        return decoder.Hidden(tokens, positions, new CausalAttention(sequences.Length, length));
    }

    private static Tensor Causal(Decoder decoder, int[][] sequences) => decoder.Logits(Hidden(decoder, sequences));

    private static double[][] Rows(Tensor logits) =>
        [.. logits.to(ScalarType.Float64).contiguous().data<double>().ToArray().Chunk((int)logits.shape[1])];
}
