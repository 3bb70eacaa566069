using System.Numerics;

namespace Ra3.Theory;

/// <summary>
/// The hard family for pruning, whose badness is known in closed form. A task is one decision: an abstraction either solves
/// it (value 1) or does not (value 0). Every task is solved by exactly one of the K planted abstractions, uniformly, and by
/// each other abstraction independently with probability <c>q = 1 − σ^{1/K}</c>. So the planted set is good on every task
/// (Z_ε for every ε in [0, 1)), and a set of K with i planted members fails on a task with probability
/// <c>(1 − i/K)(1 − q)^{K−i}</c>: exactly σ when i = 0.
/// </summary>
internal sealed class PlantedFamily
{
    private readonly int abstractions;
    private readonly int goodSize;
    private readonly double others;
    private readonly bool[] bad;

    /// <param name="abstractions">|Z|.</param>
    /// <param name="goodSize">K = |Z_ε|.</param>
    /// <param name="badShare">σ: sets that fail on at least this share of tasks are bad.</param>
    public PlantedFamily(int abstractions, int goodSize, double badShare)
    {
        (this.abstractions, this.goodSize) = (abstractions, goodSize);
        others = 1 - Math.Pow(badShare, 1.0 / goodSize);
        bad = [.. Enumerable.Range(0, goodSize + 1).Select(planted => FailureProbability(planted) >= badShare - 1e-12)];
    }

    /// <summary>Whether a set of K with this many planted members is bad.</summary>
    public bool IsBad(int planted) => bad[planted];

    /// <summary>The share of tasks on which a set of K with this many planted members fails.</summary>
    public double FailureProbability(int planted) =>
        (1 - ((double)planted / goodSize)) * Math.Pow(1 - others, goodSize - planted);

    /// <summary>Draws expert samples.</summary>
    /// <returns><c>[z]</c>: the tasks that abstraction z solves, a bit each; at least <paramref name="count"/> tasks, in whole words of 64.</returns>
    public ulong[][] Draw(Random random, int count)
    {
        int words = (count + 63) / 64;
        ulong[][] solves = [.. Enumerable.Range(0, abstractions).Select(_ => new ulong[words])];
        for (int n = 0; n < words * 64; n++)
        {
            solves[random.Next(goodSize)][n / 64] |= 1UL << (n % 64);
            for (int z = goodSize; z < abstractions; z++)
            {
                if (random.NextDouble() < others)
                {
                    solves[z][n / 64] |= 1UL << (n % 64);
                }
            }
        }

        return solves;
    }

    /// <summary>Takes the expert samples in order until every bad set of K is ruled out; returns how many it took.</summary>
    /// <param name="solves">The samples, as <see cref="Draw"/> gives them.</param>
    /// <exception cref="InvalidOperationException">They did not suffice.</exception>
    public int SamplesUntilPruned(ulong[][] solves)
    {
        int words = solves[0].Length;
        ulong[][] covered = [.. Enumerable.Range(0, goodSize).Select(_ => new ulong[words])];
        int latest = Search(solves, covered, depth: 0, start: 0, planted: 0, latest: -1);
        return latest < words * 64 ? latest + 1 : throw new InvalidOperationException($"{words * 64} expert samples did not rule out every bad set.");
    }

    // The latest first failure over all bad sets; covered[depth] holds the tasks that the members chosen so far solve.
    private int Search(ulong[][] solves, ulong[][] covered, int depth, int start, int planted, int latest)
    {
        ulong[] chosen = covered[depth];
        for (int z = start; z < abstractions; z++)
        {
            int nowPlanted = planted + (z < goodSize ? 1 : 0);
            if (depth < goodSize - 1)
            {
                for (int w = 0; w < chosen.Length; w++)
                {
                    covered[depth + 1][w] = chosen[w] | solves[z][w];
                }

                latest = Search(solves, covered, depth + 1, z + 1, nowPlanted, latest);
            }
            else if (bad[nowPlanted])
            {
                int word = 0;
                while (word < chosen.Length && (chosen[word] | solves[z][word]) == ulong.MaxValue)
                {
                    word++;
                }

                int failure = word == chosen.Length ? word * 64 : (word * 64) + BitOperations.TrailingZeroCount(~(chosen[word] | solves[z][word]));
                latest = Math.Max(latest, failure);
            }
        }

        return latest;
    }
}
