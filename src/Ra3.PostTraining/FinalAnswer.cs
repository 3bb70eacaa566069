using System.Text.RegularExpressions;

namespace Ra3.PostTraining;

/// <summary>Finds the final answer in what a model wrote.</summary>
internal static partial class FinalAnswer
{
    private const RegexOptions Linear = RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking | RegexOptions.IgnoreCase;

    // What may stand behind a number, or around it, without making it part of something else.
    private static readonly HashSet<string> Harmless =
        ["text", "end", "Rightarrow", "implies", "therefore", "because", "approx", "to", "boxed", "fbox", "underline", "mathbb", "in"];

    /// <summary>Inside the last \boxed{}, or on the line behind the last ####, whichever comes later; null for none.</summary>
    public static string? Marked(string text) =>
        Boxed(text) is var box && box > Hashes(text) ? Braced(text[box..])
        : Hashes(text) is >= 0 and var hashes ? Line(text[(hashes + 4)..]) : null;

    /// <summary>What may be the answer, the likeliest first. A box holds the answer and nothing else; behind #### words
    /// may follow a number.</summary>
    public static IEnumerable<string> Candidates(string text, bool isNumber)
    {
        if (Marked(text) is { } marked)
        {
            var first = isNumber && Hashes(text) > Boxed(text) ? Numbers(marked).Take(1) : [];
            return first.Prepend(marked);
        }

        return isNumber ? Numbers(text).TakeLast(1) : Texts(text);
    }

    /// <summary>The numbers of a text that are numbers of their own, not parts of an expression, an index, a clock's
    /// time or a name; where it says what the answer is, those behind that.</summary>
    private static List<string> Numbers(string text)
    {
        text = Latex.Plain(text);
        var stated = Statement().Matches(text).LastOrDefault(one => text.AsSpan(one.Index).IndexOfAnyInRange('0', '9') >= 0);
        text = stated is null ? text : text[(stated.Index + stated.Length)..];
        var (found, groups, inside, last) = (new List<string>(), new Stack<bool>(), 0, -1);
        for (var i = 0; i < text.Length;)
        {
            var end = i;
            if ((char.IsAsciiDigit(text[i]) || text[i] is '.' or '-' or '+' or '\\') && ExactNumber.Read(text, ref end) is not null)
            {
                // 5 or 6 is neither, and (5, 6) is a point.
                var between = last >= 0 ? text[last..i].Trim() : "";
                var isHedged = between == "or" || (between == "," && At(text, end) is ')' or ']');
                if (isHedged)
                {
                    found.Clear();
                }
                else if (inside == 0 && !FollowsPart(text, i) && !LeadsToPart(text, end))
                {
                    found.Add(text[i..end]);
                }

                (last, i) = (end, end);
                continue;
            }

            if (char.IsAsciiDigit(text[i]))
            {
                while (i < text.Length && char.IsAsciiDigit(text[i]))
                {
                    i++; // too long a number
                }

                continue;
            }

            if (text[i] == '{')
            {
                groups.Push(IsArgument(text, i));
                inside += groups.Peek() ? 1 : 0;
            }
            else if (text[i] == '}' && groups.TryPop(out var wasArgument))
            {
                inside -= wasArgument ? 1 : 0;
            }
            else if (text[i] == '\n' && i > 0 && text[i - 1] == '\n')
            {
                groups.Clear(); // no argument goes beyond its paragraph
                inside = 0;
            }

            i++;
        }

        return found;
    }

    /// <summary>Whether braces hold an exponent, an index or a command's argument.</summary>
    private static bool IsArgument(string text, int open)
    {
        var start = open;
        while (start > 0 && char.IsAsciiLetter(text[start - 1]))
        {
            start--;
        }

        return start < open ? start > 0 && text[start - 1] == '\\' && !Harmless.Contains(text[start..open])
            : open > 0 && text[open - 1] is '^' or '_' or '}' or ']';
    }

    /// <summary>Whether what stands before a number makes it part of that: x^3, f(3), 5-3, 12:30, 1.2.3.</summary>
    private static bool FollowsPart(string text, int start)
    {
        var (before, beyond) = (At(text, start - 1), At(text, start - 2));
        if (char.IsLetterOrDigit(before) || before is '^' or '_' or '.' or '|' or '\\'
            || (before is ',' or ':' && char.IsLetterOrDigit(beyond) && (before == ',' || char.IsDigit(beyond)))
            || (before is '(' or '[' && char.IsLetter(beyond)))
        {
            return true;
        }

        // An operator, which may be the number's own sign, with an operand before it.
        var at = text[start] is '-' or '+' ? start : Back(text, start - 1);
        if (at >= 0 && text[at] is '+' or '-' or '*' or '/')
        {
            at = Back(text, at - 1);
            at = at >= 0 && text[at] == '*' && At(text, at - 1) is not (' ' or '\n') ? Back(text, at - 1) : at; // 2**3
            return at >= 0
                && (char.IsDigit(text[at]) || text[at] is ')' or '}' or ']' || IsVariable(text, at));
        }

        if (at >= 0 && text[at] is '<' or '>')
        {
            at = Back(text, at - 1);
            return at >= 0 && IsVariable(text, at) && At(text, at - 1) is not ('<' or '/'); // y > 5, but <b>5
        }

        // The argument of a function, or a bound: \log_2 5, \sin 5, \le 5.
        return at >= 0 && (At(text, at - 1) == '_' || (Command(text, at) is ['\\', .. var name] && !Harmless.Contains(name)));
    }

    /// <summary>Whether what stands behind a number makes it part of that: 2x, 2\pi, 5-3, 12:30, 5 million.</summary>
    private static bool LeadsToPart(string text, int end)
    {
        var (after, beyond) = (At(text, end), At(text, end + 1));
        if (char.IsLetterOrDigit(after))
        {
            return !ExactNumber.IsUnitWord(Word(text, end));
        }

        if (after is '_' or '^' or '(' || (after is '.' or ',' or ':' && char.IsDigit(beyond)) || (after == '.' && beyond is '.' or '\\'))
        {
            return true;
        }

        var at = end;
        while (at < text.Length && text[at] == ' ')
        {
            at++;
        }

        switch (At(text, at))
        {
            case '+' or '-' or '*' or '/':
                var isPower = text[at] == '*' && At(text, at + 1) == '*' && at == end; // **5** is bold, 5**2 is a power
                var operand = at + (isPower ? 2 : 1);
                while (!isPower && operand < text.Length && text[operand] == ' ')
                {
                    operand++;
                }

                return char.IsDigit(At(text, operand)) || At(text, operand) is '(' or '\\' || Word(text, operand).Length == 1;
            case '\\':
                return Word(text, at + 1) is { Length: > 0 } name
                    && (name == "text" ? !ExactNumber.IsUnit(text[at..Math.Max(at, text.IndexOf('}', at) + 1)]) : !Harmless.Contains(name));
            default:
                var word = Word(text, at);
                return (word.Length == 1 && word is not ("a" or "I") && !ExactNumber.IsSymbol(word))
                    || ExactNumber.IsMagnitude(word)
                    || OpenEnd().IsMatch(text.AsSpan(at, Math.Min(20, text.Length - at)));
        }
    }

    /// <summary>What a text says its answer is, with and without the reason it gives; else its last line, and the last
    /// formula there.</summary>
    private static IEnumerable<string> Texts(string text)
    {
        if (Statement().Matches(text).LastOrDefault() is { } said)
        {
            var stated = Lead().Replace(Line(text[(said.Index + said.Length)..].TrimStart(':', ' ', '*')), "");
            var sentence = stated.Split(". ")[0].Trim('*', ' ');
            yield return sentence;
            if (Reason().Match(sentence) is { Success: true } reason)
            {
                yield return sentence[..reason.Index];
            }

            yield break;
        }

        var line = text.TrimEnd().Split('\n')[^1].Trim();
        yield return line.Trim('*');
        if (Formula().Matches(line).LastOrDefault() is { } formula)
        {
            yield return formula.Groups["inner"].Value;
        }
    }

    private static int Boxed(string text) =>
        Math.Max(text.LastIndexOf(@"\boxed", StringComparison.Ordinal), text.LastIndexOf(@"\fbox", StringComparison.Ordinal));

    private static int Hashes(string text) => text.LastIndexOf("####", StringComparison.Ordinal);

    private static string Line(string text) => text.TrimStart().Split('\n')[0].Trim();

    /// <summary>What stands in the first braces, nested ones included; what follows on the line where there are none
    /// (\boxed 4).</summary>
    private static string Braced(string text)
    {
        var name = text.IndexOf('x', StringComparison.Ordinal) + (text.StartsWith(@"\boxed", StringComparison.Ordinal) ? 3 : 1);
        var isBraced = text.AsSpan(name).TrimStart() is ['{', ..];
        var open = isBraced ? text.IndexOf('{', StringComparison.Ordinal) : -1;
        for (int i = open, depth = 0; open >= 0 && i < text.Length; i++)
        {
            depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
            if (depth == 0)
            {
                return text[(open + 1)..i].Trim();
            }
        }

        return Line(text[name..]);
    }

    private static char At(string text, int at) => at >= 0 && at < text.Length ? text[at] : ' ';

    private static int Back(string text, int at)
    {
        while (at >= 0 && text[at] == ' ')
        {
            at--;
        }

        return at;
    }

    private static string Word(string text, int at)
    {
        var end = at;
        while (end < text.Length && char.IsLetter(text[end]))
        {
            end++;
        }

        return at < end ? text[at..end] : "";
    }

    private static string Command(string text, int last)
    {
        var start = last;
        while (start >= 0 && char.IsLetter(text[start]))
        {
            start--;
        }

        return start >= 0 && text[start] == '\\' ? text[start..(last + 1)] : "";
    }

    private static bool IsVariable(string text, int last) =>
        char.IsLetter(text[last]) && (!char.IsLetter(At(text, last - 1)) || Command(text, last).Length > 0);

    [GeneratedRegex(@"(answer|option|choice)\**(\s+is\s*\**:?|\**:)", Linear)]
    private static partial Regex Statement();

    [GeneratedRegex(@"^\s*(option|choice)\s+", Linear)]
    private static partial Regex Lead();

    [GeneratedRegex(@",\s+(because|since|as|so|for|which)\s|\s(because|since)\s", Linear)]
    private static partial Regex Reason();

    [GeneratedRegex(@"^(or (more|less|fewer|so|higher|lower|above)|and (a|one|two|three)[ -](half|third|quarter)|more or less|times ten)", Linear)]
    private static partial Regex OpenEnd();

    [GeneratedRegex(@"\$(?<inner>[^$]+)\$|\\\((?<inner>[^()\\]*)\\\)", Linear)]
    private static partial Regex Formula();
}
