using Ra3.Models.Tokenizers;

namespace Ra3.Corpora;

/// <summary>
/// Training rows for next-token prediction. An epoch's documents, in an order of its own, each followed by the end of text (and behind the
/// token that the tokenizer puts in front of texts, where that is another one: <see cref="PromptEncoder"/>), make one stream; row k holds the stream's tokens k·L to k·L + L, so that each token (the very first aside) is the target of one prediction.
/// The rows are then given out in shuffled order. What is left behind the last whole row of an epoch is not used in that epoch.
/// A row depends on nothing but store, seed, L and position: resuming takes the position alone. Not safe for several threads.
/// </summary>
public sealed class PackedWindows
{
    private readonly TokenStore store;
    private readonly int[] before;
    private readonly int[] after;
    private readonly ShuffledOrder documents;
    private readonly ShuffledOrder rows;
    private readonly long[] starts;
    private long epoch = -1;

    /// <summary>Rows of <paramref name="length"/> + 1 tokens over the documents of a store.</summary>
    /// <param name="store">The documents.</param>
    /// <param name="tokenizer">Says which tokens stand before and behind each document.</param>
    /// <param name="length">L: predictions a row.</param>
    /// <param name="seed">Decides the order of documents and rows.</param>
    /// <exception cref="InvalidDataException">The store holds less than one row, or the tokenizer has no end of text.</exception>
    public PackedWindows(TokenStore store, Tokenizer tokenizer, int length, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        (this.store, Length) = (store, length);
        after = [tokenizer.EndOfText ?? throw new InvalidDataException("The tokenizer has no end-of-text token, which separates documents.")];
        before = tokenizer.BeginOfText is { } begin && begin != after[0] ? [begin] : [];
        RowsPerEpoch = (store.TotalTokens + ((long)store.Count * (before.Length + 1)) - 1) / length;
        if (RowsPerEpoch < 1)
        {
            throw new InvalidDataException($"The corpus has {store.TotalTokens} tokens, too few for one row of {length + 1}; use a shorter window or more text.");
        }

        documents = new ShuffledOrder(seed, store.Count);
        rows = new ShuffledOrder(~seed, RowsPerEpoch);
        starts = new long[store.Count + 1];
    }

    /// <summary>Predictions a row; a row has one token more.</summary>
    public int Length { get; }

    /// <summary>Rows until the epoch ends.</summary>
    public long RowsPerEpoch { get; }

    /// <summary>
    /// The documents that a number of rows takes: the first ones of an epoch's order that hold so many rows, or all where an
    /// epoch has no more. Rows over a store of these documents alone, longer or not, read none of them twice.
    /// </summary>
    /// <param name="rows">Rows to be read.</param>
    /// <param name="length">L.</param>
    /// <param name="seed">As for the rows.</param>
    /// <param name="stores">The documents, numbered on from store to store.</param>
    /// <returns>Their numbers, in the epoch's order.</returns>
    public static int[] DocumentsFor(long rows, int length, ulong seed, params IReadOnlyList<TokenStore> stores)
    {
        ArgumentNullException.ThrowIfNull(stores);
        var count = stores.Sum(part => part.Count);
        var order = new ShuffledOrder(seed, Math.Max(1, count));
        var (taken, tokens) = (new List<int>(), -1L); // the stream begins with a document, not with an end of text
        while (taken.Count < count && tokens / length < Math.Max(1, rows))
        {
            var document = (int)order.At(taken.Count);
            taken.Add(document);
            tokens += LengthOf(document) + 1;
        }

        return [.. taken];

        int LengthOf(int document)
        {
            foreach (var part in stores)
            {
                if (document < part.Count)
                {
                    return part.TokensOf(document).Length;
                }

                document -= part.Count;
            }

            throw new ArgumentOutOfRangeException(nameof(document));
        }
    }

    /// <summary>Writes the row at a position (it counts on through the epochs) to <paramref name="row"/>, which holds L + 1 tokens.</summary>
    public void Read(long position, Span<int> row)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(row.Length, Length + 1);
        if (position / RowsPerEpoch is var wanted && wanted != epoch)
        {
            StartEpoch(wanted);
        }

        var start = rows.At(position) * Length;
        var place = Array.BinarySearch(starts, start);
        place = place >= 0 ? place : ~place - 1;
        var skip = (int)(start - starts[place]);
        while (!row.IsEmpty)
        {
            row = Copy(before, row, ref skip);
            row = Copy(store.TokensOf(Document(place)), row, ref skip);
            row = Copy(after, row, ref skip);
            place++;
        }
    }

    /// <summary>Copies what follows the first <paramref name="skip"/> tokens, as far as it fits; returns what of the row is left.</summary>
    private static Span<int> Copy(ReadOnlySpan<int> tokens, Span<int> row, scoped ref int skip)
    {
        var skipped = Math.Min(skip, tokens.Length);
        skip -= skipped;
        var taken = Math.Min(tokens.Length - skipped, row.Length);
        tokens.Slice(skipped, taken).CopyTo(row);
        return row[taken..];
    }

    private int Document(int place) => (int)documents.At((epoch * store.Count) + place);

    private void StartEpoch(long next)
    {
        epoch = next;
        for (var place = 0; place < store.Count; place++)
        {
            starts[place + 1] = starts[place] + store.TokensOf(Document(place)).Length + before.Length + 1;
        }
    }
}
