using System.ComponentModel.DataAnnotations;
using Ra3.Models;
using Ra3.Models.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Ra3.Training.Tests;

public sealed class TrainingTests : IDisposable
{
    internal static readonly ModelConfig Config = new()
    {
        Family = ModelFamily.Qwen2,
        VocabularySize = 300,
        HiddenSize = 32,
        IntermediateSize = 48,
        Layers = 2,
        Heads = 2,
        KeyValueHeads = 1,
        HeadSize = 16,
        TieEmbeddings = true,
        InitializerRange = 0.1,
    };

    private readonly string folder = Directory.CreateTempSubdirectory("ra3-test-").FullName;

    [Fact]
    public void AdamW_follows_the_published_formula_on_every_parameter()
    {
        var options = new OptimizerOptions { LearningRate = 0.01, WeightDecay = 0.1, ClipNorm = 0 };
        using var decoder = Decoder.Create(Config, 1, ScalarType.Float64, CPU);
        using var optimizer = new AdamW(decoder, options);
        var name = "model.layers.0.mlp.up_proj.weight";
        var weight = Values(decoder.Parameters[name]);
        var (first, second) = (new double[weight.Length], new double[weight.Length]);
        for (var step = 1; step <= 3; step++)
        {
            NextTokenLoss.Backward(decoder, Rows(4, seed: step), 4, 100);
            var gradient = Values(decoder.Parameters[name].grad!);
            optimizer.Step(0.01);
            for (var i = 0; i < weight.Length; i++)
            {
                first[i] = (options.Beta1 * first[i]) + ((1 - options.Beta1) * gradient[i]);
                second[i] = (options.Beta2 * second[i]) + ((1 - options.Beta2) * gradient[i] * gradient[i]);
                var (m, v) = (first[i] / (1 - Math.Pow(options.Beta1, step)), second[i] / (1 - Math.Pow(options.Beta2, step)));
                weight[i] = (weight[i] * (1 - (0.01 * 0.1))) - (0.01 * m / (Math.Sqrt(v) + options.Epsilon));
            }

            Values(decoder.Parameters[name]).Zip(weight, (a, b) => Math.Abs(a - b)).Max().Should().BeLessThan(1e-12);
        }
    }

    [Fact]
    public void Gains_and_biases_do_not_decay()
    {
        using var decoder = Decoder.Create(Config, 1, ScalarType.Float32, CPU);
        using var optimizer = new AdamW(decoder, new OptimizerOptions { WeightDecay = 0.5 });
        NextTokenLoss.Backward(decoder, Rows(2, seed: 1), 2, 100);
        foreach (var parameter in decoder.Parameters.Values)
        {
            parameter.grad!.zero_();
        }

        optimizer.Step(0.1);
        Values(decoder.Parameters["model.norm.weight"]).Should().OnlyContain(gain => gain == 1);
        Values(decoder.Parameters["model.layers.0.mlp.up_proj.weight"]).Zip(
            Values(Decoder.Create(Config, 1, ScalarType.Float32, CPU).Parameters["model.layers.0.mlp.up_proj.weight"]),
            (now, before) => Math.Abs(now - (before * 0.95))).Max().Should().BeLessThan(1e-6);
    }

    [Fact]
    public void Clipping_bounds_the_whole_gradient_and_reports_its_norm()
    {
        using var decoder = Decoder.Create(Config, 1, ScalarType.Float64, CPU);
        using var optimizer = new AdamW(decoder, new OptimizerOptions { ClipNorm = 0.01, WeightDecay = 0, Beta1 = 0 });
        NextTokenLoss.Backward(decoder, Rows(4, seed: 1), 4, 1);
        var expected = Math.Sqrt(decoder.Parameters.Values.Sum(p => Values(p.grad!).Sum(g => g * g)));
        optimizer.Step(1e-3).Should().BeApproximately(expected, 1e-9 * expected);
        expected.Should().BeGreaterThan(0.01);
        Math.Sqrt(optimizer.State.Where(s => s.Key.StartsWith("first/", StringComparison.Ordinal)).Sum(s => Values(s.Value).Sum(g => g * g)))
            .Should().BeApproximately(0.01, 1e-9, "with beta1 = 0 the first moment is the clipped gradient");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void The_size_of_micro_batches_changes_neither_loss_nor_gradient(int microBatch)
    {
        using var decoder = Decoder.Create(Config, 1, ScalarType.Float64, CPU);
        var rows = Rows(8, seed: 2);
        var whole = NextTokenLoss.Backward(decoder, rows, 8, 8 * 24);
        var expected = decoder.Parameters.ToDictionary(p => p.Key, p => Values(p.Value.grad!));
        foreach (var parameter in decoder.Parameters.Values)
        {
            parameter.grad!.zero_();
        }

        NextTokenLoss.Backward(decoder, rows, microBatch, 8 * 24).Should().BeApproximately(whole, 1e-9);
        foreach (var (name, parameter) in decoder.Parameters)
        {
            Values(parameter.grad!).Zip(expected[name], (a, b) => Math.Abs(a - b)).Max().Should().BeLessThan(1e-12, name);
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void N_steps_equal_k_steps_a_checkpoint_and_the_rest_bit_for_bit(ScalarType type)
    {
        var tokenizer = Tokenizer.Train(["def f(x):\n    return x\n"], 270);
        var straight = Run(type, 0, 6, null);
        var checkpoint = Path.Combine(folder, "checkpoint");
        Run(type, 0, 4, (decoder, optimizer) => Checkpoint.Save(checkpoint, decoder, tokenizer, optimizer, new TrainingState(4, 10, 1.5)));

        using var decoder = Decoder.Create(Config, 99, type, CPU); // other weights: all must come from the checkpoint
        using var optimizer = new AdamW(decoder, new OptimizerOptions());
        Checkpoint.Load(checkpoint, decoder, optimizer).Should().Be(new TrainingState(4, 10, 1.5) { Updates = 4 });
        Steps(decoder, optimizer, 4, 6);
        foreach (var (name, parameter) in decoder.Parameters)
        {
            Values(parameter).Should().Equal(straight[name], name);
        }
    }

    [Fact]
    public void A_step_reaches_the_cached_bf16_weights_too()
    {
        using var decoder = Decoder.Create(Config, 1, ScalarType.BFloat16, CPU);
        using var optimizer = new AdamW(decoder, new OptimizerOptions());
        var before = Nats(decoder);
        NextTokenLoss.Backward(decoder, Rows(4, seed: 1), 4, 96);
        optimizer.Step(1e-2);
        var after = Nats(decoder);
        using var fresh = decoder.Copy(trainable: false);
        after.Should().NotBe(before).And.Be(Nats(fresh));

        static double Nats(Decoder model)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            return NextTokenLoss.LogProbs(model, Rows(4, seed: 1)).sum().to_type(ScalarType.Float64).item<double>();
        }
    }

    [Fact]
    public void NaN_weights_stop_training_in_one_sentence_before_the_update()
    {
        using var decoder = Decoder.Create(Config, 1, ScalarType.Float32, CPU);
        using (no_grad())
        {
            decoder.Parameters["model.norm.weight"][0].fill_(float.NaN);
        }

        var act = () => NextTokenLoss.Backward(decoder, Rows(2, seed: 1), 2, 48);
        act.Should().Throw<InvalidDataException>().WithMessage("*not finite*learning rate*");
    }

    [Fact]
    public void The_schedule_warms_up_peaks_and_falls_to_its_final_share()
    {
        var options = new OptimizerOptions { LearningRate = 1, Warmup = 0.1, FinalShare = 0.1 };
        var rates = Enumerable.Range(0, 100).Select(step => options.LearningRateAt(step, 100)).ToList();
        rates.Take(10).Should().BeInAscendingOrder();
        rates.Max().Should().BeApproximately(1, 1e-12);
        rates.Skip(10).Should().BeInDescendingOrder();
        rates[^1].Should().BeApproximately(0.1, 1e-12);
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(0, 1000)]
    [InlineData(0.1, 9)] // less than one whole step
    public void Without_warm_up_the_first_step_has_the_whole_rate(double warmup, long steps)
    {
        foreach (var decay in Enum.GetValues<DecayShape>())
        {
            var options = new OptimizerOptions { LearningRate = 0.3, Warmup = warmup, Decay = decay };
            options.LearningRateAt(0, steps).Should().Be(0.3, $"{decay}");
            options.LearningRateAt(steps - 1, steps)
                .Should().BeApproximately(decay == DecayShape.Constant ? 0.3 : 0.03, 1e-12, $"{decay}");
        }
    }

    [Fact]
    public void Optimizer_options_that_cannot_be_meant_are_named()
    {
        Names(new OptimizerOptions
        {
            LearningRate = 0,
            Beta1 = 1,
            Beta2 = -0.1,
            WeightDecay = double.PositiveInfinity,
            ClipNorm = -1,
            Warmup = 1,
            FinalShare = 2,
            Epsilon = 0,
        }).Should().BeEquivalentTo(
            "learningRate", "beta1", "beta2", "weightDecay", "clipNorm", "warmup", "finalShare", "epsilon");
        Names(new OptimizerOptions { Epsilon = double.PositiveInfinity, ClipNorm = double.NaN })
            .Should().BeEquivalentTo("epsilon", "clipNorm");
        Names(new OptimizerOptions { LearningRate = 0.1, WeightDecay = 10 })
            .Should().Equal(["weightDecay"], "every weight would become 0");
        Names(new OptimizerOptions()).Should().BeEmpty();

        static IEnumerable<string> Names(OptimizerOptions options) =>
            options.Validate(new ValidationContext(options)).SelectMany(error => error.MemberNames);
    }

    [Fact]
    public void A_step_leaves_no_tensor_behind()
    {
        using var decoder = Decoder.Create(Config, 1, ScalarType.Float32, CPU);
        using var optimizer = new AdamW(decoder, new OptimizerOptions());
        Steps(decoder, optimizer, 0, 2);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Steps(decoder, optimizer, 2, 6);
        DisposeScopeManager.Statistics.ThreadTotalLiveCount.Should().BeLessThanOrEqualTo(before);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static Dictionary<string, double[]> Run(ScalarType type, int from, int to, Action<Decoder, AdamW>? then)
    {
        using var decoder = Decoder.Create(Config, 1, type, CPU);
        using var optimizer = new AdamW(decoder, new OptimizerOptions());
        Steps(decoder, optimizer, from, to);
        then?.Invoke(decoder, optimizer);
        return decoder.Parameters.ToDictionary(p => p.Key, p => Values(p.Value));
    }

    private static void Steps(Decoder decoder, AdamW optimizer, int from, int to)
    {
        for (var step = from; step < to; step++)
        {
            NextTokenLoss.Backward(decoder, Rows(4, seed: step), 2, 96);
            optimizer.Step(1e-2);
        }
    }

    private static List<int[]> Rows(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, 25).Select(_ => random.Next(300)).ToArray())];
    }

    private static double[] Values(Tensor tensor) => tensor.detach().to_type(ScalarType.Float64).data<double>().ToArray();
}
