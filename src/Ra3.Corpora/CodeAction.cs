namespace Ra3.Corpora;

/// <summary>
/// One action a_t of the method (S): a physical line of source together with the blank lines that follow it. The actions of a text,
/// joined, are the text.
/// </summary>
/// <param name="Start">Where the action begins, in UTF-16 characters from the start of the source.</param>
/// <param name="Length">Characters, line ends included; at least 1.</param>
/// <param name="Indent">The leading spaces, tabs and form feeds of the action's first line that is not blank: how a comment before it is indented.</param>
/// <param name="CommentAllowed">
/// Whether a comment line (indent + "# …" + newline) put immediately before the action is legal Python and leaves the program as it is.
/// </param>
/// <param name="IsComment">Whether the line is nothing but a comment.</param>
public readonly record struct CodeAction(int Start, int Length, string Indent, bool CommentAllowed, bool IsComment)
{
    /// <summary>The character after the last.</summary>
    public int End => Start + Length;
}
