using System.Text;
using System.Text.RegularExpressions;

namespace Ra3.Cli.Report;

/// <summary>Marks comments, strings, keywords and numbers of Python for display; feed it the lines in order.</summary>
internal sealed partial class PythonHighlighter
{
    private string? openQuote; // the triple quote that an earlier line left open

    public string Line(string line)
    {
        var html = new StringBuilder();
        var at = 0;
        if (openQuote is not null)
        {
            var close = line.IndexOf(openQuote, StringComparison.Ordinal);
            at = close < 0 ? line.Length : close + openQuote.Length;
            openQuote = close < 0 ? openQuote : null;
            Mark(html, "str", line[..at]);
        }

        while (at < line.Length && Token().Match(line, at) is { Success: true } token)
        {
            html.Append(Html.Escape(line[at..token.Index]));
            at = token.Index + token.Length;
            if (token.Groups["triple"] is { Success: true } triple)
            {
                var close = line.IndexOf(triple.Value, at, StringComparison.Ordinal);
                openQuote = close < 0 ? triple.Value : null;
                at = close < 0 ? line.Length : close + triple.Length;
                Mark(html, "str", line[token.Index..at]);
                continue;
            }

            var kind = token.Groups["com"].Success ? "com" : token.Groups["str"].Success ? "str" : token.Groups["key"].Success ? "kw" : "num";
            Mark(html, kind, token.Value);
        }

        return html.Append(Html.Escape(line[at..])).ToString();
    }

    private static void Mark(StringBuilder html, string kind, string text) =>
        html.Append("<span class=\"").Append(kind).Append("\">").Append(Html.Escape(text)).Append("</span>");

    [GeneratedRegex("""
        (?<com>\#.*)
        | (?<!\w)[rbfuRBFU]{0,2}(?<triple>\"{3}|'{3})
        | (?<str>(\b[rbfuRBFU]{1,2})?("(\\.|[^"\\])*("|$)|'(\\.|[^'\\])*('|$)))
        | (?<key>\b(False|None|True|and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield)\b)
        | (?<num>\b[0-9][0-9_]*(\.[0-9]+)?([eE][+-]?[0-9]+)?\b|\b0[xX][0-9a-fA-F]+\b)
        """, RegexOptions.ExplicitCapture | RegexOptions.IgnorePatternWhitespace, 1000)]
    private static partial Regex Token();
}
