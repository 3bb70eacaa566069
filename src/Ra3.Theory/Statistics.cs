using MathNet.Numerics.Distributions;

namespace Ra3.Theory;

/// <summary>An estimate and its two-sided confidence interval.</summary>
/// <param name="Value">The point estimate.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
internal readonly record struct Estimate(double Value, double Low, double High)
{
    /// <summary>Confidence level of every interval unless said otherwise: one interval in a thousand misses.</summary>
    public const double Level = 0.999;

    /// <summary>Student-t interval for a mean of independent draws.</summary>
    public static Estimate Mean(IReadOnlyList<double> draws)
    {
        double mean = draws.Average();
        double variance = draws.Sum(x => (x - mean) * (x - mean)) / (draws.Count - 1);
        double half = StudentT.InvCDF(0, 1, draws.Count - 1, (1 + Level) / 2) * Math.Sqrt(variance / draws.Count);
        return new Estimate(mean, mean - half, mean + half);
    }

    /// <summary>The median, with an interval between two order statistics: valid for any continuous distribution.</summary>
    /// <param name="draws">Independent draws; with fewer than 11 no pair of order statistics reaches 99.9 %, and the interval is the range.</param>
    public static Estimate Median(IReadOnlyList<double> draws)
    {
        double[] sorted = [.. draws.Order()];
        int n = sorted.Length;

        // The number of draws below the median is Binomial(n, 1/2): leave out as many at each end as the tail allows.
        int cut = 0;
        while (Binomial.CDF(0.5, n, cut) <= (1 - Level) / 2)
        {
            cut++;
        }

        cut = Math.Max(0, cut - 1);
        return new Estimate((sorted[(n - 1) / 2] + sorted[n / 2]) / 2, sorted[cut], sorted[n - 1 - cut]);
    }

    /// <summary>Clopper–Pearson interval for a probability: exact coverage of at least <paramref name="level"/>.</summary>
    public static Estimate Proportion(int successes, int trials, double level = Level)
    {
        double tail = (1 - level) / 2;
        double low = successes == 0 ? 0 : Beta.InvCDF(successes, trials - successes + 1, tail);
        double high = successes == trials ? 1 : Beta.InvCDF(successes + 1, trials - successes, 1 - tail);
        return new Estimate((double)successes / trials, low, high);
    }

    /// <summary>
    /// Least-squares slope of y on x, with a normal interval from the heteroscedasticity-robust variance: the spread of the
    /// draws changes along x here.
    /// </summary>
    public static Estimate Slope(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        double meanX = x.Average();
        double meanY = y.Average();
        double sxx = x.Sum(v => (v - meanX) * (v - meanX));
        double slope = x.Zip(y, (a, b) => (a - meanX) * (b - meanY)).Sum() / sxx;
        double variance = x.Zip(y, (a, b) => Math.Pow((a - meanX) * (b - meanY - (slope * (a - meanX))), 2)).Sum() / (sxx * sxx);
        double half = Normal.InvCDF(0, 1, (1 + Level) / 2) * Math.Sqrt(variance);
        return new Estimate(slope, slope - half, slope + half);
    }
}
