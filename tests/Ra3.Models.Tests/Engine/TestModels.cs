using static TorchSharp.torch;

namespace Ra3.Models.Tests.Engine;

/// <summary>Tiny random decoders for tests.</summary>
internal static class TestModels
{
    public static ModelConfig Config(ModelFamily family = ModelFamily.Llama, int heads = 4, int keyValueHeads = 2) => new()
    {
        Family = family,
        VocabularySize = 61,
        HiddenSize = 32,
        IntermediateSize = 48,
        Layers = 2,
        Heads = heads,
        KeyValueHeads = keyValueHeads,
        HeadSize = 16,
        TieEmbeddings = family == ModelFamily.Qwen3,
        InitializerRange = 0.3,
    };

    public static Decoder Create(ScalarType type = ScalarType.Float32, ModelFamily family = ModelFamily.Llama, int heads = 4, int keyValueHeads = 2) =>
        Decoder.Create(Config(family, heads, keyValueHeads), seed: 7, type, CPU);

    public static int[] Tokens(Random random, int count, int vocabulary = 61) =>
        [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabulary))];

    public static Tensor Int64(params IEnumerable<int> values) => tensor(values.Select(v => (long)v).ToArray(), ScalarType.Int64);
}
