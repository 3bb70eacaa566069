namespace Ra3.Models;

/// <summary>
/// How well a share of successes among independent trials is known, by Wilson's score interval (1927): never a point,
/// not even at 0 of n or n of n, and never outside [0, 1].
/// </summary>
public static class Proportion
{
    /// <summary>The interval of a share.</summary>
    /// <param name="share">Share of successes, in [0, 1].</param>
    /// <param name="trials">Number of trials; 0 gives NaN.</param>
    /// <param name="deviations">Half its width in standard deviations of the normal distribution; 1.96 is 95 %.</param>
    public static (double Low, double High) Interval(double share, int trials, double deviations = 1.959964)
    {
        var square = deviations * deviations / trials;
        var centre = (share + (square / 2)) / (1 + square);
        var half = Math.Sqrt((share * (1 - share) * square) + (square * square / 4)) / (1 + square);
        return trials == 0 ? (double.NaN, double.NaN) : (Math.Max(0, centre - half), Math.Min(1, centre + half));
    }

    /// <summary>The standard error of a share: half of Wilson's interval at one deviation. With many trials this is
    /// √(p(1 − p)/n); at 0 of n it is 1/(2(n + 1)), not 0.</summary>
    /// <param name="share">Share of successes, in [0, 1].</param>
    /// <param name="trials">Number of trials; 0 gives NaN.</param>
    public static double StandardError(double share, int trials)
    {
        var (low, high) = Interval(share, trials, 1);
        return (high - low) / 2;
    }

    /// <summary>The standard error of the difference of two shares over the same trials. A quarter of a trial is added
    /// to each of the four outcomes (Agresti and Min 2005, at one deviation), so that it is not 0 where both always
    /// agree.</summary>
    /// <param name="onlyFirst">Trials in which the first alone succeeded.</param>
    /// <param name="onlySecond">Trials in which the second alone succeeded.</param>
    /// <param name="trials">Number of trials; 0 gives NaN.</param>
    public static double PairedStandardError(int onlyFirst, int onlySecond, int trials)
    {
        var n = trials + 1.0;
        var difference = (onlyFirst - onlySecond) / n;
        var variance = ((onlyFirst + onlySecond + 0.5) / n) - (difference * difference);
        return trials == 0 ? double.NaN : Math.Sqrt(variance / n);
    }
}
