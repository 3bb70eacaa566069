namespace Ra3.Models.Tokenizers;

/// <summary>
/// The one rule for how a text begins. A prompt stands behind what the model's own tokenizer puts there: a template of tokenizer.json or
/// add_bos_token of tokenizer_config.json says so. That is begin-of-text for Llama 3, the end-of-text token for models trained here from
/// scratch, nothing for Qwen and GPT-2. A document in training stands behind the same token; where the tokenizer puts none, behind the
/// end of the document before it.
/// </summary>
public sealed class PromptEncoder(Tokenizer tokenizer)
{
    /// <summary>The text of the token in front of every prompt; null where prompts begin with their own first token.</summary>
    public string? Begin => tokenizer.BeginOfText is { } begin ? tokenizer.Decode([begin]) : null;

    /// <summary>The token in front of a document in training, and of a prompt without text.</summary>
    /// <exception cref="InvalidDataException">The tokenizer has no token that begins or ends a text.</exception>
    public int DocumentStart => tokenizer.BeginOfText ?? tokenizer.EndOfText
        ?? throw new InvalidDataException("The tokenizer has no token that begins or ends a text, so there is nothing to begin from.");

    /// <summary>The tokens of a prompt, at least one.</summary>
    /// <param name="text">The prompt.</param>
    /// <param name="specialTokens">
    /// Whether special tokens written out in the text become those tokens (a chat's markers, say); a first token that the text itself begins
    /// with is then not put there twice. Otherwise they are ordinary text.
    /// </param>
    /// <exception cref="InvalidDataException">There is no text, and no token to begin from.</exception>
    public int[] Encode(string text, bool specialTokens = false)
    {
        var tokens = tokenizer.Encode(text, specialTokens);
        if (tokens.Length == 0)
        {
            return [DocumentStart];
        }

        return tokenizer.BeginOfText is { } begin && tokens[0] != begin ? [begin, .. tokens] : tokens;
    }

    /// <summary>Tokens that a model can write behind a prompt: what its positions leave; 0 where the prompt itself does not fit.</summary>
    public static int Room(ReadOnlySpan<int> prompt, ModelConfig config) => Math.Max(0, config.MaxPositions - prompt.Length);
}
