namespace Ra3.PostTraining;

/// <summary>One line of rollouts.jsonl: a completion and what became of it.</summary>
public sealed record RolloutLine
{
    /// <summary>The file's name in a run folder.</summary>
    public const string FileName = "rollouts.jsonl";

    /// <summary>The step that learnt from it, from 1.</summary>
    public long Step { get; init; }

    /// <summary>Id of the problem.</summary>
    public required string Problem { get; init; }

    /// <summary>Id of its group, unique in the run.</summary>
    public required string Group { get; init; }

    /// <summary>Its place in the group.</summary>
    public required int Member { get; init; }

    /// <summary>The prompt.</summary>
    public required string Prompt { get; init; }

    /// <summary>The text, cut before the stop string.</summary>
    public required string Completion { get; init; }

    /// <summary>The reward, shaping included; null where the judge failed and the completion was dropped.</summary>
    public double? Reward { get; init; }

    /// <summary>Its advantage over the group.</summary>
    public double Advantage { get; init; }

    /// <summary>The verdict's name.</summary>
    public required string Verdict { get; init; }

    /// <summary>One line for a person.</summary>
    public string Detail { get; init; } = "";

    /// <summary>Tokens of the completion.</summary>
    public int Tokens { get; init; }

    /// <summary>Mean log-probability of its tokens when it was drawn, in nats.</summary>
    public double LogProb { get; init; }

    /// <summary>Whether it met the bound on new tokens.</summary>
    public bool Truncated { get; init; }

    /// <summary>Whether its group was replaced by dynamic sampling: not trained on.</summary>
    public bool Replaced { get; init; }

    /// <summary>Steps that the policy which drew it had learnt from.</summary>
    public long PolicyVersion { get; init; }

    /// <summary>Lines that are not blank.</summary>
    public int Lines { get; init; }

    /// <summary>Lines among them that are comments.</summary>
    public int ThinkLines { get; init; }

    internal static IEnumerable<RolloutLine> Of(RolloutBatch batch) => batch.Sampled.SelectMany(group => group.Members.Select((member, i) =>
    {
        var (lines, comments) = member.Lines();
        return new RolloutLine
        {
            Step = batch.Step + 1,
            Problem = group.Problem.Id,
            Group = group.Id,
            Member = i,
            Prompt = group.Problem.Prompt,
            Completion = member.Text,
            Reward = member.Reward,
            Advantage = member.Advantage,
            Verdict = member.Score.Verdict,
            Detail = member.Score.Detail,
            Tokens = member.Tokens.Length,
            LogProb = member.LogProbs.Average(),
            Truncated = member.Truncated,
            Replaced = batch.Replaced.Contains(group),
            PolicyVersion = member.PolicyVersion,
            Lines = lines,
            ThinkLines = comments,
        };
    }));
}
