using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.Tests.Golden;

/// <summary>Tiny models of every family, with every feature used by one of them, and weights drawn by seed.</summary>
internal static class RandomModel
{
    public static readonly ModelConfig Llama = new()
    {
        Family = ModelFamily.Llama,
        VocabularySize = 23,
        HiddenSize = 16,
        IntermediateSize = 20,
        Layers = 2,
        Heads = 4,
        KeyValueHeads = 2,
        HeadSize = 4,
        RopeTheta = 10000,
        MaxPositions = 64,
        RmsNormEpsilon = 1e-5,
    };

    /// <summary>As Llama 3.2: grouped queries, scaled RoPE whose three bands all occur, a tied head.</summary>
    public static readonly ModelConfig Llama3 = Llama with
    {
        HeadSize = 8,
        HiddenSize = 32,
        RopeTheta = 100,
        TieEmbeddings = true,
        RopeScaling = new Llama3RopeScaling(8, 1, 4, 128),
    };

    /// <summary>As Qwen2.5: biases, one key head, a tied head.</summary>
    public static readonly ModelConfig Qwen2 = Llama with
    {
        Family = ModelFamily.Qwen2,
        KeyValueHeads = 1,
        RopeTheta = 1_000_000,
        TieEmbeddings = true,
    };

    /// <summary>As Qwen3: q/k norm, heads wider than HiddenSize / Heads.</summary>
    public static readonly ModelConfig Qwen3 = Llama with
    {
        Family = ModelFamily.Qwen3,
        HeadSize = 6,
        RmsNormEpsilon = 1e-6,
        RopeTheta = 1_000_000,
    };

    public static ModelConfig Config(string name) => name switch
    {
        nameof(Llama) => Llama,
        nameof(Llama3) => Llama3,
        nameof(Qwen2) => Qwen2,
        nameof(Qwen3) => Qwen3,
        _ => throw new ArgumentException(name),
    };

    /// <summary>Weights large enough that every part of the model shows in the logits; norms near 1.</summary>
    public static Dictionary<string, double[]> Weights(ModelConfig config, ulong seed)
    {
        var random = new Random64(seed);
        return config.ParameterShapes().ToDictionary(parameter => parameter.Name, parameter =>
        {
            var norm = parameter.Name.Contains("norm", StringComparison.Ordinal);
            var spread = norm ? 0.3 : parameter.Shape.Length == 1 ? 0.5 : 1.5 / Math.Sqrt(parameter.Shape[1]);
            return Enumerable.Range(0, (int)parameter.Shape.Aggregate((a, b) => a * b))
                .Select(_ => (norm ? 1 : 0) + (spread * ((2 * random.Next()) - 1))).ToArray();
        });
    }

    public static Dictionary<string, Tensor> Tensors(
        ModelConfig config, IReadOnlyDictionary<string, double[]> weights, ScalarType type)
    {
        return config.ParameterShapes().ToDictionary(
            parameter => parameter.Name,
            parameter => tensor(weights[parameter.Name], ScalarType.Float64).reshape(parameter.Shape).to(type));
    }

    public static Dictionary<string, double[]> Arrays(IReadOnlyDictionary<string, Tensor> weights) =>
        weights.ToDictionary(item => item.Key, item => item.Value.to(ScalarType.Float64).cpu().data<double>().ToArray());

    public static int[] Tokens(ModelConfig config, int count, ulong seed)
    {
        var random = new Random64(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (int)(random.Next() * config.VocabularySize))];
    }

    /// <summary>A linear congruential generator, so that another program can draw the same weights.</summary>
    private sealed class Random64(ulong state)
    {
        private ulong state = state;

        public double Next()
        {
            state = unchecked((state * 6364136223846793005) + 1442695040888963407);
            return (state >> 11) * Math.Pow(2, -53);
        }
    }
}
