using Ra3.Models;

namespace Ra3.Benchmarks;

/// <summary>pass@k and its uncertainty.</summary>
public static class Statistics
{
    /// <summary>
    /// The unbiased estimate of pass@k for one problem, <c>1 − C(n−c, k) / C(n, k)</c>
    /// (Chen et al. 2021, arXiv 2107.03374, eq. 1), as a product that never overflows.
    /// </summary>
    /// <param name="n">Samples drawn.</param>
    /// <param name="c">Samples that passed.</param>
    /// <param name="k">Tries allowed, at most n.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not 0 ≤ c ≤ n, or not 1 ≤ k ≤ n.</exception>
    public static double PassAtK(int n, int c, int k)
    {
        if (c < 0 || c > n || k < 1 || k > n)
        {
            throw new ArgumentOutOfRangeException(nameof(k), $"pass@{k} cannot be estimated from {c} of {n} samples.");
        }

        if (n - c < k)
        {
            return 1;
        }

        var fail = 1.0;
        for (var i = n - c + 1; i <= n; i++)
        {
            fail *= 1 - ((double)k / i);
        }

        return 1 - fail;
    }

    /// <summary>The mean over problems and its 95 % interval: Wilson's where each score is 0 or 1, or where all are
    /// equal (a bootstrap would give a point), else by bootstrap over problems (percentiles).</summary>
    /// <param name="scores">One score in [0, 1] per problem, at least one.</param>
    /// <param name="seed">Seed of the resampling.</param>
    /// <param name="resamples">Number of resamples.</param>
    public static Estimate Mean(IReadOnlyList<double> scores, int seed = 0, int resamples = 10_000)
    {
        var mean = scores.Average();
        if (scores.All(score => score is 0 or 1) || scores.All(score => score == scores[0]))
        {
            var (low, high) = Proportion.Interval(mean, scores.Count);
            return new Estimate(mean, low, high, scores.Count);
        }

        var random = new Random(seed);
        var means = new double[resamples];
        for (var r = 0; r < resamples; r++)
        {
            var sum = 0.0;
            for (var i = 0; i < scores.Count; i++)
            {
                sum += scores[random.Next(scores.Count)];
            }

            means[r] = sum / scores.Count;
        }

        Array.Sort(means);
        return new Estimate(mean, means[(int)(0.025 * resamples)], means[(int)(0.975 * resamples) - 1], scores.Count);
    }
}

/// <summary>A mean over problems with its 95 % interval.</summary>
/// <param name="Value">The estimate.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
/// <param name="Problems">Problems it is the mean of.</param>
public sealed record Estimate(double Value, double Low, double High, int Problems);
