using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Ra3.PostTraining;

/// <summary>
/// Final answers in texts, and whether two are the same, as the checkers of GSM8K, MATH (Hendrycks et al. 2021) and
/// Minerva have it: numbers by their exact value (1,000 is $1000.00, 0.5 is 1/2 is \frac{1}{2}, 5 is 5 cm), tuples,
/// sets and lists by their members, anything else as text without what does not change its meaning (spaces, \left,
/// \text, $).
/// </summary>
public static partial class MathAnswer
{
    private const int LongestNumber = 300; // in characters, and the largest exponent: longer ones are compared as text
    private const int LongestAnswer = 10_000; // in characters: longer ones are right for nothing
    private const int Timeout = 1000; // of a regular expression, in milliseconds

    /// <summary>The answer that a text marks: inside its last \boxed{}, or on the line behind its last ####, whichever
    /// comes later; null where it marks none.</summary>
    public static string? Marked(string text) =>
        Boxed(text) is var box && box > Hashes(text) ? Braced(text[box..])
        : Hashes(text) is >= 0 and var hashes ? Line(text[(hashes + 4)..]) : null;

    /// <summary>Whether a text's final answer is the one wanted. Its marked answer counts; else, where a number is
    /// wanted, its last number; else what stands behind the last "answer is" or "answer:", or else the last
    /// line.</summary>
    /// <param name="text">What a model wrote.</param>
    /// <param name="wanted">The right answer; where it marks one itself (a worked solution), that.</param>
    /// <param name="given">The text's answer; null where it holds none.</param>
    public static bool IsRight(string text, string wanted, out string? given)
    {
        wanted = Marked(wanted) ?? wanted;
        var (marked, isNumber) = (Marked(text), Value(wanted) is not null);
        // Behind #### words may follow the number; a box holds the answer and nothing else.
        given = marked is not null && (!isNumber || Boxed(text) > Hashes(text) || Same(marked, wanted)) ? marked
            : marked is not null ? Number().Match(marked) is { Success: true } first ? first.Value : null
            : isNumber ? Number().Matches(text).LastOrDefault()?.Value
            : Stated(text) ?? text.TrimEnd().Split('\n')[^1];
        given = string.IsNullOrWhiteSpace(given) ? null : given.Trim();
        return given is not null && Same(given, wanted);
    }

    /// <summary>Whether two answers are the same.</summary>
    public static bool Same(string given, string wanted)
    {
        if (Value(given) is { } number && Value(wanted) is { } other)
        {
            return number == other;
        }

        if (given.Length > LongestAnswer)
        {
            return false;
        }

        string a = Compact(given), b = Compact(wanted);
        if (a == b || Words().IsMatch(b))
        {
            return b.Length > 0 && string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
        }

        // (a, b), [a, b), \{a, b\} or a, b: the same brackets and the same members, those of a set in any order.
        var (left, mine) = Members(a);
        var (right, theirs) = Members(b);
        return left == right && mine.Count == theirs.Count && (theirs.Count > 1 || right.Length > 0)
            && (right.StartsWith(@"\{", StringComparison.Ordinal)
                ? theirs.TrueForAll(item => mine.Exists(one => Same(one, item)))
                    && mine.TrueForAll(one => theirs.Exists(item => Same(one, item)))
                : mine.Zip(theirs).All(pair => Same(pair.First, pair.Second)));
    }

    private static int Boxed(string text) => text.LastIndexOf(@"\boxed", StringComparison.Ordinal);

    private static int Hashes(string text) => text.LastIndexOf("####", StringComparison.Ordinal);

    private static string Line(string text) => text.Split('\n')[0].Trim();

    /// <summary>The sentence behind the last "answer is" or "answer:"; null where there is none.</summary>
    private static string? Stated(string text)
    {
        const string saying = "answer is", naming = "answer:";
        var said = text.LastIndexOf(saying, StringComparison.OrdinalIgnoreCase);
        var named = text.LastIndexOf(naming, StringComparison.OrdinalIgnoreCase);
        return Math.Max(said, named) < 0 ? null
            : Line(text[(said > named ? said + saying.Length : named + naming.Length)..]).TrimStart(':', ' ').Split(". ")[0];
    }

    /// <summary>What stands in the first braces, nested ones included; what follows on the line where there are none
    /// (\boxed 4).</summary>
    private static string Braced(string text)
    {
        var isBraced = text.AsSpan(@"\boxed".Length).TrimStart() is ['{', ..];
        var open = isBraced ? text.IndexOf('{', StringComparison.Ordinal) : -1;
        for (int i = open, depth = 0; open >= 0 && i < text.Length; i++)
        {
            depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
            if (depth == 0)
            {
                return text[(open + 1)..i].Trim();
            }
        }

        return Line(text[@"\boxed".Length..]);
    }

    /// <summary>An exact number as numerator and positive denominator without common factors; null for what is
    /// none.</summary>
    private static (BigInteger Numerator, BigInteger Denominator)? Value(string text)
    {
        if (text.Length > LongestNumber || Rational().Match(Clean(text, isNumber: true)) is not { Success: true } match)
        {
            return null;
        }

        var (numerator, scale) = Decimal(match.Groups["top"].Value);
        var bottom = match.Groups["bottom"];
        var (denominator, otherScale) = bottom.Success ? Decimal(bottom.Value) : (1, 1);
        var exponent = match.Groups["power"].Success ? match.Groups["power"].Value : "0";
        var power = int.TryParse(exponent, CultureInfo.InvariantCulture, out var n) ? n : int.MaxValue;
        if (denominator.IsZero || Math.Abs((long)power) > LongestNumber)
        {
            return null;
        }

        (numerator, denominator) = (numerator * otherScale, denominator * scale);
        var whole = match.Groups["whole"] is { Success: true } before ? Decimal(before.Value).Digits : 0;
        numerator += whole * denominator;
        numerator *= BigInteger.Pow(10, Math.Max(0, power)) * (match.Groups["sign"].Value == "-" ? -1 : 1);
        denominator *= BigInteger.Pow(10, Math.Max(0, -power));
        var common = BigInteger.GreatestCommonDivisor(numerator, denominator) * denominator.Sign;
        return (numerator / common, denominator / common);
    }

    /// <summary>Digits without the point, and the power of ten they are too large by.</summary>
    private static (BigInteger Digits, BigInteger Scale) Decimal(string text)
    {
        var plain = text.Replace(",", "", StringComparison.Ordinal);
        var point = plain.IndexOf('.', StringComparison.Ordinal);
        var digits = plain.Replace(".", "", StringComparison.Ordinal);
        return (BigInteger.Parse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
            BigInteger.Pow(10, point < 0 ? 0 : plain.Length - point - 1));
    }

    /// <summary>A text without what does not change its meaning; of a number also without its unit.</summary>
    private static string Clean(string text, bool isNumber = false)
    {
        text = text.Replace('−', '-').Replace("{,}", ",", StringComparison.Ordinal);
        text = Noise().Replace(text, "").Trim().TrimEnd('.').Trim();
        text = isNumber ? Unit().Replace(text, "") : text; // 5 cm, 5 \text{ cm}
        text = TextCommand().Replace(text, "${inner}").Trim();
        text = Assigned().Replace(text, ""); // x = 5
        text = text.Replace("dfrac", "frac", StringComparison.Ordinal).Replace("tfrac", "frac", StringComparison.Ordinal);
        text = ShortFraction().Replace(text, @"\frac{${a}}{${b}}");
        return ShortRoot().Replace(text, @"\sqrt{${a}}");
    }

    /// <summary>The cleaned text without spaces; of a lettered choice the letter alone.</summary>
    private static string Compact(string text) => Choice().Replace(Spaces().Replace(Clean(text), ""), "${letter}");

    /// <summary>The brackets around a list, and what stands between the commas that are in no inner brackets.</summary>
    private static (string Brackets, List<string> Items) Members(string text)
    {
        var (brackets, inner) = text switch
        {
            [('(' or '[') and var open, .. var middle, (')' or ']') and var close] => ($"{open}{close}", middle),
            ['\\', '{', .. var middle, '\\', '}'] => (@"\{\}", middle),
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

        return (brackets, items);
    }

    // Digits are 0 to 9 in all of these: \d would take every script's, which are no numbers here.
    // A sign counts only where no digit or word stands before it: 5-3 ends in 3. Groups of three may have commas.
    [GeneratedRegex(
        @"(?<![\w.])[-+−]?(\\[dt]?frac\{[-+]?[0-9]+\}\{[0-9]+\}|\$?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?(/[0-9]+(?![0-9./]))?)"
        + @"|(?<=[0-9][-+*/×=])[0-9]+(\.[0-9]+)?",
        RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex Number();

    // 5, -1,000.50, .5, 3/4, 1 3/4, \frac{3}{4}, 1\frac{3}{4}, 2e5, 2\times10^{5}
    [GeneratedRegex(
        @"^(?<sign>[-+])?\s*(((?<whole>[0-9]+)\s*)?\\frac\{\s*(?<top>-?[0-9]*\.?[0-9]+)\s*\}\{\s*(?<bottom>-?[0-9]*\.?[0-9]+)\s*\}"
        + @"|((?<whole>[0-9]+)\s+)?(?<top>[0-9]+(\.[0-9]+)?)\s*/\s*(?<bottom>[0-9]+(\.[0-9]+)?)"
        + @"|(?<top>([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?|\.[0-9]+)"
        + @"(\s*([eE]|(\\times|\\cdot|×|\*)\s*10\s*\^)\s*\{?\s*(?<power>[-+]?[0-9]+)\s*\}?)?)$",
        RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex Rational();

    [GeneratedRegex(
        @"(?<=[0-9}])(\s*\\?\s*\\(text|textrm|mathrm|mbox|rm)\s*\{[^{}]*\}|\s+[A-Za-z]+(\s+[A-Za-z]+)*)(\^\{?[0-9]\}?)?$",
        RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex Unit();

    [GeneratedRegex(
        @"\\(text|textbf|textit|textrm|mathrm|mathbf|mbox)\s*\{(?<inner>[^{}]*)\}", RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex TextCommand();

    [GeneratedRegex(
        @"\\(left|right)(?![a-z])|\\displaystyle|\\[!,;:()\[\]]|\\?[$%]|\^\{?\s*\\circ\s*\}?|°",
        RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex Noise();

    [GeneratedRegex(@"^[A-Za-z]{1,2}\s*=\s*", RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex Assigned();

    [GeneratedRegex(
        @"\\frac\s*((?<a>[0-9])\s*(?<b>[0-9])|\{(?<a>[^{}]*)\}\s*(?<b>[0-9])|(?<a>[0-9])\s*\{(?<b>[^{}]*)\})",
        RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex ShortFraction();

    [GeneratedRegex(@"\\sqrt\s*(?<a>\w)", RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex ShortRoot();

    [GeneratedRegex(@"^\(?(?<letter>[A-Za-z])[).]?$", RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex Choice();

    [GeneratedRegex(@"^\p{L}+$", RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex Words();

    [GeneratedRegex(@"\s+", RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex Spaces();
}
