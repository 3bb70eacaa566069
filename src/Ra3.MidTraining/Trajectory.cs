namespace Ra3.MidTraining;

/// <summary>The choice before a line.</summary>
public enum StepChoice
{
    /// <summary>No comment is possible here, so there was nothing to choose.</summary>
    None,

    /// <summary>Write the line: the paper's &lt;act&gt; (S).</summary>
    Act,

    /// <summary>Write a comment, then the line: the paper's &lt;think&gt; (S).</summary>
    Think,

    /// <summary>A comment was begun and did not end in time; the context goes on as after <see cref="Act"/> (C).</summary>
    Invalid,
}

/// <summary>What q did before one line.</summary>
/// <param name="Line">The line, counted in the snippet.</param>
/// <param name="Choice">Its choice.</param>
/// <param name="Attach">Trunk tokens that the choice saw.</param>
/// <param name="Prefix">Own tokens of the trajectory that the choice saw.</param>
/// <param name="Latent">Content tokens after the opener's "#", the closing one included; empty after <see cref="StepChoice.Act"/>.</param>
/// <param name="DecisionLogProb">log q of the choice: log p(#) or log(1 − p(#)).</param>
/// <param name="BehaviourLogProb">The same for what the choice was drawn from, exploration included.</param>
/// <param name="LatentLogProbs">log q of each content token.</param>
public sealed record LatentStep(
    int Line, StepChoice Choice, int Attach, int Prefix, int[] Latent,
    double DecisionLogProb, double BehaviourLogProb, float[] LatentLogProbs);

/// <summary>A sampled path through the lines of a snippet: what the trunk holds, then its own tokens.</summary>
/// <param name="Snippet">The lines.</param>
/// <param name="FirstLine">Where it starts.</param>
/// <param name="Attach">Trunk tokens it continues.</param>
/// <param name="Tokens">Own tokens, valid latents included; empty where it never left the trunk.</param>
/// <param name="Steps">One a line, in order from <paramref name="FirstLine"/>.</param>
/// <param name="LineStarts">For each step's line, where its source tokens begin among the own ones; −1 where the trunk holds it.</param>
public sealed record Trajectory(
    Snippet Snippet, int FirstLine, int Attach, IReadOnlyList<int> Tokens,
    IReadOnlyList<LatentStep> Steps, IReadOnlyList<int> LineStarts)
{
    /// <summary>The snippet from its first line to its last without a thought: nothing but the trunk.</summary>
    public static Trajectory Plain(Snippet snippet)
    {
        var lines = Enumerable.Range(0, snippet.Actions.Length);
        return new Trajectory(
            snippet, 0, Attach: 1, [], [.. lines.Select(line => new LatentStep(line, StepChoice.None, 1, 0, [], 0, 0, []))], [.. lines.Select(_ => -1)]);
    }

    /// <summary>One line behind one thought, on a trunk that holds the snippet.</summary>
    /// <param name="snippet">The snippet.</param>
    /// <param name="line">The line.</param>
    /// <param name="latent">Content tokens of the thought, the closing one included.</param>
    public static Trajectory OfThought(Snippet snippet, int line, int[] latent)
    {
        var attach = 1 + snippet.Offset(line) + snippet.IndentLength(line);
        return new Trajectory(
            snippet, line, attach, [snippet.Actions[line].Opener[^1], .. latent, .. snippet.TokensOf(line)],
            [new LatentStep(line, StepChoice.Think, attach, 0, latent, 0, 0, [])], [1 + latent.Length]);
    }
}
