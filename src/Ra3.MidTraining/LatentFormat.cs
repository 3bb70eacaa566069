using Ra3.Models.Tokenizers;
using static TorchSharp.torch;

namespace Ra3.MidTraining;

/// <summary>
/// Which tokens a latent may consist of. A latent is its opener (the next line's indent and "#"), content, and a token that
/// ends the line. Content tokens are those whose bytes are whole UTF-8 without line ends or NUL; closing tokens end in the
/// only "\n" they hold. So every latent is a legal comment line by construction, and no vocabulary is added (S).
/// </summary>
public sealed class LatentFormat : IDisposable
{
    private readonly bool[] closes;

    /// <summary>Reads the vocabulary once.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="vocabularySize">Rows of the model's embedding, at least the tokenizer's.</param>
    /// <param name="device">Where the mask goes.</param>
    /// <exception cref="InvalidDataException">No token ends a line, or none begins or ends a text.</exception>
    public LatentFormat(Tokenizer tokenizer, int vocabularySize, Device device)
    {
        closes = new bool[vocabularySize];
        var forbidden = new bool[vocabularySize];
        Array.Fill(forbidden, true);
        for (var id = 0; id < tokenizer.VocabularySize; id++)
        {
            var bytes = tokenizer.BytesOf(id);
            if (bytes.IsEmpty || tokenizer.IsSpecial(id) || !System.Text.Unicode.Utf8.IsValid(bytes)
                || bytes.ContainsAny((byte)'\r', (byte)0) || bytes[..^1].Contains((byte)'\n'))
            {
                continue;
            }

            forbidden[id] = false;
            closes[id] = bytes[^1] == '\n';
        }

        if (!closes.Contains(true))
        {
            throw new InvalidDataException("The tokenizer has no token that ends a line, so no latent could end.");
        }

        DocumentStart = new PromptEncoder(tokenizer).DocumentStart;
        Forbidden = tensor(forbidden, ScalarType.Bool, device).DetachFromDisposeScope();
    }

    /// <summary>Tokens that a latent may not contain [VocabularySize].</summary>
    public Tensor Forbidden { get; }

    /// <summary>The token before the first line of a snippet: what <see cref="PromptEncoder"/> puts before a document.</summary>
    public int DocumentStart { get; }

    /// <summary>Whether a token ends a latent.</summary>
    public bool Closes(int token) => closes[token];

    /// <inheritdoc/>
    public void Dispose() => Forbidden.Dispose();
}
