namespace Ra3.PostTraining;

/// <summary>From the rewards of a group to the advantage of each completion.</summary>
public static class GroupAdvantages
{
    private const double LeastStd = 1e-6;

    /// <summary>Whether the rewards differ: a group of equal ones has advantages of 0 and teaches nothing.</summary>
    public static bool HaveSignal(IReadOnlyList<double> rewards) => rewards.Any(reward => reward != rewards[0]);

    /// <summary>Each reward less its baseline: r − mean(all) or r − mean(others); divided, if asked, by the sample standard
    /// deviation of the group (n − 1 in the denominator) + 1e-6.</summary>
    /// <param name="rewards">Of one group, the dropped ones left out; at least two.</param>
    /// <param name="baseline">Which baseline.</param>
    /// <param name="normalizeByStd">Whether to divide.</param>
    public static double[] Of(IReadOnlyList<double> rewards, GroupBaseline baseline, bool normalizeByStd)
    {
        var (count, sum) = (rewards.Count, rewards.Sum());
        var mean = sum / count;
        var scale = normalizeByStd ? 1 / (Math.Sqrt(rewards.Sum(reward => (reward - mean) * (reward - mean)) / (count - 1)) + LeastStd) : 1;
        return [.. rewards.Select(reward => scale * (reward - (baseline == GroupBaseline.Mean ? mean : (sum - reward) / (count - 1))))];
    }

    /// <summary>What a long completion loses (DAPO): 0 up to bound − buffer tokens, then linearly down to −1 at the bound.</summary>
    /// <param name="tokens">Tokens of the completion.</param>
    /// <param name="bound">Most tokens of a completion.</param>
    /// <param name="buffer">Tokens over which the penalty grows.</param>
    public static double OverlongPenalty(int tokens, int bound, int buffer) =>
        -Math.Clamp((tokens - (bound - buffer)) / (double)buffer, 0, 1);
}
