namespace Ra3.PostTraining;

/// <summary>What a completion earned.</summary>
/// <param name="Value">The reward; null drops the sample from its group (the judge failed, not the program).</param>
/// <param name="Verdict">A short name of the outcome, counted in the metrics: <c>passed</c>, <c>failed</c>, <c>timeout</c>, …</param>
/// <param name="Detail">One line for a person.</param>
public sealed record Score(double? Value, string Verdict, string Detail = "")
{
    /// <summary>The verdict of a completion that counts as a solution in pass@1, whatever its reward.</summary>
    public const string PassedVerdict = "passed";

    /// <summary>Whether it is one.</summary>
    public bool Passed => Verdict == PassedVerdict;
}

/// <summary>A verifiable reward: one class, one file, for one kind of problem.</summary>
public interface IReward
{
    /// <summary>Judges one completion; called from several threads at once.</summary>
    /// <param name="problem">What was asked.</param>
    /// <param name="completion">The text the policy wrote after the prompt, cut at the stop string.</param>
    /// <param name="stop">Cancels.</param>
    Task<Score> ScoreAsync(Problem problem, string completion, CancellationToken stop);
}
