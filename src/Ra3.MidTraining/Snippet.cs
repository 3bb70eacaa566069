using Ra3.Corpora;

namespace Ra3.MidTraining;

/// <summary>A stretch of whole lines of a document: the MDP's episode, with one line per step.</summary>
/// <param name="Document">The document.</param>
/// <param name="First">Its first action in the document.</param>
/// <param name="End">The action after its last.</param>
public sealed record Snippet(EncodedDocument Document, int First, int End)
{
    /// <summary>Its lines.</summary>
    public ReadOnlySpan<EncodedAction> Actions => Document.Actions.AsSpan(First, End - First);

    /// <summary>Its source tokens.</summary>
    public ReadOnlySpan<int> Tokens =>
        Document.Tokens.AsSpan(Document.Actions[First].Start, Document.Actions[End - 1].End - Document.Actions[First].Start);

    /// <summary>Tokens of a line, counted from the snippet's first.</summary>
    public ReadOnlySpan<int> TokensOf(int line)
    {
        var action = Actions[line];
        return Document.Tokens.AsSpan(action.Start, action.Length);
    }

    /// <summary>Where a line's tokens begin, counted from the snippet's first token.</summary>
    public int Offset(int line) => Actions[line].Start - Document.Actions[First].Start;

    /// <summary>
    /// Whether a latent may come before a line: a comment is legal there, the line is not itself a comment of the source
    /// (those stay ordinary lines), and the tokens of the opener before its "#" are the line's own first tokens, so that
    /// thinking and writing part at one token.
    /// </summary>
    public bool MayThink(int line)
    {
        var action = Actions[line];
        var indent = action.Opener.AsSpan(0, action.Opener.Length - 1);
        return action.CommentAllowed && !action.IsComment && indent.Length < action.Length && TokensOf(line).StartsWith(indent);
    }

    /// <summary>Tokens of a line that come before the choice between thinking and writing: its indent.</summary>
    public int IndentLength(int line) => Actions[line].Opener.Length - 1;

    /// <summary>Cuts a document into snippets of at most <paramref name="maxTokens"/> tokens. A line longer than that is a
    /// snippet of its own, so that the snippets, joined, give back the document.</summary>
    public static IEnumerable<Snippet> Cut(EncodedDocument document, int maxTokens)
    {
        var first = 0;
        for (var next = 1; next <= document.Actions.Length; next++)
        {
            if (next == document.Actions.Length
                || document.Actions[next].End - document.Actions[first].Start > maxTokens)
            {
                yield return new Snippet(document, first, next);
                first = next;
            }
        }
    }
}
