using System.Text;
using System.Text.RegularExpressions;

namespace Ra3.PostTraining;

/// <summary>One spelling for what LaTeX and Unicode spell in several ways. Every expression is linear in time.</summary>
internal static partial class Latex
{
    private const RegexOptions Linear = RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking;

    private static readonly Dictionary<char, string> Characters = new()
    {
        ['−'] = "-",
        ['–'] = "-",
        ['×'] = @"\times ",
        ['·'] = @"\cdot ",
        ['÷'] = "/",
        ['±'] = @"\pm ",
        ['π'] = @"\pi ",
        ['∞'] = @"\infty ",
        ['√'] = @"\sqrt",
        ['∪'] = @"\cup ",
        ['∩'] = @"\cap ",
        ['∈'] = @"\in ",
        ['≤'] = @"\le ",
        ['≥'] = @"\ge ",
        ['≠'] = @"\ne ",
        ['θ'] = @"\theta ",
        ['α'] = @"\alpha ",
        ['β'] = @"\beta ",
        ['ℝ'] = @"\mathbb{R}",
        ['½'] = @"\frac{1}{2}",
        ['⅓'] = @"\frac{1}{3}",
        ['⅔'] = @"\frac{2}{3}",
        ['¼'] = @"\frac{1}{4}",
        ['¾'] = @"\frac{3}{4}",
        ['⅕'] = @"\frac{1}{5}",
        ['⅛'] = @"\frac{1}{8}",
        ['¹'] = "^1",
        ['²'] = "^2",
        ['³'] = "^3",
        ['€'] = "",
        ['£'] = "",
        ['¥'] = "",
        ['~'] = " ",
        ['\t'] = " ",
        ['\u00a0'] = " ",
        ['\u2009'] = " ",
        ['\u202f'] = " ",
    };

    /// <summary>A text without what does not change its meaning: mathematical signs in LaTeX's spelling, no dollars,
    /// percents or degrees, one name for each kind of fraction and of upright text. Its spaces stay.</summary>
    public static string Plain(string text)
    {
        var plain = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (Characters.TryGetValue(c, out var other))
            {
                plain.Append(other);
            }
            else
            {
                plain.Append(c is > '\uff00' and < '\uff5f' ? (char)(c - 0xfee0) : c); // full-width forms
            }
        }

        text = Row().Replace(plain.ToString(), " \u0001 ").Replace("{,}", ",", StringComparison.Ordinal);
        text = Sized().Replace(text, "${next}");
        text = Space().Replace(Noise().Replace(text, ""), " ");
        text = In().Replace(text, @"\in ${next}");
        text = FractionName().Replace(text, @"\frac${next}");
        text = Styled().Replace(text, "${inner}");
        text = Upright().Replace(text, @"\text{");
        text = ShortFraction().Replace(text, @"\frac{${a}}{${b}}");
        text = Root().Replace(text, @"\sqrt{${a}}");
        text = text.Replace("\u0001", @"\\", StringComparison.Ordinal).Trim();
        return text is [.. var sentence, '.'] && !sentence.EndsWith('.') ? sentence.TrimEnd() : text; // 0.33... stays
    }

    /// <summary>The normal form of an answer that is no number: plain, without spaces, \text and braces around single
    /// characters, "and" as a comma, a/b as \frac{a}{b}.</summary>
    public static string Compact(string plain)
    {
        var text = And().Replace(TextCommand().Replace(plain, " ${inner} "), ",");
        text = Spaces().Replace(text, "").Replace("bmatrix}", "pmatrix}", StringComparison.Ordinal);
        text = LongIndex().Replace(SingleIndex().Replace(text, "${kind}${one}"), "${kind}{${digits}}");
        text = text.Replace(",,", ",", StringComparison.Ordinal); // 1, 2, and 3
        text = Slash().Match(text) is { Success: true } match
            ? $@"{match.Groups["sign"].Value}\frac{{{Bare(match.Groups["a"].Value)}}}{{{Bare(match.Groups["b"].Value)}}}" : text;
        text = NegativeTop().Replace(text, @"-\frac{${a}}{${b}}");
        return Choice().Replace(text, "${letter}");
    }

    /// <summary>What a plain text says of a variable, x = 5 or x \in A: the variable with its sign ("" where it names
    /// none), and the rest.</summary>
    public static (string Name, string Value) Unassigned(string plain)
    {
        var match = Assigned().Match(plain);
        var rest = plain[match.Length..];
        return match.Success && !rest.Contains('=', StringComparison.Ordinal) ? (Spaces().Replace(match.Value, ""), rest) : ("", plain);
    }

    private static string Bare(string text) => text is ['(', .. var inner, ')'] ? inner : text;

    [GeneratedRegex(@"\\text\s*\{(?<inner>[^{}]*)\}", Linear)]
    public static partial Regex TextCommand();

    [GeneratedRegex(@"\^\s*(-?[0-9]|\{\s*-?[0-9]\s*\})", Linear)]
    public static partial Regex SmallPower();

    /// <summary>A lettered choice with its text: C. 12, (C) 12.</summary>
    [GeneratedRegex(@"^\(?(?<letter>[A-Ja-j])[).:]", Linear)]
    public static partial Regex Label();

    [GeneratedRegex(@"^\p{L}+$", Linear)]
    public static partial Regex Words();

    [GeneratedRegex(@"^\(?(?<letter>[A-Za-z])[).]?$", Linear)]
    private static partial Regex Choice();

    [GeneratedRegex(@"\\\\", Linear)]
    private static partial Regex Row();

    [GeneratedRegex(@"\\(left|right|[bB]igg?[lr]?)(?<next>[^A-Za-z]|$)", Linear)]
    private static partial Regex Sized();

    [GeneratedRegex(
        @"\\displaystyle|\\!|\\[()\[\]]|(US)?\\?\$|\\?%|\^\s*\\circ|\^\s*\{\s*\\circ\s*\}|°[CF]?|\\degree", Linear)]
    private static partial Regex Noise();

    [GeneratedRegex(@"\\[,;: ]|\\q?quad", Linear)]
    private static partial Regex Space();

    [GeneratedRegex(@"\\[dtc]frac(?<next>[^A-Za-z])", Linear)]
    private static partial Regex FractionName();

    [GeneratedRegex(@"\\(textbf|textit|emph|mathbf|mathit|boldsymbol)\s*\{(?<inner>[^{}]*)\}", Linear)]
    private static partial Regex Styled();

    [GeneratedRegex(@"\\(textrm|mathrm|mbox|rm|textnormal|operatorname)\s*\{", Linear)]
    private static partial Regex Upright();

    [GeneratedRegex(
        @"\\frac\s*((?<a>[0-9])\s*(?<b>[0-9])|\{(?<a>[^{}]*)\}\s*(?<b>[0-9])|(?<a>[0-9])\s*\{(?<b>[^{}]*)\})", Linear)]
    private static partial Regex ShortFraction();

    [GeneratedRegex(@"\\?sqrt\s*((?<a>[0-9]+|[A-Za-z])|\((?<a>[^(){}]*)\))", Linear)]
    private static partial Regex Root();

    [GeneratedRegex(@"^\s*([A-Za-z]{1,2}|[A-Za-z]\([A-Za-z]\))\s*(=|\\in )\s*", Linear)]
    private static partial Regex Assigned();

    [GeneratedRegex(@"\\in(?<next>[^A-Za-z])", Linear)]
    private static partial Regex In();

    [GeneratedRegex(@"(\s*,)?\s+(and|or)\s+", Linear)]
    private static partial Regex And();

    [GeneratedRegex(@"(?<kind>[\^_])\{(?<one>[0-9A-Za-z])\}", Linear)]
    private static partial Regex SingleIndex();

    [GeneratedRegex(@"(?<kind>[\^_])(?<digits>[0-9][0-9]+)", Linear)]
    private static partial Regex LongIndex();

    // A product over one factor; 1/2\pi could be read in two ways and stays as it is.
    [GeneratedRegex(
        @"^(?<sign>-?)(?<a>([0-9A-Za-z.\\]|\\sqrt\{[^{}]*\}|\^[0-9A-Za-z])+|\([^()]*\))/(?<b>[0-9]+|[A-Za-z]|\\[A-Za-z]+|\\sqrt\{[^{}]*\}|\([^()]*\))$",
        Linear)]
    private static partial Regex Slash();

    [GeneratedRegex(@"^\\frac\{-(?<a>[0-9A-Za-z\\]+|[0-9]*\\sqrt\{[^{}]*\})\}\{(?<b>.*)\}$", Linear)]
    private static partial Regex NegativeTop();

    [GeneratedRegex(@"\s+", Linear)]
    private static partial Regex Spaces();
}
