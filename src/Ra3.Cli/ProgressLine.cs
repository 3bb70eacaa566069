using System.Globalization;
using System.Text;

namespace Ra3.Cli;

/// <summary>
/// One line on standard error that says how far a long loop is: phase, step of total, tokens per second, named values,
/// time spent and time left. On a terminal it is rewritten in place; on a pipe a plain line appears every ten seconds.
/// Dispose leaves the last state standing.
/// </summary>
internal sealed class ProgressLine : IDisposable
{
    private static readonly TimeSpan TerminalEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PipeEvery = TimeSpan.FromSeconds(10);

    private readonly string phase;
    private readonly TextWriter writer;
    private readonly bool terminal;
    private readonly TimeProvider clock;
    private readonly long start;
    private readonly long firstStep;
    private readonly int width;
    private long lastShown;
    private string line = string.Empty;
    private bool stale; // the line holds news that is not on the screen
    private bool shown;

    /// <param name="phase">What is going on, in a word or two.</param>
    /// <param name="total">Steps in all; null where that is unknown.</param>
    /// <param name="firstStep">Steps already done before this loop (a resumed run): they took no time here.</param>
    /// <param name="writer">Defaults to standard error.</param>
    /// <param name="terminal">Whether the writer is a terminal.</param>
    /// <param name="clock">Defaults to the system's.</param>
    public ProgressLine(string phase, long? total = null, long firstStep = 0, TextWriter? writer = null, bool? terminal = null, TimeProvider? clock = null)
    {
        this.phase = phase;
        Total = total;
        this.firstStep = firstStep;
        this.writer = writer ?? Console.Error;
        this.terminal = terminal ?? !Console.IsErrorRedirected;
        this.clock = clock ?? TimeProvider.System;
        start = lastShown = this.clock.GetTimestamp();
        width = this.terminal && writer is null ? Math.Max(40, Console.WindowWidth) : int.MaxValue;
        if (this.terminal && total is not null)
        {
            line = Compose(firstStep, 0, TimeSpan.Zero, []); // the first step may take long
            Show(start);
        }
    }

    /// <summary>Steps in all; may be corrected on the way.</summary>
    public long? Total { get; set; }

    /// <summary>Says that <paramref name="step"/> steps are done. Cheap: writes only when something is due.</summary>
    /// <param name="step">Steps done, those before a resume included.</param>
    /// <param name="tokens">Tokens that this loop has processed since it began; 0 leaves the rate out.</param>
    /// <param name="values">What else to show, such as ("loss", 2.31).</param>
    public void Report(long step, long tokens = 0, params ReadOnlySpan<(string Name, double Value)> values)
    {
        var now = clock.GetTimestamp();
        line = Compose(step, tokens, clock.GetElapsedTime(start, now), values);
        stale = true;
        if (terminal ? !shown || clock.GetElapsedTime(lastShown, now) >= TerminalEvery : clock.GetElapsedTime(lastShown, now) >= PipeEvery)
        {
            Show(now);
        }
    }

    /// <summary>Writes a line that stays, above the progress.</summary>
    public void Note(string text)
    {
        writer.WriteLine(terminal ? "\r\e[K" + text : text);
        if (terminal)
        {
            writer.Write(Fit(line));
        }
    }

    public void Dispose()
    {
        if (stale)
        {
            Show(clock.GetTimestamp());
        }

        if (terminal && shown)
        {
            writer.WriteLine();
        }
    }

    private void Show(long now)
    {
        lastShown = now;
        shown = true;
        stale = false;
        if (terminal)
        {
            writer.Write("\r" + Fit(line) + "\e[K");
        }
        else
        {
            writer.WriteLine(line);
        }

        writer.Flush();
    }

    private string Fit(string text) => text.Length < width ? text : text[..(width - 1)];

    private string Compose(long step, long tokens, TimeSpan elapsed, ReadOnlySpan<(string Name, double Value)> values)
    {
        var text = new StringBuilder(phase).Append(CultureInfo.InvariantCulture, $"  {step}");
        if (Total is { } total)
        {
            text.Append(CultureInfo.InvariantCulture, $"/{total}");
        }

        if (tokens > 0 && elapsed > TimeSpan.Zero)
        {
            text.Append("  ").Append(Count(tokens / elapsed.TotalSeconds)).Append(" tok/s");
        }

        foreach (var (name, value) in values)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {name} {value:0.####}");
        }

        text.Append("  ").Append(Duration(elapsed));
        if (Total is { } all && step > firstStep && step < all)
        {
            text.Append(", ").Append(Duration(elapsed * ((all - step) / (double)(step - firstStep)))).Append(" left");
        }

        return text.ToString();
    }

    /// <summary>A number in at most five characters: 950, 12.3k, 4.56M.</summary>
    internal static string Count(double value) => value switch
    {
        < 1000 => value.ToString("0", CultureInfo.InvariantCulture),
        < 1e6 => (value / 1e3).ToString(value < 1e5 ? "0.0k" : "0k", CultureInfo.InvariantCulture),
        _ => (value / 1e6).ToString("0.00M", CultureInfo.InvariantCulture),
    };

    /// <summary>A duration as people say it: 8 s, 3 min 20 s, 2 h 05 min.</summary>
    internal static string Duration(TimeSpan time)
    {
        var seconds = (long)Math.Round(time.TotalSeconds);
        return seconds switch
        {
            < 60 => $"{seconds} s",
            < 3600 => $"{seconds / 60} min {seconds % 60:00} s",
            _ => $"{seconds / 3600} h {seconds % 3600 / 60:00} min",
        };
    }
}
