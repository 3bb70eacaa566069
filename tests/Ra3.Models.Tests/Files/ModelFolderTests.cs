using Ra3.Models;
using Ra3.Models.Tokenizers;
using static TorchSharp.torch;

namespace Ra3.Tests.Files;

public sealed class ModelFolderTests : IDisposable
{
    private readonly string folder = Path.Combine(Directory.CreateTempSubdirectory("ra3-model-folder-").FullName, "model");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(folder)!, recursive: true);

    [Fact]
    public void Verifying_accepts_a_whole_model_and_refuses_what_loading_refuses()
    {
        var tokenizer = Tokenizer.Train(["some text, some more"], 260);
        using var decoder = Decoder.Create(Config(tokenizer), 1, ScalarType.Float32, CPU);
        ModelFolder.Save(folder, decoder, tokenizer);
        ModelFolder.Verify(folder);

        var weights = Path.Combine(folder, "model.safetensors");
        var bytes = File.ReadAllBytes(weights);
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - sizeof(float)), float.NaN);
        File.WriteAllBytes(weights, bytes);
        Same("*NaN*");

        File.WriteAllBytes(weights, bytes[..^8]);
        Same("*");

        void Same(string message)
        {
            var verify = () => ModelFolder.Verify(folder);
            var load = () => ModelFolder.Load(folder, ScalarType.Float32, CPU, trainable: true);
            var expected = load.Should().Throw<InvalidDataException>().WithMessage(message).Which.Message;
            verify.Should().Throw<InvalidDataException>().Which.Message.Should().Be(expected);
        }
    }

    private static ModelConfig Config(Tokenizer tokenizer) => new()
    {
        Family = ModelFamily.Llama,
        VocabularySize = tokenizer.VocabularySize,
        HiddenSize = 16,
        IntermediateSize = 32,
        Layers = 1,
        Heads = 2,
        KeyValueHeads = 2,
        HeadSize = 8,
        TieEmbeddings = true,
        EosTokenIds = [tokenizer.EndOfText!.Value],
    };
}
