using System.CommandLine;

namespace Ra3.Cli;

/// <summary>
/// Shows something in parts on a terminal and waits for a key between them: Enter or space for the next, q for the end.
/// Elsewhere, with --no-pager, or where nobody answers, everything comes at once.
/// </summary>
internal sealed class Pager
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5); // a terminal without a user must not hold a program for ever
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);

    private readonly TextWriter writer;
    private readonly Func<ConsoleKeyInfo?> key;
    private readonly TimeProvider clock;
    private readonly Action<TimeSpan> wait;
    private readonly CancellationToken stop;
    private bool waits;

    /// <param name="waits">Whether it may wait for keys.</param>
    /// <param name="stop">Ends a wait.</param>
    public Pager(bool waits, CancellationToken stop)
        : this(
            waits && !Console.IsOutputRedirected && !Console.IsInputRedirected, Console.Error,
            () => Console.KeyAvailable ? Console.ReadKey(intercept: true) : null, TimeProvider.System, time => stop.WaitHandle.WaitOne(time), stop)
    {
    }

    internal Pager(
        bool waits, TextWriter writer, Func<ConsoleKeyInfo?> key, TimeProvider clock, Action<TimeSpan> wait, CancellationToken stop) =>
        (this.waits, this.writer, this.key, this.clock, this.wait, this.stop) = (waits, writer, key, clock, wait, stop);

    /// <summary>The option that turns waiting off.</summary>
    public static Option<bool> Option() => new("--no-pager")
    {
        Description = "Write everything at once; on a terminal a key is waited for after each part otherwise.",
    };

    /// <summary>Writes the parts in turn.</summary>
    /// <param name="parts">The parts.</param>
    /// <param name="print">Writes one of them.</param>
    /// <param name="end">Where q leads to, in a word or two.</param>
    /// <exception cref="OperationCanceledException">Stopped, in a wait or between parts.</exception>
    public void Show<T>(IReadOnlyList<T> parts, Action<T> print, string end)
    {
        for (var i = 0; i < parts.Count; i++)
        {
            stop.ThrowIfCancellationRequested();
            print(parts[i]);
            if (waits && i < parts.Count - 1)
            {
                writer.Write($"{i + 1} of {parts.Count} · Enter: on, q: {end} ");
                var goesOn = GoesOn();
                writer.WriteLine();
                if (!goesOn)
                {
                    return;
                }
            }
        }
    }

    private bool GoesOn()
    {
        var start = clock.GetTimestamp();
        while (clock.GetElapsedTime(start) < Patience)
        {
            stop.ThrowIfCancellationRequested();
            switch (key())
            {
                case { Key: ConsoleKey.Enter or ConsoleKey.Spacebar }:
                    return true;
                case { Key: ConsoleKey.Q or ConsoleKey.Escape }:
                    return false;
                case { KeyChar: '\u0004' }: // the end of the input, as a terminal says it
                    waits = false;
                    return true;
                case null:
                    wait(Glance);
                    break;
            }
        }

        waits = false;
        return true;
    }
}
