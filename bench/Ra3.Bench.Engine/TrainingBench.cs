using Ra3.Models;
using Ra3.Training;
using static TorchSharp.torch;

namespace Ra3.Bench.Engine;

/// <summary>FLOP/s of a whole optimizer step over the measured matmul peak of the same type.</summary>
internal static class TrainingBench
{
    public static object Run()
    {
        var rows = new List<object>();
        foreach (var name in Shapes.Chosen)
        {
            var (batch, length, times) = name == "100M" ? (4, 512, 3) : (16, 256, 5);
            foreach (var type in new[] { ScalarType.BFloat16, ScalarType.Float32 })
            {
                rows.Add(Measure(name, type, batch, length, times));
            }
        }

        return rows;
    }

    private static object Measure(string name, ScalarType type, int batch, int length, int times)
    {
        var config = Shapes.Of(name);
        using var decoder = Decoder.Create(config, 1, type, CPU);
        using var optimizer = new AdamW(decoder, new OptimizerOptions());
        var random = new Random(1);
        List<int[]> data = [.. Enumerable.Range(0, batch).Select(_ => Shapes.Tokens(random, length + 1, config.VocabularySize))];
        double tokens = batch * length;
        var seconds = Shapes.Best(times, () =>
        {
            NextTokenLoss.Backward(decoder, data, batch, tokens);
            optimizer.Step(1e-4);
        });

        // 6 FLOP a parameter and token for the matrices (the embedding counts once, as the head), 12·width·context/2 a layer for causal attention.
        var flops = tokens * ((6.0 * config.ParameterCount()) + (12.0 * config.Layers * config.HiddenSize * length / 2));
        var peak = Shapes.MatmulPeak(type);
        var result = new
        {
            model = name,
            parameters = config.ParameterCount(),
            type = type.ToString(),
            tokensPerSecond = Math.Round(tokens / seconds),
            gigaflops = Math.Round(flops / seconds / 1e9),
            peakGigaflops = Math.Round(peak / 1e9),
            ofPeak = Math.Round(flops / seconds / peak, 3),
            peakMemoryMiB = System.Diagnostics.Process.GetCurrentProcess().PeakWorkingSet64 >> 20,
        };
        Console.WriteLine($"training {name} {type}: {result.tokensPerSecond} tok/s, {result.gigaflops} of {result.peakGigaflops} GFLOP/s = {result.ofPeak:P0}");
        return result;
    }
}
