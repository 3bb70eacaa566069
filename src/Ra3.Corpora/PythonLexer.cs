namespace Ra3.Corpora;

/// <summary>
/// As much of Python's lexer as says, at the start of each physical line, whether it is inside a string or continues a backslash.
/// f-strings (and t-strings) follow the nested grammar of 3.12; source that is valid under the older one gives the same answer,
/// since there no quote of the string's own kind can stand in a replacement field.
/// </summary>
internal sealed class PythonLexer(string source)
{
    private readonly Stack<Level> levels = new();
    private bool continued;

    /// <summary>What the lexer is inside of, below plain code.</summary>
    private enum Kind
    {
        /// <summary>A string without replacement fields.</summary>
        String,

        /// <summary>The literal part of an f-string.</summary>
        Formatted,

        /// <summary>The code of a replacement field.</summary>
        Field,

        /// <summary>The format specification of a replacement field.</summary>
        Specification,
    }

    /// <summary>The next character; after <see cref="SkipLine"/>, the start of a line.</summary>
    public int Position { get; private set; }

    /// <summary>Whether the lexer stands in plain code (brackets included), where a whole line may be a comment.</summary>
    public bool InCode => levels.Count == 0 && !continued;

    /// <summary>Reads to the start of the next physical line, or to the end.</summary>
    public void SkipLine()
    {
        continued = false;
        while (Position < source.Length)
        {
            if (source[Position] is '\n' or '\r')
            {
                EndLine();
                return;
            }

            var continues = !levels.TryPeek(out var level) || level.Kind == Kind.Field ? Code() : Literal(level);
            if (continues)
            {
                return;
            }
        }
    }

    /// <summary>One lexeme of code; true when it was a backslash and the end of the line.</summary>
    private bool Code()
    {
        var c = source[Position];
        if (IsIdentifier(c))
        {
            var start = Position;
            while (Position < source.Length && IsIdentifier(source[Position]))
            {
                Position++;
            }

            if (Position < source.Length && source[Position] is '"' or '\'')
            {
                OpenString(source.AsSpan(start, Position - start));
            }

            return false;
        }

        switch (c)
        {
            case '"' or '\'':
                OpenString([]);
                return false;
            case '#':
                var end = source.AsSpan(Position).IndexOfAny('\n', '\r');
                Position = end < 0 ? source.Length : Position + end;
                return false;
            case '\\' when Peek(1) is '\n' or '\r':
                Position++;
                EndLine();
                continued = levels.Count == 0;
                return true;
        }

        if (levels.TryPop(out var field))
        {
            Punctuation(field, c);
        }

        Position++;
        return false;
    }

    /// <summary>Brackets, the colon and the closing brace of a replacement field (which was taken off the stack).</summary>
    private void Punctuation(Level field, char c)
    {
        switch (c)
        {
            case '(' or '[' or '{':
                levels.Push(field with { Depth = field.Depth + 1 });
                break;
            case '}' when field.Depth == 0:
                break;
            case ')' or ']' or '}':
                levels.Push(field with { Depth = Math.Max(0, field.Depth - 1) });
                break;
            case ':' when field.Depth == 0:
                levels.Push(field);
                levels.Push(field with { Kind = Kind.Specification });
                break;
            default:
                levels.Push(field);
                break;
        }
    }

    /// <summary>One character or escape of a string; true when it was a backslash and the end of the line.</summary>
    private bool Literal(Level level)
    {
        var c = source[Position];
        if (c == '\\')
        {
            return Escape(level);
        }

        if (c == level.Quote && (!level.Triple || (Peek(1) == c && Peek(2) == c)))
        {
            Position += level.Triple ? 3 : 1;
            Close();
            return false;
        }

        if (level.Kind != Kind.String && c == '{')
        {
            var doubled = level.Kind == Kind.Formatted && Peek(1) == '{';
            Position += doubled ? 2 : 1;
            if (!doubled)
            {
                levels.Push(level with { Kind = Kind.Field, Depth = 0 });
            }

            return false;
        }

        if (level.Kind == Kind.Specification && c == '}')
        {
            levels.Pop();
            levels.Pop();
        }

        Position++;
        return false;
    }

    private bool Escape(Level level)
    {
        Position++;
        switch (Peek(0))
        {
            case '\n' or '\r':
                EndLine(escaped: true);
                return true;
            case '{' or '}' when level.Kind != Kind.String:
                return false;
            case 'N' when level is { Kind: not Kind.String, Raw: false } && Peek(1) == '{':
                // \N{NAME}: no replacement field.
                var end = source.AsSpan(Position).IndexOfAny("}\"'\n\r");
                Position = end < 0 ? source.Length : Position + end + (source[Position + end] == '}' ? 1 : 0);
                return false;
            default:
                Position = Math.Min(source.Length, Position + 1);
                return false;
        }
    }

    private void OpenString(ReadOnlySpan<char> prefix)
    {
        var quote = source[Position];
        var triple = Peek(1) == quote && Peek(2) == quote;
        Position += triple ? 3 : 1;
        var (formatted, raw) = Prefix(prefix);
        levels.Push(new Level(formatted ? Kind.Formatted : Kind.String, quote, triple, raw));
    }

    /// <summary>The end of a string: of the f-string itself when the quote came in a format specification.</summary>
    private void Close()
    {
        while (levels.Pop().Kind is Kind.Specification or Kind.Field)
        {
        }
    }

    /// <summary>Reads \n, \r\n or \r. A string of single quotes that is still open was never closed: Python stops there, we go on in code.</summary>
    private void EndLine(bool escaped = false)
    {
        Position += source[Position] == '\r' && Peek(1) == '\n' ? 2 : 1;
        if (!escaped && levels.TryPeek(out var level) && level is { Triple: false, Kind: not Kind.Field })
        {
            Close();
        }
    }

    private char Peek(int ahead) => Position + ahead < source.Length ? source[Position + ahead] : '\0';

    private static bool IsIdentifier(char c) => char.IsAsciiLetterOrDigit(c) || c == '_' || c >= 0x80;

    /// <summary>A prefix of b, f, r, t, u in the orders Python knows; any other name before a quote stands for itself.</summary>
    private static (bool Formatted, bool Raw) Prefix(ReadOnlySpan<char> name)
    {
        Span<char> lower = stackalloc char[2];
        if (name.Length is 0 or > 2)
        {
            return (false, false);
        }

        name.ToLowerInvariant(lower);
        return lower[..name.Length] switch
        {
            "f" or "t" => (true, false),
            "fr" or "rf" or "tr" or "rt" => (true, true),
            _ => (false, false),
        };
    }

    private readonly record struct Level(Kind Kind, char Quote, bool Triple, bool Raw, int Depth = 0);
}
