using Ra3.Models;

namespace Ra3.MidTraining;

/// <summary>
/// One trajectory in the making, as a machine that the sampling loop drives. Where the trunk already holds the source, it
/// stays on the trunk for as long as it only writes, and leaves it with its first thought.
/// </summary>
internal sealed class LatentWalk(
    Snippet snippet, int firstLine, int end, int attach, LatentOptions options, LatentFormat format, SeededRandom random)
{
    private const int LeastAhead = 16;
    private const int MostAhead = 128;

    private readonly List<int> tokens = [];
    private readonly List<LatentStep> steps = [];
    private readonly List<int> lineStarts = [];
    private readonly List<float> latentLogProbs = [];
    private int lines; // lines passed so far
    private int written; // tokens of the present line among the own ones, since its start or since its latent
    private int latentStart = -1; // where the opener's "#" of the latent under way stands
    private double decision;
    private double behaviour;
    private bool onTrunk;
    private int lookAhead = 4 * LeastAhead; // source tokens read before the choices among them are made

    /// <summary>Trunk tokens that the own ones continue.</summary>
    public int Attach { get; private set; } = attach;

    /// <summary>The line it is at.</summary>
    public int Line => firstLine + lines;

    /// <summary>Source tokens it has passed.</summary>
    public int Passed => (Line < snippet.Actions.Length ? snippet.Offset(Line) + written : snippet.Tokens.Length) - snippet.Offset(firstLine);

    /// <summary>Own tokens so far; the last may still have to be fed.</summary>
    public IReadOnlyList<int> Tokens => tokens;

    /// <summary>Whether it is done.</summary>
    public bool Finished => Line == end;

    /// <summary>Whether a choice comes before anything else.</summary>
    public bool AtDecision => !Finished && latentStart < 0 && steps.Count == lines
        && snippet.MayThink(Line) && written == snippet.IndentLength(Line);

    /// <summary>Whether the next token is drawn from q.</summary>
    public bool AtLatent => latentStart >= 0;

    /// <summary>The token that opens a thought here.</summary>
    public int OpenerToken => snippet.Actions[Line].Opener[^1];

    /// <summary>Whether it has no tokens of its own after an invalid latent right on a trunk that holds the source.</summary>
    public bool IsBackOnTrunk => onTrunk && tokens.Count == 0;

    /// <summary>Passes the present line on the trunk, which holds its source, unless it begins a thought before it.</summary>
    /// <param name="attachAt">Trunk tokens up to the choice.</param>
    /// <param name="logProbs">log q of either choice there; of no meaning where a comment is not possible.</param>
    /// <param name="exploration">Probability of thinking whatever q says.</param>
    public void PassLineOnTrunk(int attachAt, ChoiceLogProbs logProbs, double exploration)
    {
        onTrunk = true;
        Attach = attachAt;
        var choice = snippet.MayThink(Line) ? StepChoice.Act : StepChoice.None;
        if (choice == StepChoice.Act && Choose(logProbs, exploration))
        {
            return;
        }

        if (choice == StepChoice.None)
        {
            (decision, behaviour) = (0, 0);
        }

        Record(choice, 0, []);
        lineStarts.Add(-1);
        lines++;
    }

    /// <summary>Chooses away from the trunk.</summary>
    public void Decide(ChoiceLogProbs logProbs, double exploration)
    {
        if (!Choose(logProbs, exploration))
        {
            Record(StepChoice.Act, tokens.Count, []);
            lineStarts.Add(tokens.Count - written);
        }
    }

    /// <summary>Takes a content token drawn for the latent under way. An invalid latent leaves <see cref="Tokens"/> again.</summary>
    public void Extend(int token, double logProb)
    {
        tokens.Add(token);
        latentLogProbs.Add((float)logProb);
        int[] latent = [.. tokens.Skip(latentStart + 1)];
        var prefix = latentStart;
        if (format.Closes(token))
        {
            Record(StepChoice.Think, prefix, latent);
            (latentStart, written) = (-1, 0); // the line is written from its indent on
            lineStarts.Add(tokens.Count);
            return;
        }

        if (latent.Length < options.MaxTokens)
        {
            return;
        }

        tokens.RemoveRange(prefix, tokens.Count - prefix);
        Record(StepChoice.Invalid, prefix, latent);
        latentStart = -1;
        lineStarts.Add(IsBackOnTrunk ? -1 : tokens.Count - written);
    }

    /// <summary>After an invalid latent right on the trunk: the line is the trunk's after all.</summary>
    public void ReturnToTrunk() => lines++;

    /// <summary>Appends the next source token.</summary>
    private void WriteSource()
    {
        if (steps.Count == lines && !snippet.MayThink(Line))
        {
            (decision, behaviour) = (0, 0);
            Record(StepChoice.None, tokens.Count, []);
            lineStarts.Add(tokens.Count);
        }

        var source = snippet.TokensOf(Line);
        tokens.Add(source[written++]);
        if (written == source.Length)
        {
            (lines, written) = (lines + 1, 0);
        }
    }

    /// <summary>The source tokens that come next, and the choices among them, if no thought intervenes: as far as it pays to read at
    /// once, up to a choice where one is in reach. Reading further changes nothing but time.</summary>
    public SourceAhead Ahead()
    {
        var (source, choices) = (new List<int>(), new List<ChoiceAhead>());
        var (line, at, chosen) = (Line, written, steps.Count > lines);
        while (line < end && source.Count < lookAhead)
        {
            source.Add(snippet.TokensOf(line)[at++]);
            if (at == snippet.Actions[line].Length)
            {
                (line, at, chosen) = (line + 1, 0, false);
            }

            if (line < end && !chosen && snippet.MayThink(line) && at == snippet.IndentLength(line))
            {
                choices.Add(new ChoiceAhead(line, source.Count, snippet.Actions[line].Opener[^1]));
                chosen = true;
            }
        }

        var count = choices.Count > 0 ? choices[^1].Tokens : source.Count;
        return new SourceAhead(source[..count], choices);
    }

    /// <summary>Writes the source that was read ahead, choice by choice, up to the first thought.</summary>
    /// <param name="ahead">What <see cref="Ahead"/> gave.</param>
    /// <param name="logProbs">log q of either choice at each of its choices.</param>
    /// <param name="exploration">By line: probability of thinking whatever q says.</param>
    public void Follow(SourceAhead ahead, ReadOnlySpan<ChoiceLogProbs> logProbs, Func<int, double> exploration)
    {
        var passed = 0;
        for (var i = 0; i < ahead.Choices.Count; i++)
        {
            for (; passed < ahead.Choices[i].Tokens; passed++)
            {
                WriteSource();
            }

            Decide(logProbs[i], exploration(Line));
            if (AtLatent)
            {
                lookAhead = Math.Max(LeastAhead, lookAhead / 2);
                return;
            }
        }

        for (; passed < ahead.Tokens.Count; passed++)
        {
            WriteSource();
        }

        lookAhead = Math.Min(MostAhead, lookAhead * 2);
    }

    /// <summary>Appends the rest of the source if no choice lies ahead any more; then nothing need be fed.</summary>
    public bool FinishIfDecided()
    {
        if (AtLatent || AtDecision || (steps.Count == lines && !Finished && snippet.MayThink(Line)))
        {
            return false;
        }

        for (var ahead = Line + 1; ahead < end; ahead++)
        {
            if (snippet.MayThink(ahead))
            {
                return false;
            }
        }

        while (!Finished)
        {
            WriteSource();
        }

        return true;
    }

    /// <summary>The finished trajectory.</summary>
    public Trajectory ToTrajectory() => new(snippet, firstLine, Attach, tokens, steps, lineStarts);

    private bool Choose(ChoiceLogProbs logProbs, double exploration)
    {
        var thinks = random.NextDouble() < exploration + ((1 - exploration) * Math.Exp(logProbs.Think));
        decision = thinks ? logProbs.Think : logProbs.Act;
        behaviour = exploration == 0 ? decision
            : thinks ? Math.Log(exploration + ((1 - exploration) * Math.Exp(logProbs.Think)))
            : Math.Log(1 - exploration) + logProbs.Act;
        if (thinks)
        {
            latentStart = tokens.Count;
            tokens.Add(OpenerToken);
        }

        return thinks;
    }

    /// <summary>A uniform number for the next draw.</summary>
    public double NextUniform() => random.NextDouble();

    private void Record(StepChoice choice, int prefix, int[] latent)
    {
        steps.Add(new LatentStep(Line, choice, Attach, prefix, latent, decision, behaviour, [.. latentLogProbs]));
        latentLogProbs.Clear();
    }
}

/// <summary>Source to come, as far as it is read at once.</summary>
/// <param name="Tokens">Its tokens.</param>
/// <param name="Choices">The choices among them.</param>
internal sealed record SourceAhead(List<int> Tokens, List<ChoiceAhead> Choices);

/// <summary>A choice to come.</summary>
/// <param name="Line">Before which line.</param>
/// <param name="Tokens">Tokens ahead that come before it, at least one.</param>
/// <param name="Opener">The token that would open a thought.</param>
internal readonly record struct ChoiceAhead(int Line, int Tokens, int Opener);

/// <summary>log q of thinking and of writing at one place.</summary>
/// <param name="Think">log p(#).</param>
/// <param name="Act">log(1 − p(#)).</param>
internal readonly record struct ChoiceLogProbs(float Think, float Act)
{
    private const double AlmostOne = 1 - 1e-6;

    /// <summary>log(1 − p) from log p, the one way it is computed in sampling and training; finite for p rounded to 1.</summary>
    public static TorchSharp.torch.Tensor Complement(TorchSharp.torch.Tensor logThink) => (-logThink.exp().clamp(max: Kept.Scalar(AlmostOne))).log1p();
}
