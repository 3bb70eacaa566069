namespace Ra3.PostTraining;

/// <summary>One sampled completion. Every token was drawn by the one policy of <see cref="PolicyVersion"/>.</summary>
internal sealed class Rollout
{
    /// <summary>Tokens of the prompt.</summary>
    public required int[] Prompt { get; init; }

    /// <summary>New tokens, the end-of-text token or those of a stop string included: the policy chose them too.</summary>
    public required int[] Tokens { get; init; }

    /// <summary>Log-probability of each under the distribution it was drawn from.</summary>
    public required float[] LogProbs { get; init; }

    /// <summary>The completion, cut before the stop string.</summary>
    public required string Text { get; init; }

    /// <summary>Whether it met the bound on new tokens.</summary>
    public required bool Truncated { get; init; }

    /// <summary>Steps that the policy which drew it had learnt from.</summary>
    public required long PolicyVersion { get; init; }

    public Score Score { get; set; } = new(null, "not judged");

    /// <summary>The reward with shaping; null where the judge failed.</summary>
    public double? Reward { get; set; }

    public double Advantage { get; set; }

    /// <summary>Whether its tokens are in the loss: judged, and not masked as overlong.</summary>
    public bool InLoss { get; set; }

    /// <summary>Log-probabilities under the policy at the start of the step, where that is not the one that sampled.</summary>
    public float[]? OldLogProbs { get; set; }

    /// <summary>Lines that are not blank, and those among them that are comments.</summary>
    public (int All, int Comments) Lines()
    {
        var lines = Text.Split('\n').Select(line => line.AsSpan().Trim().ToString()).Where(line => line.Length > 0).ToList();
        return (lines.Count, lines.Count(line => line[0] == '#'));
    }
}

/// <summary>The completions of one problem that are compared with each other. Two groups of one problem stay two groups.</summary>
/// <param name="Id">Unique in a run: step and number within the step.</param>
/// <param name="Problem">What was asked.</param>
/// <param name="Prompt">Its tokens.</param>
/// <param name="Members">The completions.</param>
internal sealed record RolloutGroup(string Id, Problem Problem, int[] Prompt, IReadOnlyList<Rollout> Members)
{
    /// <summary>Whether the advantages are not all 0.</summary>
    public bool HasSignal { get; set; }
}

/// <summary>What a step learns from.</summary>
/// <param name="Step">Counted from 0.</param>
/// <param name="Version">Steps that the policy which sampled had learnt from.</param>
/// <param name="Groups">The groups of the step.</param>
/// <param name="Replaced">Groups without signal that dynamic sampling replaced; counted, not trained on.</param>
/// <param name="Seconds">Time it took to sample and judge.</param>
internal sealed record RolloutBatch(
    long Step, long Version, IReadOnlyList<RolloutGroup> Groups, IReadOnlyList<RolloutGroup> Replaced, double Seconds)
{
    public IEnumerable<RolloutGroup> Sampled => Groups.Concat(Replaced);
}
