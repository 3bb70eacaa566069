namespace Ra3.Corpora;

/// <summary>An action of an <see cref="EncodedDocument"/>.</summary>
/// <param name="Start">Its first token in the document.</param>
/// <param name="Length">Tokens; at least 1.</param>
/// <param name="CommentAllowed">Whether a thought may come before it; see <see cref="CodeAction.CommentAllowed"/>.</param>
/// <param name="IsComment">Whether it is a comment of the source's own.</param>
/// <param name="Opener">
/// The tokens that open a thought before it: its indent and "#". Shared between actions of equal indent; not to be written to.
/// </param>
/// <param name="ByteLength">UTF-8 bytes of the action, for bits per byte.</param>
public readonly record struct EncodedAction(int Start, int Length, bool CommentAllowed, bool IsComment, int[] Opener, int ByteLength)
{
    /// <summary>The token after the last.</summary>
    public int End => Start + Length;
}

/// <summary>A document, or a window of one, as tokens and the actions they make up. The actions cover the tokens without gap.</summary>
/// <param name="Id">Where the document came from.</param>
/// <param name="Tokens">Token ids, without any token to begin or end the text. Not to be written to.</param>
/// <param name="Actions">The actions, in order. Not to be written to.</param>
public sealed record EncodedDocument(string Id, int[] Tokens, EncodedAction[] Actions)
{
    /// <summary>UTF-8 bytes of all actions.</summary>
    public long ByteLength => Actions.Sum(action => (long)action.ByteLength);

    /// <summary>
    /// Cuts the document into consecutive windows of at most <paramref name="maxTokens"/> tokens, each of whole actions. An action that is
    /// longer than a window on its own is left out, and ends the window before it.
    /// </summary>
    public IEnumerable<EncodedDocument> Windows(int maxTokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        return Cut();

        IEnumerable<EncodedDocument> Cut()
        {
            var first = 0;
            for (var next = 0; next <= Actions.Length; next++)
            {
                var fits = next < Actions.Length && Actions[next].End - Actions[first].Start <= maxTokens;
                if (fits)
                {
                    continue;
                }

                if (next > first)
                {
                    yield return Window(first, next);
                }

                first = next < Actions.Length && Actions[next].Length > maxTokens ? next + 1 : next;
            }
        }
    }

    private EncodedDocument Window(int first, int end)
    {
        if (first == 0 && end == Actions.Length)
        {
            return this;
        }

        var start = Actions[first].Start;
        var tokens = Tokens[start..Actions[end - 1].End];
        return new EncodedDocument(Id, tokens, Array.ConvertAll(Actions[first..end], action => action with { Start = action.Start - start }));
    }
}
