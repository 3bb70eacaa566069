namespace Ra3.PostTraining;

/// <summary>
/// Final answers in texts, and whether two are the same, as the checkers of GSM8K, MATH (Hendrycks et al. 2021) and
/// Minerva have it: numbers by their exact value (1,000 is $1000.00, 0.5 is 1/2 is \frac{1}{2}, 5 is 5 cm), tuples,
/// sets and lists by their members, anything else as text without what does not change its meaning (spaces, \left,
/// \text, $).
/// </summary>
public static class MathAnswer
{
    private const int LongestAnswer = 10_000; // in characters: longer ones are right for nothing
    private const string Set = @"\{\}";

    /// <summary>The answer that a text marks: inside its last \boxed{}, or on the line behind its last ####, whichever
    /// comes later; null where it marks none.</summary>
    public static string? Marked(string text) => FinalAnswer.Marked(text);

    /// <summary>Whether a text's final answer is the one wanted. Its marked answer counts; else, where a number is
    /// wanted, its last number; else what stands behind the last "answer is" or "answer:", or else the last
    /// line.</summary>
    /// <param name="text">What a model wrote.</param>
    /// <param name="wanted">The right answer; where it marks one itself (a worked solution), that.</param>
    /// <param name="given">The text's answer; null where it holds none.</param>
    public static bool IsRight(string text, string wanted, out string? given)
    {
        wanted = Marked(wanted) ?? wanted;
        var candidates = FinalAnswer.Candidates(text, ExactNumber.Of(wanted) is not null)
            .Select(one => one.Trim()).Where(one => one.Length > 0).ToList();
        given = candidates.Find(one => Same(one, wanted));
        var isRight = given is not null;
        given ??= candidates.LastOrDefault();
        return isRight;
    }

    /// <summary>Whether two answers are the same.</summary>
    public static bool Same(string given, string wanted)
    {
        if (given.Length > LongestAnswer)
        {
            return false;
        }

        if (ExactNumber.Of(given) is { } number && ExactNumber.Of(wanted) is { } other)
        {
            return number == other
                && !AreOfOtherVariables(Latex.Unassigned(Latex.Plain(given)).Name, Latex.Unassigned(Latex.Plain(wanted)).Name);
        }

        var (mine, theirs) = (Latex.Unassigned(Latex.Plain(given)), Latex.Unassigned(Latex.Plain(wanted)));
        string a = Latex.Compact(mine.Value), b = Latex.Compact(theirs.Value);
        if (AreOfOtherVariables(mine.Name, theirs.Name) || b.Length == 0)
        {
            return false;
        }

        if (a == b || Latex.Words().IsMatch(b))
        {
            return string.Equals(a, b, StringComparison.OrdinalIgnoreCase)
                || (b.Length == 1 && Latex.Label().Match(a) is { Success: true } label
                    && string.Equals(label.Groups["letter"].Value, b, StringComparison.OrdinalIgnoreCase));
        }

        // (a, b), [a, b), \{a, b\} or a, b: the same brackets and the same members, in order only in ( ) and [ ].
        var (left, items) = Members(a);
        var (right, wantedItems) = Members(b);
        var (isSet, isPlain) = (left is "" or Set && right is "" or Set, right.Length == 0);
        return items.Count == wantedItems.Count && (items.Count > 1 ? isSet || left == right : left == right && !isPlain)
            && (isSet ? SameInAnyOrder(items, wantedItems) : items.Zip(wantedItems).All(pair => Same(pair.First, pair.Second)));
    }

    private static bool AreOfOtherVariables(string a, string b) => a.Length > 0 && b.Length > 0 && a != b;

    private static bool SameInAnyOrder(List<string> items, List<string> wanted)
    {
        var left = wanted.ToList();
        return items.TrueForAll(item => left.FindIndex(one => Same(item, one)) is >= 0 and var at && Remove(at));

        bool Remove(int at)
        {
            left.RemoveAt(at);
            return true;
        }
    }

    /// <summary>The brackets around a list ("" for none), and what stands between the
    /// commas that are in no inner brackets, a \pm b as two; for a matrix its rows' separators and its entries.</summary>
    private static (string Brackets, List<string> Items) Members(string text)
    {
        const string begin = @"\begin{pmatrix}", end = @"\end{pmatrix}";
        if (text.StartsWith(begin, StringComparison.Ordinal) && text.EndsWith(end, StringComparison.Ordinal) && text.Length > begin.Length + end.Length)
        {
            var rows = text[begin.Length..^end.Length].Split(@"\\").Select(row => row.Split('&')).ToList();
            return (begin + string.Join('/', rows.Select(row => row.Length)), rows.SelectMany(row => row).ToList());
        }

        var (brackets, inner) = text switch
        {
            [('(' or '[') and var open, .. var middle, (')' or ']') and var close] => ($"{open}{close}", middle),
            ['\\', '{', .. var middle, '\\', '}'] => (Set, middle),
            _ => ("", text),
        };
        var (items, start, depth) = (new List<string>(), 0, 0);
        for (var i = 0; i <= inner.Length; i++)
        {
            if (i == inner.Length || (inner[i] == ',' && depth == 0))
            {
                items.Add(inner[start..i]);
                start = i + 1;
            }
            else
            {
                depth += inner[i] switch { '(' or '[' or '{' => 1, ')' or ']' or '}' => -1, _ => 0 };
            }
        }

        return (brackets, brackets is not ("" or Set) ? items : items.SelectMany(EitherSign).ToList());
    }

    private static IEnumerable<string> EitherSign(string item)
    {
        const string sign = @"\pm";
        var at = item.IndexOf(sign, StringComparison.Ordinal);
        if (at < 0 || item.LastIndexOf(sign, StringComparison.Ordinal) != at || item.AsSpan(0, at).ContainsAny('(', '{', '['))
        {
            return [item];
        }

        var (before, after) = (item[..at], item[(at + sign.Length)..]);
        return [before + (before.Length > 0 ? "+" : "") + after, before + "-" + after];
    }
}
