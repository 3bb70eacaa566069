using System.Globalization;
using System.Text;
using Ra3.Models.Files;

namespace Ra3.Cli.Report;

/// <summary>
/// A report as one HTML file that needs nothing else: no script, no network, light and dark. Parts appear in the order of
/// the calls. Texts are escaped; in prose, `code` and **strong** are marks.
/// </summary>
/// <param name="title">Headline and page title.</param>
/// <param name="subtitle">One line under it: what was run, when, with which seed.</param>
internal sealed class ReportBuilder(string title, string subtitle)
{
    private readonly StringBuilder body = new();
    private readonly List<string> sections = [];
    private readonly Dictionary<string, int> colors = [];
    private int charts;

    public ReportBuilder Section(string heading)
    {
        sections.Add(heading);
        body.Append(CultureInfo.InvariantCulture, $"<h2 id=\"s{sections.Count}\">{Html.Escape(heading)}</h2>\n");
        return this;
    }

    public ReportBuilder Paragraph(string text)
    {
        body.Append("<p>").Append(Html.Prose(text)).Append("</p>\n");
        return this;
    }

    /// <summary>A remark set off from the text: a caveat, a condition of the experiment.</summary>
    public ReportBuilder Note(string text)
    {
        body.Append("<p class=\"note\">").Append(Html.Prose(text)).Append("</p>\n");
        return this;
    }

    /// <summary>A row of headline numbers.</summary>
    public ReportBuilder Figures(params ReadOnlySpan<(string Label, string Value)> figures)
    {
        body.Append("<dl class=\"figures\">");
        foreach (var (label, value) in figures)
        {
            body.Append("<div><dt>").Append(Html.Escape(label)).Append("</dt><dd>").Append(Html.Escape(value)).Append("</dd></div>");
        }

        body.Append("</dl>\n");
        return this;
    }

    /// <summary>A table; columns whose cells are all numbers are set flush right.</summary>
    /// <exception cref="ArgumentException">A row has not as many cells as the head.</exception>
    public ReportBuilder Table(IReadOnlyList<string> head, IReadOnlyList<IReadOnlyList<string>> rows, string? caption = null)
    {
        if (rows.FirstOrDefault(r => r.Count != head.Count) is { } odd)
        {
            throw new ArgumentException($"A row has {odd.Count} cells, the table {head.Count} columns.", nameof(rows));
        }

        var numeric = Enumerable.Range(0, head.Count).Select(c => rows.Count > 0 && rows.All(r => IsNumeric(r[c]))).ToArray();
        string Cells(string tag, IReadOnlyList<string> cells) => string.Concat(cells.Select((cell, c) =>
            $"<{tag}{(numeric[c] ? " class=\"n\"" : string.Empty)}>{Html.Prose(cell)}</{tag}>"));

        body.Append("<figure class=\"table\">");
        Caption(caption);
        body.Append("<table><thead><tr>").Append(Cells("th", head)).Append("</tr></thead><tbody>");
        foreach (var row in rows)
        {
            body.Append("<tr>").Append(Cells("td", row)).Append("</tr>");
        }

        body.Append("</tbody></table></figure>\n");
        return this;
    }

    public ReportBuilder Chart(LineChart chart)
    {
        var indices = chart.Series.Select(s =>
        {
            if (!colors.TryGetValue(s.Name, out var color))
            {
                colors.Add(s.Name, color = colors.Count);
            }

            return color;
        }).ToArray();
        // More names than colours: the second round is dashed.
        chart = chart with { Series = [.. chart.Series.Select((s, i) => s with { Dashed = s.Dashed || indices[i] >= ChartSvg.Colors })] };
        indices = [.. indices.Select(index => index % ChartSvg.Colors)];

        body.Append("<figure class=\"chart\"><div class=\"head\"><strong>").Append(Html.Escape(chart.Title)).Append("</strong><span class=\"unit\">")
            .Append(Html.Escape(chart.YLabel)).Append("</span><span class=\"legend\">");
        for (var i = 0; i < indices.Length; i++)
        {
            var dash = chart.Series[i].Dashed ? " dashed" : string.Empty;
            body.Append(CultureInfo.InvariantCulture, $"<span class=\"key{dash}\" style=\"--c:var(--series-{indices[i]})\">{Html.Escape(chart.Series[i].Name)}</span>");
        }

        body.Append("</span></div>").Append(ChartSvg.Draw(chart, indices, charts++));
        Caption(chart.Caption);
        body.Append("</figure>\n");
        return this;
    }

    public ReportBuilder Walk(CodeWalk walk)
    {
        body.Append(walk.ToHtml()).Append('\n');
        return this;
    }

    /// <summary>Text as it stands, such as a resolved recipe, folded away under its title.</summary>
    public ReportBuilder Folded(string heading, string text)
    {
        body.Append("<details><summary>").Append(Html.Escape(heading)).Append("</summary><pre>").Append(Html.Escape(text)).Append("</pre></details>\n");
        return this;
    }

    public override string ToString()
    {
        var contents = string.Concat(sections.Select((s, i) => $"<a href=\"#s{i + 1}\">{Html.Escape(s)}</a>"));
        return $"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{Html.Escape(title)}</title>
            <style>
            {Css()}
            </style>
            </head>
            <body>
            <header><h1>{Html.Escape(title)}</h1><p class="subtitle">{Html.Prose(subtitle)}</p><nav>{contents}</nav></header>
            <main>
            {body}</main>
            </body>
            </html>

            """;
    }

    /// <summary>Writes the page; a reader never sees half of it.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(string path) => AtomicWrite.Text(path, ToString());

    private void Caption(string? caption)
    {
        if (caption is not null)
        {
            body.Append("<figcaption>").Append(Html.Prose(caption)).Append("</figcaption>");
        }
    }

    private static bool IsNumeric(string cell) =>
        cell.Length == 0 || char.IsAsciiDigit(cell[0]) || "+-−±–—≤≥<".Contains(cell[0], StringComparison.Ordinal) || cell is "NaN" or "n/a";

    private static string Css()
    {
        using var stream = typeof(ReportBuilder).Assembly.GetManifestResourceStream("report.css")!;
        return new StreamReader(stream).ReadToEnd();
    }
}
