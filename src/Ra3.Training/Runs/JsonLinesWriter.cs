using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ra3.Training.Runs;

/// <summary>An append-only file of JSON objects, one a line, each led by its step; steps never go back.</summary>
public sealed class JsonLinesWriter : IDisposable
{
    private readonly FileStream file;
    private long lastStep;

    /// <summary>Opens the file to append to it.</summary>
    /// <param name="path">The file; created where absent.</param>
    /// <param name="resumedStep">Lines of later steps, and a torn last line, are cut off; null keeps every line.</param>
    public JsonLinesWriter(string path, long? resumedStep)
    {
        // No buffer of our own: each write goes to the operating system at once.
        file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        if (resumedStep is { } step)
        {
            file.SetLength(KeptLength(file, step));
        }

        lastStep = resumedStep ?? long.MinValue;
        file.Seek(0, SeekOrigin.End);
    }

    /// <summary>Appends a line, whole or not at all.</summary>
    /// <param name="step">Never less than in the call before.</param>
    /// <param name="content">An object whose properties become the keys of the line, in camelCase; one named step is left out.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step went back.</exception>
    /// <exception cref="IOException">The disk is full or gone; the file is as before.</exception>
    public void Write(long step, object content)
    {
        if (step < lastStep)
        {
            throw new ArgumentOutOfRangeException(nameof(step), $"Step {step} was logged after step {lastStep}: steps never go back.");
        }

        lastStep = step;
        var line = new JsonObject { ["step"] = step };
        foreach (var (key, value) in JsonSerializer.SerializeToNode(content, RunJson.Options)!.AsObject())
        {
            if (key != "step")
            {
                line.Add(key, value?.DeepClone());
            }
        }

        WholeAppend.Write(file, Encoding.UTF8.GetBytes(line.ToJsonString(RunJson.Options) + "\n"));
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    /// <summary>Bytes up to the end of the last whole line of a step that is not after <paramref name="step"/>, looked for from the
    /// end: steps never go back, and a run of days has written gigabytes.</summary>
    private static long KeptLength(FileStream file, long step)
    {
        var end = LineStart(file, file.Length);
        while (end > 0)
        {
            var start = LineStart(file, end - 1);
            var line = new byte[end - start];
            RandomAccess.Read(file.SafeFileHandle, line, start);
            if (StepOf(line) <= step)
            {
                return end;
            }

            end = start;
        }

        return 0;
    }

    /// <summary>Where the line begins that holds the byte before a position: behind the line break before that, or at 0.</summary>
    private static long LineStart(FileStream file, long position)
    {
        Span<byte> block = stackalloc byte[4096];
        while (position > 0)
        {
            var from = Math.Max(0, position - block.Length);
            var read = RandomAccess.Read(file.SafeFileHandle, block[..(int)(position - from)], from);
            if (block[..read].LastIndexOf((byte)'\n') is >= 0 and var at)
            {
                return from + at + 1;
            }

            position = from;
        }

        return 0;
    }

    private static long? StepOf(byte[] line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.GetProperty("step").GetInt64();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }
}
