using System.Globalization;
using System.Text;

namespace Ra3.Cli.Report;

/// <summary>One line of held-out code as a model saw it.</summary>
/// <param name="Text">The line, without its line break.</param>
internal sealed record WalkLine(string Text)
{
    /// <summary>What the model wrote before this line; null where it went straight on.</summary>
    public string? Thought { get; init; }

    /// <summary>Log-probability of the line (nats, summed over its tokens) under the model compared with; null if not measured.</summary>
    public double? Before { get; init; }

    /// <summary>Log-probability of the line (nats) under the model shown, its thoughts so far in the context.</summary>
    public double? After { get; init; }

    public double? Change => After - Before;
}

/// <summary>Held-out code line by line: where the model thought, what it wrote, how much likelier each line became.</summary>
/// <param name="Title">Usually the file's name.</param>
/// <param name="Caption">What is compared with what.</param>
/// <param name="Lines">The code in order.</param>
internal sealed record CodeWalk(string Title, string Caption, IReadOnlyList<WalkLine> Lines)
{
    /// <summary>Number of the first line.</summary>
    public int FirstNumber { get; init; } = 1;

    internal const double FullColor = 4.0; // nats at which the colour saturates: e^4 ≈ 55 times likelier

    public string ToHtml()
    {
        var html = new StringBuilder("<figure class=\"walk\"><figcaption><strong>").Append(Html.Escape(Title)).Append("</strong> ")
            .Append(Html.Prose(Caption)).Append("<div class=\"walk-sum\">").Append(Html.Escape(Summary())).Append("</div></figcaption>")
            .Append("<div class=\"walk-code\" role=\"table\">");
        var highlighter = new PythonHighlighter();
        var number = FirstNumber;
        foreach (var line in Lines)
        {
            if (line.Thought is { } thought)
            {
                html.Append("<div class=\"thought\"><span class=\"mark\">thought</span><span class=\"text\">")
                    .Append(Html.Escape(thought.TrimEnd('\n'))).Append("</span></div>");
            }

            html.Append("<div class=\"line\"").Append(Tint(line.Change)).Append("><span class=\"no\">").Append(number)
                .Append("</span><span class=\"delta\">").Append(Signed(line.Change)).Append("</span><span class=\"code\">")
                .Append(highlighter.Line(line.Text.TrimEnd('\r', '\n'))).Append("</span></div>");
            number += 1 + line.Text.Count(c => c == '\n'); // the blank lines that belong to it
        }

        return html.Append("</div><div class=\"walk-key\">").Append(Key()).Append("</div></figure>").ToString();
    }

    /// <summary>Lines, thoughts, and the log-probability of the code before and after, in one line of text.</summary>
    public string Summary()
    {
        var thoughts = Lines.Count(l => l.Thought is not null);
        var measured = Lines.Where(l => l.Change is not null).ToList();
        var text = $"{Lines.Count} lines, {thoughts} {(thoughts == 1 ? "thought" : "thoughts")}";
        if (measured.Count > 0)
        {
            text += $"; log-probability of the code {Number(measured.Sum(l => l.Before), "0.0")} → {Number(measured.Sum(l => l.After), "0.0")} nats "
                + $"({Signed(measured.Sum(l => l.Change))}); likelier: {measured.Count(l => Shown(l) > 0)}, less likely: {measured.Count(l => Shown(l) < 0)}";
        }

        return text;

        // As printed: a choice that was as good as certain changes a line by less.
        static double Shown(WalkLine line) => Math.Round(line.Change!.Value, 2);
    }

    private static string Key() =>
        "<span>change of log-probability, nats</span>"
        + string.Concat(new[] { -FullColor, -2, -0.5, 0.5, 2, FullColor }.Select(c =>
            $"<span class=\"swatch\"{Tint(c)}>{(Math.Abs(c) == FullColor ? (c < 0 ? "≤ " : "≥ ") : string.Empty)}{Signed(c, "0.0")}</span>"));

    private static string Tint(double? change) => change switch
    {
        null or 0 => string.Empty,
        { } c when !double.IsFinite(c) => string.Empty,
        { } c => string.Create(CultureInfo.InvariantCulture,
            $" style=\"--tint:var(--{(c > 0 ? "likelier" : "less-likely")});--strength:{Math.Min(1, Math.Abs(c) / FullColor) * 100:0}%\""),
    };

    internal static string Signed(double? change, string format = "0.00") =>
        change is { } c && double.IsFinite(c) ? (c < 0 ? string.Empty : "+") + Number(c, format) : string.Empty;

    private static string Number(double? value, string format) =>
        (value ?? double.NaN).ToString(format, CultureInfo.InvariantCulture).Replace('-', '−');
}
