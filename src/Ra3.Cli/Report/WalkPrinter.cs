using System.Globalization;
using Spectre.Console;

namespace Ra3.Cli.Report;

/// <summary>A walk through code in the terminal; the same parts as in the report.</summary>
internal static class WalkPrinter
{
    private const double Clear = 0.5; // nats from which a change is coloured at all

    public static void Print(IAnsiConsole console, CodeWalk walk)
    {
        console.MarkupLineInterpolated($"[bold]{walk.Title}[/] {walk.Caption}");
        console.WriteLine(walk.Summary());
        console.WriteLine("line  without     with  change");
        var number = walk.FirstNumber;
        foreach (var line in walk.Lines)
        {
            if (line.Thought is { } thought)
            {
                foreach (var part in thought.TrimEnd('\n').Split('\n'))
                {
                    Write(console, "                       thought ┃ ", "mediumpurple2", part, "italic mediumpurple2");
                }
            }

            var gutter = string.Create(CultureInfo.InvariantCulture, $"{Nats(line.Before),8} {Nats(line.After),8} {CodeWalk.Signed(line.Change),7} │ ");
            foreach (var part in line.Text.Split('\n')) // blank lines belong to the line before them
            {
                Write(console, string.Create(CultureInfo.InvariantCulture, $"{number++,4} ") + gutter, Color(line.Change), part.TrimEnd('\r'), "default");
                gutter = new string(' ', gutter.Length - 2) + "│ ";
            }
        }
    }

    /// <summary>Code is never wrapped or cut: the terminal does what it does with long lines.</summary>
    private static void Write(IAnsiConsole console, string gutter, string gutterStyle, string text, string style)
    {
        console.Write(new Text(gutter, Style.Parse(gutterStyle)) { Overflow = Overflow.Fold });
        console.Write(new Text(text + "\n", Style.Parse(style)) { Overflow = Overflow.Fold });
    }

    private static string Nats(double? value) => value?.ToString("0.00", CultureInfo.InvariantCulture).Replace('-', '−') ?? string.Empty;

    private static string Color(double? change) => change switch
    {
        >= CodeWalk.FullColor => "bold deepskyblue1",
        >= Clear => "deepskyblue3",
        <= -CodeWalk.FullColor => "bold darkorange",
        <= -Clear => "orange3",
        _ => "grey",
    };
}
