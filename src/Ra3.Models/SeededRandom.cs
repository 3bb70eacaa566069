using System.Numerics;

namespace Ra3.Models;

/// <summary>
/// Random numbers that depend on a seed, a stream's name and indices alone (xoshiro256++, seeded by SplitMix64 over them):
/// sample 7 of step 12 is the same whoever draws it and in whatever order, so nothing needs saving for an exact resume.
/// </summary>
public sealed class SeededRandom
{
    private ulong a;
    private ulong b;
    private ulong c;
    private ulong d;

    /// <summary>The generator for one use.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="stream">What the numbers are for.</param>
    /// <param name="indices">Which use: step, sample, …</param>
    public SeededRandom(long seed, string stream, params ReadOnlySpan<long> indices)
    {
        var state = Mix((ulong)seed);
        foreach (var character in stream)
        {
            state = Mix(state ^ character);
        }

        foreach (var index in indices)
        {
            state = Mix(state + (ulong)index);
        }

        a = Mix(state + 1);
        b = Mix(state + 2);
        c = Mix(state + 3);
        d = Mix(state + 4);
    }

    /// <summary>64 random bits.</summary>
    public ulong NextBits()
    {
        var result = BitOperations.RotateLeft(a + d, 23) + a;
        var t = b << 17;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= t;
        d = BitOperations.RotateLeft(d, 45);
        return result;
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1L << 53));

    /// <summary>Uniform in [0, <paramref name="count"/>).</summary>
    public int NextInt(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return (int)(Math.BigMul(NextBits(), (ulong)count, out _));
    }

    /// <summary>Puts the items in a random order.</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = NextInt(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private static ulong Mix(ulong x)
    {
        x += 0x9e3779b97f4a7c15;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }
}
