using System.Globalization;
using System.Text;

namespace Ra3.Cli.Report;

/// <summary>A line chart as an SVG file of its own: title, unit and legend inside, colours of the report, light and dark.</summary>
internal static class ChartFile
{
    private const int Width = 800;
    private const int Margin = 20;
    private const double LetterWidth = 7; // of a 13-pixel sans-serif, on the wide side: entries must not overlap

    public static string Draw(LineChart chart)
    {
        var legend = new StringBuilder();
        double x = Margin, y = 52;
        for (var i = 0; i < chart.Series.Count; i++)
        {
            var series = chart.Series[i];
            var entry = 46 + (series.Name.Length * LetterWidth);
            if (x + entry > Width && x > Margin)
            {
                (x, y) = (Margin, y + 22);
            }

            var dash = series.Dashed ? " stroke-dasharray=\"5 3\"" : string.Empty;
            legend.Append(CultureInfo.InvariantCulture, $"<path d=\"M{x:0.#} {y - 4:0.#}h20\" stroke=\"var(--series-{i % ChartSvg.Colors})\" stroke-width=\"3\"{dash}/>")
                .Append(CultureInfo.InvariantCulture, $"<text x=\"{x + 26:0.#}\" y=\"{y:0.#}\">{Html.Escape(series.Name)}</text>");
            x += entry;
        }

        var top = (int)y + 14;
        var drawn = ChartSvg.Draw(chart, [.. chart.Series.Select((_, i) => i % ChartSvg.Colors)], 0);
        var plot = drawn[drawn.IndexOf("<svg ", StringComparison.Ordinal)..].Replace("<svg ", string.Create(CultureInfo.InvariantCulture, $"<svg x=\"{Margin}\" y=\"{top}\" width=\"760\" height=\"380\" overflow=\"visible\" "), StringComparison.Ordinal);
        return string.Create(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {top + 400}" width="{Width}" height="{top + 400}">
            <style>{Colors()} svg {"{"} background: var(--paper); font: 13px sans-serif; {"}"} text {"{"} fill: var(--ink-soft); {"}"} .title {"{"} fill: var(--ink); font-weight: bold; {"}"}</style>
            <text x="{Margin}" y="26"><tspan class="title">{Html.Escape(chart.Title)}</tspan><tspan dx="10">{Html.Escape(chart.YLabel)}</tspan></text>
            {legend}
            {plot}
            </svg>

            """);
    }

    // The head of the style sheet, up to its first rule for elements, is the palette.
    private static string Colors()
    {
        using var stream = typeof(ChartFile).Assembly.GetManifestResourceStream("report.css")!;
        var css = new StreamReader(stream).ReadToEnd();
        return css[..css.IndexOf("* {", StringComparison.Ordinal)];
    }
}
