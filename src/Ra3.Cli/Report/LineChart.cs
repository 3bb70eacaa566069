using System.Globalization;
using System.Text.RegularExpressions;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace Ra3.Cli.Report;

/// <summary>One curve: points in order of x; points that are not finite leave a gap.</summary>
/// <param name="Name">Shown in the legend; the same name has the same colour in every chart of a report.</param>
/// <param name="Points">x and y.</param>
internal sealed record ChartSeries(string Name, IReadOnlyList<(double X, double Y)> Points)
{
    /// <summary>Low and high around the curve at its own x, e.g. over seeds.</summary>
    public IReadOnlyList<(double X, double Low, double High)> Band { get; init; } = [];

    public bool Dashed { get; init; }
}

/// <summary>A line chart.</summary>
internal sealed record LineChart(string Title, string XLabel, string YLabel, IReadOnlyList<ChartSeries> Series)
{
    public bool LogX { get; init; }

    public bool LogY { get; init; }

    public string? Caption { get; init; }
}

/// <summary>Draws a line chart as SVG whose colours are CSS variables, so that it follows the page's light or dark theme.</summary>
internal static partial class ChartSvg
{
    public const int Colors = 6; // --series-0 … --series-5 in report.css

    private const int Width = 760;
    private const int Height = 380;
    private const int ManyPoints = 300; // beyond this a curve is drawn thin, with its running mean on top

    // OxyPlot writes literal colours; these stand for the variables and are exchanged afterwards.
    private static readonly OxyColor Ink = OxyColor.FromRgb(1, 1, 1);
    private static readonly OxyColor Grid = OxyColor.FromRgb(1, 1, 2);

    /// <summary>The chart as an SVG element.</summary>
    /// <param name="chart">What to draw.</param>
    /// <param name="colors">Colour index of each series, in order.</param>
    /// <param name="id">Tells this chart from the others of the page: clip paths are named page-wide.</param>
    public static string Draw(LineChart chart, IReadOnlyList<int> colors, int id)
    {
        var model = new PlotModel
        {
            TextColor = Ink,
            PlotAreaBorderColor = OxyColors.Transparent,
            Background = OxyColors.Transparent,
            DefaultFontSize = 13,
            DefaultFont = "sans-serif",
            // OxyPlot takes the labels of the y axis for narrower than browsers draw them: without room on the left their minus is cut off.
            Padding = new OxyThickness(32, 8, 16, 2),
        };
        model.Axes.Add(Axis(AxisPosition.Bottom, chart.XLabel, chart.LogX));
        model.Axes.Add(Axis(AxisPosition.Left, null, chart.LogY)); // what y is stands in the heading, where it is read
        for (var i = 0; i < chart.Series.Count; i++)
        {
            AddBand(model, chart.Series[i], Color(colors[i]));
        }

        for (var i = 0; i < chart.Series.Count; i++)
        {
            AddCurve(model, chart.Series[i], Color(colors[i]));
        }

        var svg = new SvgExporter { Width = Width, Height = Height, IsDocument = false }.ExportToString(model);
        svg = svg[svg.IndexOf("<svg", StringComparison.Ordinal)..]; // no XML declaration inside a page
        svg = SvgHead().Replace(svg, $"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{Html.Escape(chart.Title)}\" xmlns=\"http://www.w3.org/2000/svg\">", 1);
        svg = ClipName().Replace(svg, $"chart{id}-clip${{number}}");
        svg = svg.Replace("rgb(1,1,1)", "var(--ink-soft)", StringComparison.Ordinal).Replace("rgb(1,1,2)", "var(--rule)", StringComparison.Ordinal);
        return SeriesColor().Replace(svg, "var(--series-${index})");
    }

    /// <summary>Means of consecutive points, so that at most <paramref name="count"/> remain.</summary>
    internal static List<(double X, double Y)> Means(IReadOnlyList<(double X, double Y)> points, int count)
    {
        var size = (points.Count + count - 1) / count;
        return [.. points.Chunk(size).Select(chunk => (chunk.Average(p => p.X), chunk.Average(p => p.Y)))];
    }

    private static OxyColor Color(int index) => OxyColor.FromRgb(1, 2, (byte)index);

    private static Axis Axis(AxisPosition position, string? label, bool logarithmic)
    {
        Axis axis = logarithmic ? new LogarithmicAxis { UseSuperExponentialFormat = false } : new LinearAxis();
        axis.Position = position;
        axis.Title = label;
        axis.AxisTitleDistance = 8;
        axis.LabelFormatter = TickLabel;
        axis.MajorGridlineStyle = position == AxisPosition.Left ? LineStyle.Solid : LineStyle.None;
        axis.MajorGridlineColor = Grid;
        axis.MajorGridlineThickness = 1;
        axis.MinorTickSize = 0;
        axis.MajorTickSize = position == AxisPosition.Left ? 0 : 4;
        axis.TicklineColor = Grid;
        axis.AxislineColor = Grid;
        axis.AxislineStyle = position == AxisPosition.Bottom ? LineStyle.Solid : LineStyle.None;
        axis.MinimumPadding = position == AxisPosition.Left ? 0.06 : 0;
        axis.MaximumPadding = position == AxisPosition.Left ? 0.06 : 0.01;
        axis.IntervalLength = position == AxisPosition.Left ? 50 : 90;
        return axis;
    }

    private static string TickLabel(double value) => Math.Abs(value) switch
    {
        >= 1e9 => (value / 1e9).ToString("0.###G", CultureInfo.InvariantCulture),
        >= 1e6 => (value / 1e6).ToString("0.###M", CultureInfo.InvariantCulture),
        >= 1e4 => (value / 1e3).ToString("0.###k", CultureInfo.InvariantCulture),
        0 or >= 1e-4 => value.ToString("0.######", CultureInfo.InvariantCulture),
        _ => value.ToString("0.##e0", CultureInfo.InvariantCulture),
    };

    private static void AddBand(PlotModel model, ChartSeries series, OxyColor color)
    {
        if (series.Band.Count == 0)
        {
            return;
        }

        var area = new AreaSeries { Fill = OxyColor.FromAColor(40, color), Color = OxyColors.Transparent, Color2 = OxyColors.Transparent };
        area.Points.AddRange(series.Band.Select(b => new DataPoint(b.X, b.Low)));
        area.Points2.AddRange(series.Band.Select(b => new DataPoint(b.X, b.High)));
        model.Series.Add(area);
    }

    private static void AddCurve(PlotModel model, ChartSeries series, OxyColor color)
    {
        var finite = series.Points.Where(p => double.IsFinite(p.X) && double.IsFinite(p.Y)).ToList();
        if (finite.Count > ManyPoints)
        {
            model.Series.Add(Curve(finite, OxyColor.FromAColor(70, color), 1, series.Dashed));
            model.Series.Add(Curve(Means(finite, ManyPoints / 5), color, 2.2, series.Dashed));
            return;
        }

        var curve = Curve(series.Points, color, 2.2, series.Dashed);
        if (series.Points.Count <= 12)
        {
            (curve.MarkerType, curve.MarkerSize, curve.MarkerFill) = (MarkerType.Circle, 3.5, color);
        }

        model.Series.Add(curve);
    }

    private static LineSeries Curve(IEnumerable<(double X, double Y)> points, OxyColor color, double thickness, bool dashed)
    {
        var line = new LineSeries { Color = color, StrokeThickness = thickness, LineJoin = LineJoin.Round, LineStyle = dashed ? LineStyle.Dash : LineStyle.Solid };
        line.Points.AddRange(points.Select(p => double.IsFinite(p.Y) ? new DataPoint(p.X, p.Y) : DataPoint.Undefined));
        return line;
    }

    [GeneratedRegex("<svg [^>]*>", RegexOptions.None, 1000)]
    private static partial Regex SvgHead();

    [GeneratedRegex(@"clipPath(?<number>\d+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ClipName();

    [GeneratedRegex(@"rgb\(1,2,(?<index>\d)\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex SeriesColor();
}
