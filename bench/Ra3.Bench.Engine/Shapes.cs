using System.Diagnostics;
using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.Bench.Engine;

/// <summary>Model shapes and clocks shared by the benches.</summary>
internal static class Shapes
{
    public static readonly string[] Names = ["4M", "10M", "100M"];

    /// <summary>The shapes to measure.</summary>
    public static string[] Chosen { get; set; } = Names;

    /// <summary>By parameter count, embeddings included: the quickstart's, about 10 M and about 100 M.</summary>
    public static ModelConfig Of(string name) => name switch
    {
        "4M" => Shape(256, 4, 704, 4096),
        "10M" => Shape(384, 5, 1024, 4096),
        "100M" => Shape(768, 12, 2048, 16384),
        _ => throw new ArgumentException($"no shape {name}"),
    };

    /// <summary>Least time of several calls, after one to warm up, in seconds.</summary>
    public static double Best(int times, Action work)
    {
        work();
        var best = double.MaxValue;
        for (var i = 0; i < times; i++)
        {
            var clock = Stopwatch.StartNew();
            work();
            best = Math.Min(best, clock.Elapsed.TotalSeconds);
        }

        return best;
    }

    /// <summary>FLOP/s of a square product, the peak that training is held against.</summary>
    public static double MatmulPeak(ScalarType type, int size = 1024)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (a, b) = (randn(size, size).to_type(type), randn(size, size).to_type(type));
        return 2.0 * size * size * size / Best(10, () => matmul(a, b).Dispose());
    }

    public static int[] Tokens(Random random, int count, int vocabulary) =>
        [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabulary))];

    private static ModelConfig Shape(int width, int layers, int inner, int vocabulary) => new()
    {
        Family = ModelFamily.Llama,
        VocabularySize = vocabulary,
        HiddenSize = width,
        IntermediateSize = inner,
        Layers = layers,
        Heads = width / 64,
        KeyValueHeads = width / 64,
        HeadSize = 64,
        TieEmbeddings = true,
    };
}
