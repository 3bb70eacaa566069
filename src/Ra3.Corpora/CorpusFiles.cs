using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Parquet;
using Parquet.Schema;
using ZstdSharp;

namespace Ra3.Corpora;

/// <summary>A file that is one document.</summary>
internal static class PythonFile
{
    public static IEnumerable<SourceDocument> Read(string path, string id, CorpusOptions options, CorpusReport report)
    {
        if (new FileInfo(path).Length > options.MaxDocumentBytes)
        {
            report.Skip(SkipReason.TooLarge, id);
        }
        else if (Utf8Text.Decode(File.ReadAllBytes(path)) is { } text)
        {
            yield return new SourceDocument(id, text);
        }
        else
        {
            report.Skip(SkipReason.NotUtf8, id);
        }
    }
}

/// <summary>A JSON object a line, plain or compressed.</summary>
internal static class JsonLinesFile
{
    public static IEnumerable<SourceDocument> Read(string path, string id, CorpusOptions options, CorpusReport report)
    {
        using var file = File.OpenRead(path);
        using var stream = Decompress(file, path);
        // A line may hold other fields and escapes; far longer ones are passed over without being kept in memory.
        var lines = new BoundedLines(stream, (8L * options.MaxDocumentBytes) + 65536);
        for (long number = 1; lines.Next(out var line, out var tooLong); number++)
        {
            line = number == 1 && line.Span.StartsWith("\uFEFF"u8) ? line[3..] : line;
            var lineId = $"{id}:{number}";
            if (tooLong)
            {
                report.Skip(SkipReason.TooLarge, lineId);
            }
            else if (!line.Span.Trim(" \t\r"u8).IsEmpty && ReadLine(line.Span, lineId, options, report) is { } document)
            {
                yield return document;
            }
        }
    }

    private static SourceDocument? ReadLine(ReadOnlySpan<byte> line, string id, CorpusOptions options, CorpusReport report)
    {
        var reason = SkipReason.NotJson;
        string? text = null;
        try
        {
            var reader = new Utf8JsonReader(line);
            reason = FindText(ref reader, options.TextField, out text);
        }
        catch (JsonException)
        {
            text = null;
        }
        catch (InvalidOperationException)
        {
            // The string itself does not decode.
            (text, reason) = (null, SkipReason.NotUtf8);
        }

        if (text is not null)
        {
            if (Encoding.UTF8.GetByteCount(text) <= options.MaxDocumentBytes)
            {
                return new SourceDocument(id, text.TrimStart('\uFEFF'));
            }

            reason = SkipReason.TooLarge;
        }

        report.Skip(reason, id);
        return null;
    }

    /// <summary>The first of the wanted fields, in order of preference; the whole line is read, so that a torn one is noticed.</summary>
    private static SkipReason FindText(ref Utf8JsonReader reader, string? field, out string? text)
    {
        var (best, names) = (int.MaxValue, TextFields.Wanted(field));
        text = null;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return SkipReason.NotJson;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var rank = 0;
            while (rank < names.Length && !reader.ValueTextEquals(names[rank]))
            {
                rank++;
            }

            reader.Read();
            if (rank < names.Length && rank < best && reader.TokenType == JsonTokenType.String)
            {
                (best, text) = (rank, reader.GetString());
            }
            else
            {
                reader.Skip();
            }
        }

        reader.Read();
        return SkipReason.NoTextField;
    }

    private static Stream Decompress(FileStream file, string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".gz" => new GZipStream(file, CompressionMode.Decompress),
        ".zst" => new ZstdStream(file),
        _ => file,
    };

    /// <summary>Zstandard, its errors told as those of the other formats.</summary>
    private sealed class ZstdStream(Stream inner) : DecompressionStream(inner)
    {
        public override int Read(Span<byte> buffer)
        {
            try
            {
                return base.Read(buffer);
            }
            catch (ZstdException error)
            {
                throw new InvalidDataException(error.Message, error);
            }
        }
    }
}

/// <summary>A row a document.</summary>
internal static class ParquetFile
{
    public static IEnumerable<SourceDocument> Read(string path, string id, CorpusOptions options, CorpusReport report)
    {
        using var stream = File.OpenRead(path);
        var reader = Open(stream);
        try
        {
            // The library calls a column of strings ReadOnlyMemory<char>.
            var strings = reader.Schema.DataFields.Where(column => column.ClrType == typeof(ReadOnlyMemory<char>)).ToList();
            var field = TextFields.Wanted(options.TextField).Select(name => strings.Find(column => column.Name == name)).FirstOrDefault(found => found is not null);
            if (field is null)
            {
                report.Skip(SkipReason.NoTextField, id);
                yield break;
            }

            long row = 0;
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                foreach (var text in ReadColumn(reader, group, field))
                {
                    var rowId = $"{id}:{++row}";
                    if (text is null)
                    {
                        report.Skip(SkipReason.Empty, rowId);
                    }
                    else if (Encoding.UTF8.GetByteCount(text) > options.MaxDocumentBytes)
                    {
                        report.Skip(SkipReason.TooLarge, rowId);
                    }
                    else
                    {
                        yield return new SourceDocument(rowId, text.TrimStart('\uFEFF'));
                    }
                }
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static ParquetReader Open(Stream stream) => Guard(() => ParquetReader.CreateAsync(stream).GetAwaiter().GetResult());

    private static string?[] ReadColumn(ParquetReader reader, int group, DataField field) => Guard(() =>
    {
        using var rows = reader.OpenRowGroupReader(group);
        var texts = new string?[rows.RowCount];
        rows.ReadAsync(field, texts.AsMemory()).AsTask().GetAwaiter().GetResult();
        return texts;
    });

    /// <summary>The library meets torn files with errors of many types.</summary>
    private static T Guard<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is not (IOException or OutOfMemoryException))
        {
            throw new InvalidDataException($"not a whole Parquet file ({error.Message})", error);
        }
    }
}

/// <summary>Names under which corpora keep their text.</summary>
internal static class TextFields
{
    private static readonly string[] Usual = ["text", "content", "code"];

    public static string[] Wanted(string? field) => field is null ? Usual : [field];
}

/// <summary>Strict UTF-8.</summary>
internal static class Utf8Text
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The text without its byte order mark, or null when the bytes are not UTF-8.</summary>
    public static string? Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
