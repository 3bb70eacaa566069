namespace Ra3.Cli.Training;

/// <summary>Counts the steps of a sitting in which no group had signal, and finds the words for them: at the first such step,
/// early where there was nothing else, and at the end.</summary>
/// <param name="step">What a step is called.</param>
internal sealed class StepsWithoutSignal(string step)
{
    private const int Early = 5;
    private int steps;
    private int silent;

    /// <summary>What is to be said after a step; null for nothing.</summary>
    /// <param name="number">Of the step, counted from 1.</param>
    /// <param name="share">Share of its groups without signal.</param>
    /// <param name="remedy">What may help, as an imperative.</param>
    public string? After(long number, double share, string remedy)
    {
        steps++;
        if (share < 1)
        {
            return null;
        }

        silent++;
        return silent == Early && steps == Early
            ? $"Nothing has been learnt in {Early} {step}s: in none of them did the members of any group differ. {remedy}"
            : silent == 1 ? $"{step} {number}: the members of every group were rewarded alike, so it taught nothing." : null;
    }

    /// <summary>What is to be said at the end; null for nothing.</summary>
    public string? AtEnd() => silent == 0 ? null
        : $"In {silent} of {steps} {step}s no group had signal; they taught nothing.";
}
