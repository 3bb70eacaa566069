using System.Net;
using System.Text.RegularExpressions;

namespace Ra3.Cli.Report;

/// <summary>Text to HTML.</summary>
internal static partial class Html
{
    public static string Escape(string text) => WebUtility.HtmlEncode(text);

    /// <summary>Escapes running text; `code` and **strong** are the only marks it knows.</summary>
    public static string Prose(string text) =>
        Strong().Replace(Code().Replace(Escape(text), "<code>${inner}</code>"), "<strong>${inner}</strong>");

    [GeneratedRegex("`(?<inner>[^`]+)`", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Code();

    [GeneratedRegex(@"\*\*(?<inner>[^*]+)\*\*", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Strong();
}
