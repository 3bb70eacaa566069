using System.Text.RegularExpressions;
using System.Xml.Linq;
using Ra3.Cli.Commands;
using Ra3.Cli.Report;

namespace Ra3.Cli.Tests;

public sealed class TheoryCommandTests
{
    [Theory]
    [InlineData("theory", "pruned")]
    [InlineData("theory", "--seeds", "9")]
    [InlineData("theory", "--seeds", "many")]
    public void Wrong_use_is_told_before_anything_runs(params string[] arguments) =>
        Shell.CreateRoot().Parse(arguments).Errors.Should().ContainSingle();

    [Fact]
    public void Every_experiment_can_be_named() =>
        Ra3.Theory.Experiment.All.Should().OnlyContain(e => TheoryCommand.Create().Parse(new[] { e.Name }, null).Errors.Count == 0);

    [Fact]
    public void A_chart_file_is_well_formed_and_holds_its_title_legend_and_colours()
    {
        var chart = new LineChart("a < b", "x", "y & z", [new ChartSeries("first", [(1, 1), (2, 3)]), new ChartSeries("second", [(1, 2), (2, 1)]) { Dashed = true }]);
        var svg = ChartFile.Draw(chart);
        XDocument.Parse(svg).Root!.Name.LocalName.Should().Be("svg");
        svg.Should().ContainAll("a &lt; b", "y &amp; z", ">first<", ">second<");
        var used = Regex.Matches(svg, @"var\((?<name>--[a-z0-9-]+)\)", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)).Select(m => m.Groups["name"].Value).Distinct();
        used.Should().OnlyContain(name => svg.Contains(name + ":", StringComparison.Ordinal), "the palette travels with the file");
    }
}
