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

    private readonly Entry[] _slots = new Entry[Slots];
    private char[] _chars = new char[1 << 16];
    private int[] _tokens = new int[1 << 14];
    private int _count;
    private int _charCount;
    private int _tokenCount;

    /// <summary>The tokens of a word, or an empty span when it is not here.</summary>
    public ReadOnlySpan<int> Find(ReadOnlySpan<char> word, uint hash)
    {
        for (var slot = hash & (Slots - 1); ; slot = (slot + 1) & (Slots - 1))
        {
            ref readonly var entry = ref _slots[slot];
            if (entry.TokenCount == 0)
            {
                return [];
            }

            if (entry.Hash == hash && word.SequenceEqual(_chars.AsSpan(entry.CharStart, entry.CharCount)))
            {
                return _tokens.AsSpan(entry.TokenStart, entry.TokenCount);
            }
        }
    }

    /// <summary>Keeps the tokens (at least one) of a word that <see cref="Find"/> did not find.</summary>
    public void Add(ReadOnlySpan<char> word, uint hash, ReadOnlySpan<int> tokens)
    {
        if (_count == MostEntries)
        {
            Array.Clear(_slots);
            _count = _charCount = _tokenCount = 0;
        }

        var slot = hash & (Slots - 1);
        while (_slots[slot].TokenCount != 0)
        {
            slot = (slot + 1) & (Slots - 1);
        }

        _slots[slot] = new Entry
        {
            Hash = hash,
            CharStart = Append(ref _chars, ref _charCount, word),
            CharCount = word.Length,
            TokenStart = Append(ref _tokens, ref _tokenCount, tokens),
            TokenCount = tokens.Length,
        };
        _count++;
    }

    /// <summary>A quick hash of a word's UTF-16 bytes, four characters at a time.</summary>
    public static uint Hash(ReadOnlySpan<char> word)
    {
        const ulong Multiplier = 0x9E3779B97F4A7C15;
        var hash = (ulong)word.Length;
        while (word.Length >= 4)
        {
            hash = (hash ^ MemoryMarshal.Read<ulong>(MemoryMarshal.AsBytes(word))) * Multiplier;
            hash ^= hash >> 32;
            word = word[4..];
        }

        foreach (var c in word)
        {
            hash = (hash ^ c) * Multiplier;
        }

        return (uint)(hash >> 32);
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

    private struct Entry
    {
        public uint Hash;
        public int CharStart;
        public int CharCount;
        public int TokenStart;
        public int TokenCount;
    }
}
