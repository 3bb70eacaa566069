using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.Bench.Engine;

/// <summary>Tokens per second of cached decoding at batch 16 and 64 over batch 1.</summary>
internal static class GenerationBench
{
    private const int Steps = 32;

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

    /// <summary>A batch with prompts of 64 tokens, and a call that feeds it as many further tokens as <see cref="Steps"/>, sampled distributions included.</summary>
    internal static (DecodeBatch Batch, Action Decode) Prepare(Decoder decoder, int size, int capacity)
    {
        var random = new Random(2);
        var vocabulary = decoder.Config.VocabularySize;
        int[][] prompts = [.. Enumerable.Range(0, size).Select(_ => Shapes.Tokens(random, 64, vocabulary))];
        var next = Shapes.Tokens(random, size, vocabulary);
        var batch = new DecodeBatch(decoder, size, capacity);
        batch.OpenPrompts(prompts).Dispose();
        return (batch, Decode);

        void Decode()
        {
            for (var step = 0; step < Steps; step++)
            {
                using var hidden = batch.Step(next);
                LanguageModelHead.LogDistribution(decoder, hidden, new HeadDistribution()).Dispose();
            }
        }
    }

    private static double TokensPerSecond(string name, ScalarType type, int size)
    {
        using var decoder = Decoder.Create(Shapes.Of(name), 1, type, CPU);
        var (batch, decode) = Prepare(decoder, size, 64 + (4 * Steps));
        using (batch)
        {
            return size * Steps / Shapes.Best(2, decode);
        }
    }
}
