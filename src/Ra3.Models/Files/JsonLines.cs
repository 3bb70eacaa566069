using System.Text.Json;

namespace Ra3.Models.Files;

/// <summary>A line of a JSON-lines file that is not blank.</summary>
/// <param name="Path">The file.</param>
/// <param name="Number">From 1; blank lines count.</param>
/// <param name="Bytes">The line in UTF-8 without its end; good until the next line is asked for.</param>
/// <param name="IsTooLong">Whether it was longer than the reader's limit, so that it was passed over.</param>
/// <param name="IsWhole">Whether a line break ended it; the last line of a killed writer has none.</param>
/// <param name="End">Bytes of the (unpacked) file up to the end of the line, its break included.</param>
public readonly record struct JsonLine(string Path, long Number, ReadOnlyMemory<byte> Bytes, bool IsTooLong, bool IsWhole, long End)
{
    /// <summary>The line's value. NaN and infinities as Python writes them are objects (see <see cref="PythonJson"/>).</summary>
    /// <exception cref="InvalidDataException">The line is not JSON, or too long; names file and line.</exception>
    public JsonElement Parse()
    {
        if (IsTooLong)
        {
            throw Fault("it is too long");
        }

        try
        {
            return PythonJson.Parse(Bytes.Span);
        }
        catch (JsonException e)
        {
            throw Fault("not valid JSON: " + e.Message, e);
        }
    }

    /// <summary>What is wrong with the line, as a sentence that names file and line.</summary>
    /// <param name="what">Without the full stop.</param>
    /// <param name="cause">What was thrown, if anything was.</param>
    public InvalidDataException Fault(string what, Exception? cause = null) =>
        new($"{Path}, line {Number}: {what.ReplaceLineEndings(" ").TrimEnd('.')}.", cause);
}

/// <summary>
/// JSON-lines files: the one reader for corpora, problems, samples, results and logs. Files may be packed
/// (<see cref="PackedFile"/>); a byte order mark is passed over.
/// </summary>
public static class JsonLines
{
    private const long Longest = 1 << 30;

    /// <summary>The lines that are not blank, read as they are asked for.</summary>
    /// <param name="path">The file.</param>
    /// <param name="longest">Longest line in bytes; a longer one takes no more memory than that.</param>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is packed, and torn.</exception>
    public static IEnumerable<JsonLine> Read(string path, long longest = Longest)
    {
        using var stream = PackedFile.OpenRead(path);
        var lines = new BoundedLines(stream, longest);
        for (long number = 1; lines.Next(out var bytes, out var isTooLong, out var isWhole); number++)
        {
            bytes = number == 1 && bytes.Span.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
            if (isTooLong || !bytes.Span.Trim(" \t\r"u8).IsEmpty)
            {
                yield return new JsonLine(path, number, bytes, isTooLong, isWhole, lines.Position);
            }
        }
    }

    /// <summary>The objects of a log that grows line by line; none where it is absent. The last line is left out where it is
    /// torn: the log is being written, or was cut by a power failure.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How a line was written.</param>
    /// <exception cref="InvalidDataException">Another line is not as written; names file and line.</exception>
    public static IEnumerable<T> ReadLog<T>(string path, JsonSerializerOptions options)
    {
        if (!File.Exists(path))
        {
            yield break;
        }

        foreach (var line in Read(path))
        {
            T? item;
            try
            {
                item = JsonSerializer.Deserialize<T>(line.Bytes.Span, options);
            }
            catch (JsonException e)
            {
                if (!line.IsWhole)
                {
                    yield break;
                }

                throw line.Fault("not as written: " + e.Message, e);
            }

            if (item is not null)
            {
                yield return item;
            }
        }
    }
}
