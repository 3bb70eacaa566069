using System.Security.Cryptography;
using System.Text;
using Ra3.Models.Files;
using Ra3.Models.Tokenizers;
using static TorchSharp.torch;

namespace Ra3.Models;

/// <summary>A model with its tokenizer, from and to a Hugging Face folder.</summary>
public static class ModelFolder
{
    /// <summary>Loads both.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="computeType">Type of the matrix products.</param>
    /// <param name="device">Where the model goes.</param>
    /// <param name="trainable">Whether its parameters receive gradients.</param>
    /// <exception cref="InvalidDataException">Something in the folder is wrong; says what, and what to do.</exception>
    /// <exception cref="IOException">A file is absent or cannot be read.</exception>
    public static (Decoder Decoder, Tokenizer Tokenizer) Load(string folder, ScalarType computeType, Device device, bool trainable)
    {
        var config = ModelConfig.Load(folder);
        var tokenizer = Tokenizer.Load(folder);
        tokenizer.RequireFits(config.VocabularySize);
        var weights = HuggingFaceFolder.LoadWeights(folder, config, device: device);
        return (new Decoder(config, weights, computeType, device, trainable), tokenizer);
    }

    /// <summary>Fails where <see cref="Load"/> would, but keeps no weight: one is in memory at a time.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="InvalidDataException">Something in the folder is wrong; says what, and what to do.</exception>
    /// <exception cref="IOException">A file is absent or cannot be read.</exception>
    public static void Verify(string folder)
    {
        var config = ModelConfig.Load(folder);
        Tokenizer.Load(folder).RequireFits(config.VocabularySize);
        foreach (var weight in HuggingFaceFolder.LoadWeights(folder, config, device: META).Values)
        {
            weight.Dispose();
        }
    }

    /// <summary>Saves both, whole or not at all.</summary>
    /// <param name="folder">The folder to make or replace.</param>
    /// <param name="decoder">The model; stored in the type its parameters have, or in <paramref name="storeAs"/>.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="storeAs">Type of the stored weights.</param>
    /// <exception cref="IOException">Writing failed; what was there before is untouched.</exception>
    public static void Save(string folder, Decoder decoder, Tokenizer tokenizer, ScalarType? storeAs = null) =>
        HuggingFaceFolder.Save(folder, decoder.Config, decoder.Parameters, storeAs, addFiles: tokenizer.Save);

    /// <summary>32 hexadecimal digits that differ between weights: a hash of the contents of config.json, generation_config.json and all
    /// safetensors files. Reads them once.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static string WeightsFingerprint(string folder)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        foreach (var path in Directory.EnumerateFiles(folder).Where(IsWeights).Order(StringComparer.Ordinal))
        {
            using var file = System.IO.File.OpenRead(path);
            hash.AppendData(Encoding.UTF8.GetBytes($"{Path.GetFileName(path)} {file.Length}\n"));
            for (int read; (read = file.Read(buffer)) > 0;)
            {
                hash.AppendData(buffer, 0, read);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..32];

        static bool IsWeights(string path) => Path.GetFileName(path) is "config.json" or "generation_config.json" or "model.safetensors.index.json"
            || path.EndsWith(".safetensors", StringComparison.Ordinal);
    }
}
