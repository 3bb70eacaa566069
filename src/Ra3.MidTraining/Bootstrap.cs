using Ra3.Corpora;
using Ra3.Models;

namespace Ra3.MidTraining;

/// <summary>What the latents of a bootstrapped corpus amount to.</summary>
/// <param name="Choices">Lines at which a comment was possible.</param>
/// <param name="Thoughts">Latents written.</param>
/// <param name="Lines">All lines.</param>
/// <param name="LatentTokens">Content tokens of all latents.</param>
public sealed record LatentCounts(long Choices, long Thoughts, long Lines, long LatentTokens)
{
    /// <summary>Of no trajectory.</summary>
    public static LatentCounts None { get; } = new(0, 0, 0, 0);

    /// <summary>Thoughts per choice.</summary>
    public double ThinkShare => Choices > 0 ? (double)Thoughts / Choices : 0;

    /// <summary>Lines per thought; infinite without thoughts.</summary>
    public double LinesPerAbstraction => Thoughts > 0 ? (double)Lines / Thoughts : double.PositiveInfinity;

    /// <summary>Mean content tokens of a latent.</summary>
    public double MeanLatentTokens => Thoughts > 0 ? (double)LatentTokens / Thoughts : 0;

    /// <summary>Counts the steps of trajectories.</summary>
    public static LatentCounts Of(IEnumerable<Trajectory> trajectories)
    {
        long choices = 0, thoughts = 0, lines = 0, tokens = 0;
        foreach (var step in trajectories.SelectMany(trajectory => trajectory.Steps))
        {
            lines++;
            choices += step.Choice == StepChoice.None ? 0 : 1;
            if (step.Choice == StepChoice.Think)
            {
                thoughts++;
                tokens += step.Latent.Length;
            }
        }

        return new LatentCounts(choices, thoughts, lines, tokens);
    }

    /// <summary>Both together.</summary>
    public static LatentCounts operator +(LatentCounts a, LatentCounts b) =>
        new(a.Choices + b.Choices, a.Thoughts + b.Thoughts, a.Lines + b.Lines, a.LatentTokens + b.LatentTokens);
}

/// <summary>A document of the M-step's data (S): the latents of a sampled trajectory stand between its lines.</summary>
public static class Bootstrap
{
    /// <summary>
    /// A document with its latents as further actions: comments that carry no bytes of the source, so that the tokens of
    /// the source stay countable. Without latents it equals the document.
    /// </summary>
    public static EncodedDocument Join(EncodedDocument document, IEnumerable<Trajectory> trajectories)
    {
        var tokens = new List<int>(document.Tokens.Length);
        var actions = new List<EncodedAction>(document.Actions.Length);
        foreach (var trajectory in trajectories)
        {
            foreach (var step in trajectory.Steps)
            {
                var action = trajectory.Snippet.Actions[step.Line];
                if (step.Choice == StepChoice.Think)
                {
                    actions.Add(new EncodedAction(
                        tokens.Count, action.Opener.Length + step.Latent.Length, CommentAllowed: false, IsComment: true, action.Opener, ByteLength: 0));
                    tokens.AddRange(action.Opener);
                    tokens.AddRange(step.Latent);
                }

                actions.Add(action with { Start = tokens.Count });
                tokens.AddRange(trajectory.Snippet.TokensOf(step.Line));
            }
        }

        return new EncodedDocument(document.Id, [.. tokens], [.. actions]);
    }

    /// <summary>A control: the same thoughts at the same places, but each taken from another place by chance.</summary>
    /// <param name="documents">Documents with latents.</param>
    /// <param name="seed">Decides which goes where.</param>
    public static IReadOnlyList<EncodedDocument> Shuffle(IReadOnlyList<EncodedDocument> documents, long seed)
    {
        var contents = documents.SelectMany(document => document.Actions.Where(IsLatent).Select(action => Content(document, action))).ToArray();
        new SeededRandom(seed, "bootstrap/shuffle").Shuffle<int[]>(contents);
        var next = 0;
        return [.. documents.Select(document =>
        {
            var tokens = new List<int>(document.Tokens.Length);
            var actions = new EncodedAction[document.Actions.Length];
            for (var i = 0; i < actions.Length; i++)
            {
                var (action, start) = (document.Actions[i], tokens.Count);
                tokens.AddRange(IsLatent(action) ? [.. action.Opener, .. contents[next++]] : document.Tokens.AsSpan(action.Start, action.Length));
                actions[i] = action with { Start = start, Length = tokens.Count - start };
            }

            return new EncodedDocument(document.Id, [.. tokens], actions);
        })];

        static bool IsLatent(EncodedAction action) => action.IsComment && action.ByteLength == 0;

        static int[] Content(EncodedDocument document, EncodedAction action) =>
            document.Tokens[(action.Start + action.Opener.Length)..action.End];
    }
}
