using Ra3.Models;
using Ra3.Models.Tokenizers;

namespace Ra3.PostTraining;

/// <summary>Problems as token ids.</summary>
internal static class Prompt
{
    /// <summary>A prompt begins a document: behind the model's begin-of-text token, or else behind the end of the text before.</summary>
    public static int[] Encode(string text, Tokenizer tokenizer, ModelConfig config) =>
        (tokenizer.BeginOfText ?? config.BosTokenId ?? tokenizer.EndOfText) is { } first ? [first, .. tokenizer.Encode(text)] : tokenizer.Encode(text);

    /// <summary>Whether a completion has room behind a prompt.</summary>
    public static bool Fits(int[] prompt, ModelConfig config, int maxNewTokens) =>
        prompt.Length > 0 && prompt.Length + maxNewTokens <= config.MaxPositions;
}
