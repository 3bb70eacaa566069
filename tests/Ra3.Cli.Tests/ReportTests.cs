using System.Xml.Linq;
using Ra3.Cli;
using Ra3.Cli.Quickstart;
using Ra3.Cli.Report;

namespace Ra3.Tests;

public sealed class ReportTests
{
    private static readonly ChartSeries Rising = new("RA3", [(1, 1), (2, 4), (3, 9)]) { Band = [(1, 0.5, 1.5), (2, 3, 5), (3, 8, 10)] };

    [Theory]
    [InlineData(200)]
    [InlineData(40)]
    public void A_table_too_wide_for_the_console_is_printed_on_its_side_and_loses_nothing(int width)
    {
        var text = new StringWriter();
        var console = Terminal.Create(text, redirected: true);
        console.Profile.Width = width;

        QuickstartReport.Print(["arm", "cross-entropy", "bits/byte", "seconds"], [["NTP", "5.9114", "2.760", "38"], ["RA3", "5.8296", "2.722", "123"]], console);

        var lines = text.ToString().Split('\n').Where(line => line.Contains("5.9114", StringComparison.Ordinal)).ToList();
        lines.Should().ContainSingle().Which.Should().Contain(width == 200 ? "NTP" : "cross-entropy").And.Contain(width == 200 ? "2.760" : "5.8296");
        text.ToString().Should().NotContain("…");
    }

    [Fact]
    public void The_page_needs_nothing_from_elsewhere_and_follows_light_and_dark()
    {
        var page = Sample().ToString();
        page.Should().NotContainAny("<script", "<link", "src=", "@import", "url(\"", "url(h");
        page.Replace("http://www.w3.org/", string.Empty, StringComparison.Ordinal).Should().NotContain("http");
        page.Should().Contain("prefers-color-scheme: dark").And.Contain("var(--series-0)");
        page.Should().NotContain("rgb(1,", "no placeholder colour is left");
    }

    [Fact]
    public void What_a_model_wrote_cannot_become_markup()
    {
        var page = new ReportBuilder("<b>", "a & b")
            .Walk(new CodeWalk("x<y", "c", [new WalkLine("if a < b: '</div><script>'") { Thought = "<i>" }]))
            .Table(["<h>"], [["<u>"]])
            .Folded("<s>", "<pre>")
            .ToString();
        page.Should().NotContainAny("<b>", "<script>", "<i>", "<u>", "<h>", "<s>");
    }

    [Fact]
    public void Charts_are_well_formed_and_survive_empty_and_infinite_data()
    {
        foreach (var series in new ChartSeries[] { Rising, new("none", []), new("one", [(1, 1)]), new("nan", [(1, double.NaN), (2, 3), (3, double.PositiveInfinity)]) })
        {
            foreach (var log in new[] { false, true })
            {
                var svg = ChartSvg.Draw(new LineChart("t \"q\" & <r>", "step", "loss", [series]) { LogX = log, LogY = log }, [0], 0);
                FluentActions.Invoking(() => XElement.Parse(svg)).Should().NotThrow();
                svg.Should().StartWith("<svg").And.NotContain("NaN");
            }
        }
    }

    [Theory]
    [InlineData(-1.2)]
    [InlineData(-0.000123)]
    [InlineData(-123456)]
    public void No_label_of_the_y_axis_is_cut_off(double low)
    {
        const double Widest = 8.3; // pixels a digit at the charts' 13, in a wide font (DejaVu Sans)
        var svg = XElement.Parse(ChartSvg.Draw(new LineChart("t", "x", "y", [new("s", [(1, low), (2, low / 10)])]), [0], 0));
        var labels = svg.Descendants().Where(e => e.Name.LocalName == "text" && (string?)e.Attribute("text-anchor") == "end").ToList();
        labels.Should().NotBeEmpty();
        foreach (var label in labels)
        {
            var place = ((string)label.Attribute("transform")!).Split('(', ',')[1];
            double.Parse(place, System.Globalization.CultureInfo.InvariantCulture).Should().BeGreaterThan(label.Value.Length * Widest, label.Value);
        }
    }

    [Fact]
    public void The_same_series_has_the_same_colour_in_every_chart()
    {
        var page = new ReportBuilder("t", "s")
            .Chart(new LineChart("a", "x", "y", [new("NTP", [(1, 1), (2, 2)]), Rising]))
            .Chart(new LineChart("b", "x", "y", [Rising]))
            .ToString();
        var legend = page.Split("--c:var(").Skip(1).Select(p => p[..p.IndexOf('<', StringComparison.Ordinal)]).ToArray();
        legend.Should().Equal("--series-0)\">NTP", "--series-1)\">RA3", "--series-1)\">RA3");
    }

    [Fact]
    public void Running_means_keep_the_mean()
    {
        var points = Enumerable.Range(0, 1200).Select(i => ((double)i, (double)(i % 7))).ToList();
        var means = ChartSvg.Means(points, 60);
        means.Should().HaveCount(60);
        means.Average(p => p.Y).Should().BeApproximately(points.Average(p => p.Item2), 1e-9);
    }

    [Fact]
    public void A_walk_shows_each_change_with_its_sign_and_sums_them()
    {
        var html = new CodeWalk("f.py", "RA3 against the base.",
        [
            new WalkLine("import os") { Before = -3, After = -2.5 },
            new WalkLine("x = 1") { Thought = "# set x", Before = -1, After = -2.25 },
            new WalkLine("y = 2"),
        ]).ToHtml();
        html.Should().Contain(">+0.50<").And.Contain(">−1.25<").And.Contain("# set x");
        html.Should().Contain("3 lines, 1 thought;").And.Contain("−4.0 → −4.8 nats (−0.75); likelier: 1, less likely: 1");
    }

    [Fact]
    public void The_same_walk_prints_in_a_terminal()
    {
        var text = new StringWriter();
        WalkPrinter.Print(Ra3.Cli.Terminal.Create(text, redirected: true), new CodeWalk("f.py", "caption",
        [
            new WalkLine("for x in y:") { Before = -3, After = -2.5 },
            new WalkLine("    print(x)[0]") { Thought = "    # [show]", Before = -1, After = -2.25 },
        ]));
        text.ToString().Split('\n').Skip(2).Select(l => l.TrimEnd()).Should().Equal(
            "line  without     with  change",
            "   1    −3.00    −2.50   +0.50 │ for x in y:",
            "                       thought ┃     # [show]",
            "   2    −1.00    −2.25   −1.25 │     print(x)[0]",
            string.Empty);
    }

    [Theory]
    [InlineData("x = 'a # b' # c", "x = <span class=\"str\">'a # b'</span> <span class=\"com\"># c</span>")]
    [InlineData("for i in r\"\\d\":", "<span class=\"kw\">for</span> i <span class=\"kw\">in</span> <span class=\"str\">r\"\\d\"</span>:")]
    [InlineData("format(10)", "format(<span class=\"num\">10</span>)")]
    public void Python_is_highlighted(string line, string html) =>
        new PythonHighlighter().Line(line).Replace("&#39;", "'", StringComparison.Ordinal).Replace("&quot;", "\"", StringComparison.Ordinal).Should().Be(html);

    [Fact]
    public void A_docstring_over_several_lines_stays_a_string()
    {
        var highlighter = new PythonHighlighter();
        highlighter.Line("\"\"\"Return if").Should().StartWith("<span class=\"str\">").And.EndWith("Return if</span>");
        highlighter.Line("for while").Should().Be("<span class=\"str\">for while</span>");
        highlighter.Line("end\"\"\" if").Should().EndWith("</span> <span class=\"kw\">if</span>");
    }

    private static ReportBuilder Sample()
    {
        var random = new Random(1);
        double Noisy(int step, double floor) => floor + (1.6 * Math.Exp(-step / 250.0)) + (0.12 * (random.NextDouble() - 0.5));
        List<(double X, double Y)> Curve(double floor) => [.. Enumerable.Range(1, 900).Select(s => ((double)s, Noisy(s, floor)))];
        return new ReportBuilder("Mid-training on real Python code: RA3 beside next-token prediction", "Quickstart, seed 0, 10 minutes on 2 cores, made-up numbers")
            .Section("What came out")
            .Paragraph("Two arms started from the **same base** and saw the same 412 files. The table holds the loss on held-out files; lower is better. Neither arm saw them.")
            .Figures(("held-out cross-entropy, NTP", "1.912"), ("held-out cross-entropy, RA3", "1.934"), ("think share", "7.4 %"), ("lines per abstraction", "13.1"))
            .Table(["arm", "cross-entropy (nats/token)", "bits per byte", "trained tokens", "time"],
                [["base", "2.310 ± 0.011", "1.143", "3.1 M", "4 min 02 s"], ["NTP", "1.912 ± 0.010", "0.981", "1.2 M", "1 min 31 s"], ["RA3", "1.934 ± 0.010", "0.990", "1.2 M", "3 min 44 s"]],
                "Held-out files, with standard errors over files. `seconds` are wall time.")
            .Note("One seed. A difference below 0.02 is within the noise that a second seed shows.")
            .Section("Learning curves")
            .Chart(new LineChart("Cross-entropy on the mid-training files", "step", "nats per token", [new("NTP", Curve(1.7)), new("RA3", Curve(1.6))]) { Caption = "Thin: every step. Thick: means of 15 steps." })
            .Chart(new LineChart("Held-out, band over seeds", "tokens", "nats per token",
                [
                    new("NTP", [(1e3, 3), (1e4, 2.4), (1e5, 2)]),
                    new("RA3", [(1e3, 3.1), (1e4, 2.3), (1e5, 2.05)]) { Dashed = true, Band = [(1e3, 2.9, 3.3), (1e4, 2.2, 2.4), (1e5, 1.9, 2.2)] },
                ])
            { LogX = true })
            .Section("Held-out code, line by line")
            .Walk(new CodeWalk("heapq.py, lines 131–147", "RA3 against its base. Colour: how much likelier each line became.",
            [
                new WalkLine("def heappop(heap):") { Before = -9.31, After = -8.2 },
                new WalkLine("    \"\"\"Pop the smallest item off the heap,") { Before = -18.4, After = -17.9 },
                new WalkLine("    maintaining the heap invariant.\"\"\"") { Before = -7.4, After = -7.6 },
                new WalkLine("    lastelt = heap.pop()    # raises appropriate IndexError if heap is empty") { Thought = "    # take the last leaf away, then let it sink from the root", Before = -21.04, After = -15.9 },
                new WalkLine("    if heap:") { Before = -2.2, After = -0.9 },
                new WalkLine("        returnitem = heap[0]") { Before = -5.3, After = -4.1 },
                new WalkLine("        heap[0] = lastelt") { Before = -3.9, After = -5.6 },
                new WalkLine("        _siftup(heap, 0)") { Before = -4.5, After = -9.1 },
                new WalkLine("        return returnitem") { Before = -1.1, After = -1.05 },
                new WalkLine("    return lastelt") { Thought = "    # an empty heap: nothing to restore", Before = -3.25, After = -1.5 },
            ]))
            .Folded("Resolved recipe", "steps: 900\noptimizer:\n  learningRate: 0.0003\n");
    }
}
