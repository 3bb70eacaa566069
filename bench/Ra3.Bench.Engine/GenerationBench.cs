using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.Bench.Engine;

/// <summary>Tokens per second of cached decoding at batch 16 and 64 over batch 1.</summary>
internal static class GenerationBench
{
    public static object Run()
    {
        var rows = new List<object>();
        foreach (var name in Shapes.Chosen)
        {
            foreach (var type in new[] { ScalarType.BFloat16, ScalarType.Float32 })
            {
                var one = TokensPerSecond(name, type, 1);
                var sixteen = TokensPerSecond(name, type, 16);
                var sixtyFour = TokensPerSecond(name, type, 64);
                var row = new
                {
                    model = name,
                    type = type.ToString(),
                    batch1 = Math.Round(one),
                    batch16 = Math.Round(sixteen),
                    batch64 = Math.Round(sixtyFour),
                    ratio16 = Math.Round(sixteen / one, 2),
                    ratio64 = Math.Round(sixtyFour / one, 2),
                };
                Console.WriteLine($"generation {name} {type}: batch 1 {one:F0}, 16 {sixteen:F0}, 64 {sixtyFour:F0} tok/s; 16 over 1 = {row.ratio16}");
                rows.Add(row);
            }
        }

        return rows;
    }

    private static double TokensPerSecond(string name, ScalarType type, int size)
    {
        const int Steps = 32;
        var config = Shapes.Of(name);
        using var decoder = Decoder.Create(config, 1, type, CPU);
        var random = new Random(2);
        int[][] prompts = [.. Enumerable.Range(0, size).Select(_ => Shapes.Tokens(random, 64, config.VocabularySize))];
        var next = Shapes.Tokens(random, size, config.VocabularySize);
        using var batch = new DecodeBatch(decoder, size, 64 + (4 * Steps));
        batch.OpenPrompts(prompts).Dispose();
        var seconds = Shapes.Best(2, () =>
        {
            for (var step = 0; step < Steps; step++)
            {
                using var hidden = batch.Step(next);
                LanguageModelHead.LogDistribution(decoder, hidden, new HeadDistribution()).Dispose();
            }
        });
        return size * Steps / seconds;
    }
}
