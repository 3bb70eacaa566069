namespace Ra3.Corpora;

/// <summary>
/// Splits Python source into actions, by the rules of the Python lexer (3.8 to 3.14).
/// </summary>
/// <remarks>
/// Lines end at \n, \r\n or \r, as in Python; a blank line is one of white space only. Blank lines join the line before them (those that
/// begin a file, the first line), because the pre-tokenizers of Llama 3 and Qwen 2 to 3 take a run of newlines and blank lines as one
/// word: with them, encoding action by action gives the very tokens of encoding the whole text, for every string (added tokens aside that
/// hold or strip white space). GPT-2's words straddle line ends, so with it the concatenation is a valid encoding, but another one.
/// A comment is allowed before a line that starts outside of strings and f-strings (replacement fields of f-strings included, where
/// only 3.12 and later allow one), that does not continue a backslash, and that is not among the first two of the file (shebang, encoding).
/// Source that is not valid Python still splits, joins and errs on the side of allowing no comment.
/// </remarks>
public static class PythonActions
{
    /// <summary>The actions of a source text, in order; none for an empty text. Time and memory are linear.</summary>
    public static CodeAction[] Split(string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var actions = new List<CodeAction>();
        var lexer = new PythonLexer(source);
        var start = 0;
        var code = Line.Blank;
        var allowed = false;
        for (var number = 0; lexer.Position < source.Length; number++)
        {
            var lineStart = lexer.Position;
            var free = lexer.InCode;
            lexer.SkipLine();
            var line = Line.Of(source, lineStart, lexer.Position);
            if (line.IsBlank)
            {
                continue;
            }

            if (!code.IsBlank)
            {
                actions.Add(Action(start, lineStart, code, allowed));
                start = lineStart;
                allowed = free && number >= 2;
            }

            code = line with { IsComment = line.IsComment && free };
        }

        if (source.Length > 0)
        {
            actions.Add(Action(start, source.Length, code, allowed));
        }

        return [.. actions];

        CodeAction Action(int from, int to, Line line, bool commentAllowed)
            => new(from, to - from, source[line.IndentStart..line.IndentEnd], commentAllowed, line.IsComment);
    }

    private readonly record struct Line(bool IsBlank, int IndentStart, int IndentEnd, bool IsComment)
    {
        public static readonly Line Blank = new(IsBlank: true, 0, 0, IsComment: false);

        public static Line Of(string source, int start, int end)
        {
            if (source.AsSpan(start, end - start).IsWhiteSpace())
            {
                return Blank;
            }

            // A byte order mark is no part of the first line.
            start += start == 0 && source[0] == '\uFEFF' ? 1 : 0;
            var indentEnd = start;
            while (indentEnd < end && source[indentEnd] is ' ' or '\t' or '\f')
            {
                indentEnd++;
            }

            return new Line(IsBlank: false, start, indentEnd, indentEnd < end && source[indentEnd] == '#');
        }
    }
}
