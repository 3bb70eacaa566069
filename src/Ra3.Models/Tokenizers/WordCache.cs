using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Ra3.Models.Tokenizers;

/// <summary>
/// Words already encoded, and their tokens: open addressing over pooled arrays, emptied when full. About 99 % of the words of source
/// code are answered here. One per thread.
/// </summary>
internal sealed class WordCache
{
    /// <summary>Longer words are not kept: they hardly return, and a megabyte of base64 should not sit here.</summary>
    public const int LongestWord = 64;

    private const int Slots = 1 << 16;
    private const int MostEntries = Slots / 2;

    /// <summary>Characters that an entry holds itself; most words of code have no more.</summary>
    private const int HeadChars = 4;

    private readonly Entry[] slots = new Entry[Slots];
    private char[] tails = new char[1 << 14];
    private int[] tokens = new int[1 << 14];
    private int count;
    private int tailCount;
    private int tokenCount;

    /// <summary>The tokens of a word, or an empty span when it is not here; and what to hand to <see cref="Add"/> then.</summary>
    public ReadOnlySpan<int> Find(ReadOnlySpan<char> word, out Key key)
    {
        key = new Key(word);
        ref var first = ref MemoryMarshal.GetArrayDataReference(slots);
        for (var slot = key.Hash & (Slots - 1); ; slot = (slot + 1) & (Slots - 1))
        {
            ref readonly var entry = ref Unsafe.Add(ref first, slot);
            if (entry.TokenCount == 0)
            {
                return [];
            }

            if (entry.Head == key.Head && entry.Length == word.Length
                && (word.Length <= HeadChars || word[HeadChars..].SequenceEqual(tails.AsSpan(entry.TailStart, word.Length - HeadChars))))
            {
                return tokens.AsSpan(entry.TokenStart, entry.TokenCount);
            }
        }
    }

    /// <summary>Keeps the tokens (at least one) of a word that <see cref="Find"/> did not find.</summary>
    public void Add(ReadOnlySpan<char> word, Key key, ReadOnlySpan<int> tokens)
    {
        if (count == MostEntries)
        {
            Array.Clear(slots);
            count = tailCount = tokenCount = 0;
        }

        var slot = key.Hash & (Slots - 1);
        while (slots[slot].TokenCount != 0)
        {
            slot = (slot + 1) & (Slots - 1);
        }

        slots[slot] = new Entry
        {
            Head = key.Head,
            Length = (ushort)word.Length,
            TailStart = Append(ref tails, ref tailCount, word.Length > HeadChars ? word[HeadChars..] : []),
            TokenStart = Append(ref this.tokens, ref tokenCount, tokens),
            TokenCount = (ushort)tokens.Length,
        };
        count++;
    }

    private static int Append<T>(ref T[] pool, ref int count, ReadOnlySpan<T> items)
    {
        var start = count;
        if (start + items.Length > pool.Length)
        {
            Array.Resize(ref pool, 2 * pool.Length);
        }

        items.CopyTo(pool.AsSpan(start));
        count += items.Length;
        return start;
    }

    /// <summary>A word's first four characters as they lie in memory, and a hash of it all.</summary>
    internal readonly struct Key
    {
        private const ulong Multiplier = 0x9E3779B97F4A7C15;

        public Key(ReadOnlySpan<char> word)
        {
            ref var bytes = ref Unsafe.As<char, byte>(ref MemoryMarshal.GetReference(word));
            if (word.Length >= HeadChars)
            {
                Head = Unsafe.ReadUnaligned<ulong>(ref bytes);
            }
            else
            {
                for (var i = word.Length - 1; i >= 0; i--)
                {
                    Head = (Head << 16) | word[i];
                }
            }

            var hash = (Head ^ (ulong)word.Length) * Multiplier;
            if (word.Length > HeadChars)
            {
                // Whole groups of four, the last one overlapping the one before.
                for (var i = HeadChars; i < word.Length - HeadChars; i += HeadChars)
                {
                    hash = (hash ^ (hash >> 32) ^ Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref bytes, i * sizeof(char)))) * Multiplier;
                }

                hash = (hash ^ (hash >> 32) ^ Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref bytes, (word.Length - HeadChars) * sizeof(char)))) * Multiplier;
            }

            Hash = (uint)(hash >> 32);
        }

        public ulong Head { get; }

        public uint Hash { get; }
    }

    private struct Entry
    {
        public ulong Head;
        public int TailStart;
        public int TokenStart;
        public ushort Length;
        public ushort TokenCount;
    }
}
