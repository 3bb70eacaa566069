using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Ra3.Models.Tokenizers;

/// <summary>
/// Byte-level byte-pair encoding as GPT-2, Llama 3, Qwen 2/2.5/3 and their kin use it, with ids equal to the reference implementation's.
/// It never adds a token to begin or end a text: <see cref="PromptEncoder"/> does. Safe to use from several threads.
/// </summary>
public sealed class Tokenizer
{
    /// <summary>The special token that separates documents in tokenizers trained here.</summary>
    public const string EndOfTextName = "<|endoftext|>";

    private readonly TokenizerParts parts;
    private readonly PairMerger merger;
    private readonly byte[][] tokenBytes;
    private readonly AddedToken[] addedTokens;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> vocabulary;
    private readonly SearchValues<string>? allAddedTokens;
    private readonly SearchValues<string>? plainAddedTokens;
    private readonly ThreadLocal<Scratch> scratch = new(() => new Scratch());

    internal Tokenizer(TokenizerParts parts)
    {
        this.parts = parts;
        tokenBytes = parts.Bytes();
        merger = new PairMerger(parts.ByteIds(), parts.RankMerges());
        vocabulary = parts.Vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        // Longest first: where several begin at one place, the longest counts.
        addedTokens = [.. parts.AddedTokens.Where(token => token.Content.Length > 0).OrderByDescending(token => token.Content.Length)];
        allAddedTokens = SearchFor(addedTokens);
        plainAddedTokens = SearchFor(addedTokens.Where(token => !token.Special));
        EndOfText = FindEndOfText();
        BeginOfText = parts.AddedTokens.FirstOrDefault(token => token.Content == parts.BeginOfText)?.Id;
        Fingerprint = Convert.ToHexStringLower(SHA256.HashData(TokenizerWriter.MainFile(parts)))[..32];

        static SearchValues<string>? SearchFor(IEnumerable<AddedToken> tokens)
            => tokens.Any() ? SearchValues.Create([.. tokens.Select(token => token.Content)], StringComparison.Ordinal) : null;
    }

    /// <summary>The largest id plus one, added tokens included. A model may have more rows (padding), never fewer.</summary>
    public int VocabularySize => tokenBytes.Length;

    /// <summary>
    /// The token that ends a text and separates documents: the eos token of tokenizer_config.json, else of generation_config.json, else
    /// &lt;|endoftext|&gt; or &lt;|end_of_text|&gt;; null where there is none.
    /// </summary>
    public int? EndOfText { get; }

    /// <summary>The token that the Python library puts in front of every text it encodes for this model (its files say so: a template, or
    /// add_bos_token); null where it puts none, as for Qwen and GPT-2. For tokenizers trained here it is the end of text.</summary>
    public int? BeginOfText { get; }

    /// <summary>32 hexadecimal digits that differ between tokenizers: a hash of the tokenizer.json that <see cref="Save"/> writes.</summary>
    public string Fingerprint { get; }

    /// <summary>
    /// Reads a tokenizer from a model folder: tokenizer.json, or vocab.json with merges.txt, or encoder.json with vocab.bpe; the end of
    /// text from tokenizer_config.json or generation_config.json.
    /// </summary>
    /// <exception cref="FileNotFoundException">The folder holds no tokenizer.</exception>
    /// <exception cref="InvalidDataException">A file is torn or contradicts another, or the tokenizer is not byte-level BPE.</exception>
    public static Tokenizer Load(string folder) => new(TokenizerReader.Read(folder));

    /// <summary>
    /// Trains a byte-level BPE tokenizer with the words of Qwen 2.5. The same texts give the same tokenizer, in whatever order they come.
    /// Ids: the 256 bytes, the merges in the order learnt, then <see cref="EndOfTextName"/>.
    /// </summary>
    /// <param name="texts">The texts, read once.</param>
    /// <param name="vocabularySize">Tokens wanted, the 256 bytes and the special token included; fewer result when no pair is left that occurs twice.</param>
    /// <param name="stop">Cancels between merges.</param>
    /// <exception cref="ArgumentException">The vocabulary is too small, or there is no text.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Tokenizer Train(IEnumerable<string> texts, int vocabularySize, CancellationToken stop = default) =>
        new(BytePairTrainer.Train(texts, vocabularySize, stop));

    /// <summary>
    /// Writes tokenizer.json and tokenizer_config.json as the Hugging Face libraries read them. What was loaded from a tokenizer.json is
    /// written back byte for byte.
    /// </summary>
    public void Save(string folder) => TokenizerWriter.Write(parts, EndOfText, folder);

    /// <summary>The tokens of a text.</summary>
    /// <param name="text">UTF-16; a lone surrogate is read as U+FFFD.</param>
    /// <param name="allowSpecial">
    /// Whether special tokens written out in the text (such as "&lt;|endoftext|&gt;") become those tokens. Off by default: text from outside must
    /// not be able to say them. Added tokens that are not special are always recognised, as in the reference.
    /// </param>
    public int[] Encode(ReadOnlySpan<char> text, bool allowSpecial = false)
    {
        var tokens = scratch.Value!.Tokens;
        tokens.Clear();
        Encode(text, tokens, allowSpecial);
        return [.. tokens];
    }

    /// <summary>Appends the tokens of a text to a list; see <see cref="Encode(ReadOnlySpan{char}, bool)"/>.</summary>
    public void Encode(ReadOnlySpan<char> text, List<int> tokens, bool allowSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        var cache = scratch.Value!.Cache;
        var wanted = allowSpecial ? allAddedTokens : plainAddedTokens;
        while (wanted is not null && text.IndexOfAny(wanted) is var at and >= 0)
        {
            var added = AddedTokenAt(text[at..], allowSpecial);
            var before = text[..at];
            EncodeText(added.StripLeft ? before.TrimEnd() : before, tokens, cache);
            tokens.Add(added.Id);
            text = text[(at + added.Content.Length)..];
            text = added.StripRight ? text.TrimStart() : text;
        }

        EncodeText(text, tokens, cache);
    }

    /// <summary>The text of some tokens; byte sequences that are not UTF-8 (half a character) come out as U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is negative.</exception>
    public string Decode(ReadOnlySpan<int> tokens)
    {
        var bytes = new ArrayBufferWriter<byte>(4 * tokens.Length + 1);
        foreach (var token in tokens)
        {
            bytes.Write(BytesOf(token));
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>The bytes a token stands for; none for an id without a token, such as a model's padding rows.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is negative.</exception>
    public ReadOnlySpan<byte> BytesOf(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        return id < tokenBytes.Length ? tokenBytes[id] : [];
    }

    /// <summary>The id of a special or other added token by its text, or null.</summary>
    public int? IdOf(string specialToken) => Array.Find(addedTokens, token => token.Content == specialToken)?.Id;

    /// <summary>Whether an id is an added token (end of text, chat markers, …) rather than text.</summary>
    public bool IsSpecial(int id) => Array.Exists(addedTokens, token => token.Id == id);

    /// <summary>Makes sure that every token this tokenizer can give has a row in a model.</summary>
    /// <param name="modelVocabularySize">Rows of the model's embedding (vocab_size).</param>
    /// <exception cref="InvalidDataException">The model has fewer rows.</exception>
    public void RequireFits(int modelVocabularySize)
    {
        if (VocabularySize > modelVocabularySize)
        {
            throw new InvalidDataException(
                $"The tokenizer has token ids up to {VocabularySize - 1}, but the model's vocab_size is {modelVocabularySize}; use the tokenizer the model was trained with.");
        }
    }

    private AddedToken AddedTokenAt(ReadOnlySpan<char> text, bool allowSpecial)
    {
        foreach (var token in addedTokens)
        {
            if ((allowSpecial || !token.Special) && text.StartsWith(token.Content, StringComparison.Ordinal))
            {
                return token;
            }
        }

        throw new InvalidOperationException("An added token was found and then lost.");
    }

    private void EncodeText(ReadOnlySpan<char> text, List<int> tokens, WordCache cache)
    {
        if (parts.ComposesText && !NormalizationFormC.IsCertainlyComposed(text))
        {
            text = NormalizationFormC.Compose(text);
        }

        foreach (var word in parts.PreTokenizer.Split(text))
        {
            if (word.Length > WordCache.LongestWord)
            {
                EncodeWord(word, tokens);
                continue;
            }

            var known = cache.Find(word, out var key);
            if (known.Length == 1)
            {
                tokens.Add(known[0]);
                continue;
            }

            if (!known.IsEmpty)
            {
                tokens.AddRange(known);
                continue;
            }

            var start = tokens.Count;
            EncodeWord(word, tokens);
            cache.Add(word, key, CollectionsMarshal.AsSpan(tokens)[start..]);
        }
    }

    private void EncodeWord(ReadOnlySpan<char> word, List<int> tokens)
    {
        // UTF-16 to UTF-8 triples the length at most.
        byte[]? rented = null;
        Span<byte> bytes = word.Length <= 256 ? stackalloc byte[768] : rented = ArrayPool<byte>.Shared.Rent(3 * word.Length);
        var utf8 = bytes[..Encoding.UTF8.GetBytes(word, bytes)];
        if (!(parts.PrefersWholeWords && AppendWhole(utf8, tokens)))
        {
            merger.Append(utf8, tokens);
        }

        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private bool AppendWhole(ReadOnlySpan<byte> utf8, List<int> tokens)
    {
        const int Longest = 256;
        Span<char> name = stackalloc char[Longest];
        if (utf8.Length > Longest)
        {
            return false;
        }

        ByteAlphabet.Encode(utf8, name);
        if (!vocabulary.TryGetValue(name[..utf8.Length], out var id))
        {
            return false;
        }

        tokens.Add(id);
        return true;
    }

    private int? FindEndOfText()
    {
        foreach (var name in new[] { parts.EndOfText, EndOfTextName, "<|end_of_text|>" })
        {
            if (name is not null && (IdOf(name) ?? (parts.Vocabulary.TryGetValue(name, out var id) ? id : null)) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    private sealed class Scratch
    {
        public List<int> Tokens { get; } = [];

        public WordCache Cache { get; } = new();
    }
}
