using System.Text;

namespace Ra3.Models.Tokenizers;

/// <summary>A token that is matched in the text itself, before any word is cut.</summary>
internal sealed record AddedToken(int Id, string Content, bool Special, bool StripLeft = false, bool StripRight = false);

/// <summary>What a tokenizer's files say, however they say it.</summary>
/// <param name="Vocabulary">Tokens in the byte alphabet (see <see cref="ByteAlphabet"/>) to ids.</param>
/// <param name="Merges">Pairs of tokens, best rank first.</param>
/// <param name="AddedTokens">Special and other added tokens.</param>
/// <param name="PreTokenizer">How words are cut.</param>
/// <param name="ComposesText">Whether text is brought to Unicode's form NFC first.</param>
/// <param name="PrefersWholeWords">A word that is in the vocabulary is its token whatever the merges say (ignore_merges).</param>
/// <param name="EndOfText">The name of the token that ends a text, where the files name one.</param>
internal sealed record TokenizerParts(
    Dictionary<string, int> Vocabulary,
    IReadOnlyList<(string Left, string Right)> Merges,
    IReadOnlyList<AddedToken> AddedTokens,
    PreTokenizer PreTokenizer,
    bool ComposesText = false,
    bool PrefersWholeWords = false,
    string? EndOfText = null)
{
    /// <summary>The name of the token that the library puts in front of every text, where it does.</summary>
    public string? BeginOfText { get; init; }

    /// <summary>The files these parts were read from, byte for byte, so that saving loses nothing; empty for a trained tokenizer.</summary>
    public IReadOnlyDictionary<string, byte[]> Files { get; init; } = new Dictionary<string, byte[]>();

    /// <summary>Ids of pairs and of what they join to.</summary>
    /// <exception cref="InvalidDataException">A merge names a token that the vocabulary lacks.</exception>
    public MergeTable RankMerges()
    {
        var ranked = new MergeTable(Merges.Count);
        for (var rank = 0; rank < Merges.Count; rank++)
        {
            var (left, right) = Merges[rank];
            ranked.Add(Id(left), Id(right), rank, Id(left + right));
        }

        return ranked;

        int Id(string token) => Vocabulary.TryGetValue(token, out var id)
            ? id
            : throw new InvalidDataException($"The merges use the token '{token}', which the vocabulary lacks; vocabulary and merges are not of one tokenizer.");
    }

    /// <summary>The ids of the 256 single bytes.</summary>
    /// <exception cref="InvalidDataException">A byte that UTF-8 text can hold has no token.</exception>
    public int[] ByteIds()
    {
        var ids = new int[256];
        for (var value = 0; value < 256; value++)
        {
            var neverInUtf8 = value is 0xC0 or 0xC1 or >= 0xF5;
            if (!Vocabulary.TryGetValue(ByteAlphabet.Char[value].ToString(), out ids[value]) && !neverInUtf8)
            {
                throw new InvalidDataException($"The vocabulary has no token for the byte 0x{value:X2}; only byte-level BPE tokenizers can be used.");
            }
        }

        return ids;
    }

    /// <summary>What each id stands for; an empty array where an id has no token.</summary>
    public byte[][] Bytes()
    {
        var size = Math.Max(Vocabulary.Values.DefaultIfEmpty(-1).Max(), AddedTokens.Select(token => token.Id).DefaultIfEmpty(-1).Max()) + 1;
        var bytes = new byte[size][];
        Array.Fill(bytes, []);
        foreach (var (token, id) in Vocabulary)
        {
            bytes[id] = ByteAlphabet.Decode(token);
        }

        foreach (var token in AddedTokens)
        {
            bytes[token.Id] = Encoding.UTF8.GetBytes(token.Content);
        }

        return bytes;
    }
}
