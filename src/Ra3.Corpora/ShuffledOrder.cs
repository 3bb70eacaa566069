namespace Ra3.Corpora;

/// <summary>
/// An endless order over <paramref name="count"/> elements: each epoch is a permutation of its own, and any position can be asked for
/// directly, so a position is all it takes to resume. Nothing is stored: a keyed Feistel network permutes the next power of four, and
/// values past the count are sent through again (three more times on average at worst).
/// </summary>
/// <param name="seed">The same seed gives the same order.</param>
/// <param name="count">Elements; at least 1, at most 2^62.</param>
public sealed class ShuffledOrder(ulong seed, long count)
{
    private const int Rounds = 6;
    private readonly int halfBits = HalfBits(count);

    /// <summary>Elements an epoch.</summary>
    public long Count { get; } = count;

    /// <summary>The element (0 to Count − 1) at a position that counts on through the epochs; position / Count is the epoch.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The position is negative.</exception>
    public long At(long position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        var key = Mix(seed ^ Mix((ulong)(position / Count)));
        var value = (ulong)(position % Count);
        do
        {
            value = Permute(value, key);
        }
        while (value >= (ulong)Count);

        return (long)value;
    }

    private ulong Permute(ulong value, ulong key)
    {
        var mask = (1UL << halfBits) - 1;
        var (left, right) = (value >> halfBits, value & mask);
        for (var round = 1UL; round <= Rounds; round++)
        {
            (left, right) = (right, left ^ (Mix(key + (right * Rounds) + round) & mask));
        }

        return (left << halfBits) | right;
    }

    /// <summary>The finaliser of SplitMix64.</summary>
    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    private static int HalfBits(long count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, 1L << 62);
        var half = 1;
        while (1L << (2 * half) < count)
        {
            half++;
        }

        return half;
    }
}
