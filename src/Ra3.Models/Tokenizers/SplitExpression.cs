using System.Globalization;
using System.Text;

namespace Ra3.Models.Tokenizers;

/// <summary>
/// An expression of a Split step. These are written for Oniguruma (Ruby's syntax), which differs from .NET's: sets within sets and &amp;&amp;,
/// possessive quantifiers, scripts, \x{…}, \h, (?m). The expression is read here into .NET's syntax and sets of code points; what would
/// mean something else in .NET and is not read is refused.
/// </summary>
internal sealed class SplitExpression
{
    private readonly string text;
    private readonly List<(string Syntax, CodePointSet? Set)> parts = [];
    private int position;

    private SplitExpression(string text) => this.text = text;

    /// <summary>In order, either syntax that .NET has too, or a set that one code point is matched against.</summary>
    public IReadOnlyList<(string Syntax, CodePointSet? Set)> Parts => parts;

    private bool AtEnd => position >= text.Length;

    /// <summary>Reads an expression.</summary>
    /// <exception cref="InvalidDataException">It is not one, or holds what is not supported; says what.</exception>
    public static SplitExpression Parse(string text)
    {
        var expression = new SplitExpression(text);
        expression.Alternatives(default);
        return expression.AtEnd ? expression : throw expression.Unsupported("a ) too many");
    }

    private void Alternatives(Options options)
    {
        while (!AtEnd && text[position] != ')')
        {
            if (Take("|"))
            {
                Add("|");
            }
            else if (!(options.Extended && SkipSpace()))
            {
                var start = parts.Count;
                Atom(options);
                Quantifiers(start);
            }
        }
    }

    private bool SkipSpace()
    {
        if (Take("#"))
        {
            while (!AtEnd && text[position] != '\n')
            {
                position++;
            }

            return true;
        }

        if (UnicodeSets.Space.Contains(text[position]))
        {
            position++;
            return true;
        }

        return false;
    }

    private void Atom(Options options)
    {
        switch (text[position])
        {
            case '(':
                Group(options);
                break;
            case '[':
                position++;
                Add(Set(options));
                break;
            case '\\':
                Escape(options);
                break;
            case '.':
                position++;
                Add(options.DotAll ? CodePointSet.All : CodePointSet.Of('\n').Complement());
                break;
            case '^': // behind a line end, but not where the text ends
                position++;
                Add("(?<!");
                Add(CodePointSet.Of('\n').Complement());
                Add(")(?!(?<=");
                Add(CodePointSet.Of('\n'));
                Add(")\\z)");
                break;
            case '$':
                position++;
                Add("(?=");
                Add(CodePointSet.Of('\n'));
                Add("|\\z)");
                break;
            case '*' or '+' or '?':
                throw Unsupported($"a {text[position]} with nothing before it");
            default:
                Add(Cased(CodePointSet.Of(TakeCodePoint()), options));
                break;
        }
    }

    private void Group(Options options)
    {
        if (Take("(?#"))
        {
            position = text.IndexOf(')', position) is var end and >= 0 ? end + 1 : throw Unsupported("a comment without end");
            return;
        }

        string[] kinds = ["(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"];
        var inner = options;
        var isolated = false;
        if (Array.Find(kinds, Take) is { } kind)
        {
            Add(kind);
        }
        else if (Take("(?<"))
        {
            // A name without references to it is as good as none.
            position = text.IndexOf('>', position) is var end and >= 0 ? end + 1 : throw Unsupported("a group name without end");
            Add("(?:");
        }
        else if (Take("(?"))
        {
            inner = OptionLetters(options);
            isolated = Take(")"); // holds to the end of the group around it, its further alternatives included
            if (!isolated && !Take(":"))
            {
                throw Unsupported("a group of this kind");
            }

            Add("(?:");
        }
        else
        {
            position++;
            Add("(?:");
        }

        Alternatives(inner);
        Add(")");
        if (!isolated && !Take(")"))
        {
            throw Unsupported("a group without end");
        }
    }

    private Options OptionLetters(Options options)
    {
        for (var on = true; !AtEnd; position++)
        {
            switch (text[position])
            {
                case '-':
                    on = false;
                    break;
                case 'i':
                    options = options with { IgnoreCase = on };
                    break;
                case 'm':
                    options = options with { DotAll = on };
                    break;
                case 'x':
                    options = options with { Extended = on };
                    break;
                default:
                    return options;
            }
        }

        return options;
    }

    private void Quantifiers(int start)
    {
        var count = 0;
        while (!AtEnd && start < parts.Count)
        {
            string quantifier;
            var isInterval = false;
            if (text[position] is '*' or '+' or '?')
            {
                quantifier = text[position++].ToString();
            }
            else if (Interval() is { } interval)
            {
                (quantifier, isInterval) = (interval, true);
            }
            else
            {
                return;
            }

            if (count++ > 0)
            {
                throw Unsupported("a quantifier of a quantifier");
            }

            if (isInterval && !quantifier.Contains(',', StringComparison.Ordinal) && !AtEnd && text[position] == '?')
            {
                throw Unsupported("{n}?"); // optional there, lazy in .NET
            }

            if (Take("?"))
            {
                Add(quantifier + "?");
            }
            else if (Take("+"))
            {
                // Possessive; but behind an interval a quantifier of its own.
                parts.Insert(start, (isInterval ? "(?:" : "(?>", null));
                Add(quantifier + (isInterval ? ")+" : ")"));
            }
            else
            {
                Add(quantifier);
            }
        }
    }

    /// <summary>{n}, {n,}, {n,m} or {,m}; null where the brace is ordinary text.</summary>
    private string? Interval()
    {
        if (text[position] != '{' || text.IndexOf('}', position) is not (var end and > 0))
        {
            return null;
        }

        var bounds = text[(position + 1)..end].Split(',');
        if (bounds.Length > 2 || bounds.All(bound => bound.Length == 0) || bounds.Any(bound => !bound.All(char.IsAsciiDigit)))
        {
            return null;
        }

        position = end + 1;
        return "{" + (bounds[0].Length == 0 ? "0" : bounds[0]) + (bounds.Length == 2 ? "," + bounds[1] : "") + "}";
    }

    private void Escape(Options options)
    {
        if (Named() is { } named)
        {
            Add(named);
            return;
        }

        switch (position + 1 < text.Length ? text[position + 1] : throw Unsupported("a \\ at the end"))
        {
            case 'A' or 'z':
                Add(text.Substring(position, 2));
                position += 2;
                break;
            case 'b':
                position += 2;
                Boundary("(?:(?<=", ")(?!", ")|(?<!", ")(?=", "))");
                break;
            case 'B':
                position += 2;
                Boundary("(?:(?<=", ")(?=", ")|(?<!", ")(?!", "))");
                break;
            default:
                Add(Cased(CodePointSet.Of(EscapedCodePoint()), options));
                break;
        }
    }

    private void Boundary(params ReadOnlySpan<string> syntax)
    {
        for (var i = 0; i < syntax.Length; i++)
        {
            Add(syntax[i]);
            if (i + 1 < syntax.Length)
            {
                Add(UnicodeSets.Word);
            }
        }
    }

    /// <summary>\s, \p{L} and their like; null where the escape is another one.</summary>
    private CodePointSet? Named()
    {
        var letter = position + 1 < text.Length ? text[position + 1] : '\0';
        if (letter is 'p' or 'P')
        {
            var end = text.IndexOf('}', position);
            if (position + 2 >= text.Length || text[position + 2] != '{' || end < 0)
            {
                throw Unsupported("a \\p without {…}");
            }

            var name = text[(position + 3)..end];
            var negated = name.StartsWith('^');
            var set = UnicodeSets.Property(negated ? name[1..] : name) ?? throw Unsupported($"the property \\p{{{name}}}");
            position = end + 1;
            return negated != (letter == 'P') ? set.Complement() : set;
        }

        var named = char.ToLowerInvariant(letter) switch
        {
            's' => UnicodeSets.Space,
            'd' => UnicodeSets.Digit,
            'w' => UnicodeSets.Word,
            'h' => UnicodeSets.HexDigit,
            _ => null,
        };
        position += named is null ? 0 : 2;
        return char.IsAsciiLetterUpper(letter) ? named?.Complement() : named;
    }

    private int EscapedCodePoint()
    {
        position++;
        switch (text[position])
        {
            case 't':
                position++;
                return '\t';
            case 'n':
                position++;
                return '\n';
            case 'r':
                position++;
                return '\r';
            case 'f':
                position++;
                return '\f';
            case 'v':
                position++;
                return '\v';
            case 'a':
                position++;
                return '\a';
            case 'e':
                position++;
                return '\e';
            case 'u':
                return Hexadecimal(position + 1, position + 5, position + 5);
            case 'x' when position + 1 < text.Length && text[position + 1] == '{':
                var end = text.IndexOf('}', position);
                return Hexadecimal(position + 2, end, end + 1);
            case 'x':
                return Hexadecimal(position + 1, position + 3, position + 3);
            case var letter when char.IsAsciiLetterOrDigit(letter):
                throw Unsupported($"the escape \\{letter}");
            default:
                return TakeCodePoint();
        }
    }

    private int Hexadecimal(int start, int end, int next)
    {
        if (end <= start || end > text.Length || !int.TryParse(text.AsSpan(start, end - start), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            || value is < 0 or > CodePointSet.Last)
        {
            throw Unsupported("a code point that is none");
        }

        position = next;
        return value;
    }

    /// <summary>A set behind its bracket: items, sets within it, and &amp;&amp; between unions of them.</summary>
    private CodePointSet Set(Options options)
    {
        var negated = Take("^");
        CodePointSet? whole = null;
        var union = CodePointSet.None;
        for (var first = true; ; first = false)
        {
            if (AtEnd)
            {
                throw Unsupported("a set without end");
            }

            if (!first && Take("]"))
            {
                break;
            }

            if (Take("&&"))
            {
                (whole, union) = (whole?.Intersect(union) ?? union, CodePointSet.None);
            }
            else if (Take("[:"))
            {
                union = union.Union(Bracket());
            }
            else if (Take("["))
            {
                union = union.Union(Set(options));
            }
            else if (text[position] == '\\' && Named() is { } named)
            {
                union = union.Union(named);
            }
            else
            {
                union = union.Union(Range());
            }
        }

        var set = Cased(whole?.Intersect(union) ?? union, options);
        return negated ? set.Complement() : set;
    }

    private CodePointSet Range()
    {
        var low = SetCodePoint();
        if (position + 1 >= text.Length || text[position] != '-' || text[position + 1] is ']' or '[' || text.AsSpan(position + 1).StartsWith("&&"))
        {
            return CodePointSet.Of(low);
        }

        position++;
        if (text[position] == '\\' && Named() is not null)
        {
            throw Unsupported("a range that ends in a set");
        }

        var high = SetCodePoint();
        return high >= low ? CodePointSet.Of(low, high) : throw Unsupported("a range that ends before it begins");
    }

    private int SetCodePoint()
    {
        if (text.AsSpan(position).StartsWith("\\b"))
        {
            position += 2;
            return '\b';
        }

        return text[position] == '\\' && position + 1 < text.Length ? EscapedCodePoint() : TakeCodePoint();
    }

    private CodePointSet Bracket()
    {
        var end = text.IndexOf(":]", position, StringComparison.Ordinal);
        var name = end < 0 ? "" : text[position..end];
        var negated = name.StartsWith('^');
        var set = name.TrimStart('^') switch
        {
            "space" => UnicodeSets.Space,
            "digit" => UnicodeSets.Digit,
            "xdigit" => UnicodeSets.HexDigit,
            "word" => UnicodeSets.Word,
            "ascii" => UnicodeSets.Property("ascii")!,
            _ => throw Unsupported($"the set [:{name}:]"),
        };
        position = end + 2;
        return negated ? set.Complement() : set;
    }

    private static CodePointSet Cased(CodePointSet set, Options options) => options.IgnoreCase ? UnicodeSets.WithCases(set) : set;

    private int TakeCodePoint()
    {
        Rune.DecodeFromUtf16(text.AsSpan(position), out var rune, out var width);
        position += width;
        return rune.Value;
    }

    private bool Take(string expected)
    {
        if (!text.AsSpan(position).StartsWith(expected))
        {
            return false;
        }

        position += expected.Length;
        return true;
    }

    private void Add(string syntax) => parts.Add((syntax, null));

    private void Add(CodePointSet set) => parts.Add(("", set));

    private InvalidDataException Unsupported(string what) =>
        new($"its pre-tokenizer splits by the expression '{text}', and {what} (near character {position + 1}) is not supported");

    private readonly record struct Options(bool IgnoreCase, bool DotAll, bool Extended);
}
