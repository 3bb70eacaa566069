using System.Text;
using System.Text.Json;
using Parquet;
using Parquet.Schema;
using Ra3.Models.Files;

namespace Ra3.Corpora;

/// <summary>A file that is one document.</summary>
internal static class PythonFile
{
    public static IEnumerable<FoundDocument> Read(string path, string id, CorpusOptions options, CorpusReport report)
    {
        if (new FileInfo(path).Length > options.MaxDocumentBytes)
        {
            report.Skip(SkipReason.TooLarge, id);
        }
        else if (Utf8Text.Decode(File.ReadAllBytes(path)) is { } text)
        {
            yield return new FoundDocument(new SourceDocument(id, text), Field: null);
        }
        else
        {
            report.Skip(SkipReason.NotUtf8, id);
        }
    }
}

/// <summary>A JSON object a line, plain or packed.</summary>
internal static class JsonLinesFile
{
    public static IEnumerable<FoundDocument> Read(string path, string id, CorpusOptions options, CorpusReport report)
    {
        // A line may hold other fields and escapes; far longer ones are passed over without being kept in memory.
        foreach (var line in JsonLines.Read(path, (8L * options.MaxDocumentBytes) + 65536))
        {
            var lineId = $"{id}:{line.Number}";
            if (line.IsTooLong)
            {
                report.Skip(SkipReason.TooLarge, lineId);
            }
            else if (Find(line, lineId, options, report) is { } document)
            {
                yield return document;
            }
        }
    }

    private static FoundDocument? Find(JsonLine line, string id, CorpusOptions options, CorpusReport report)
    {
        try
        {
            var row = line.Parse();
            if (row.ValueKind == JsonValueKind.Object)
            {
                return TextFields.Choose(id, Fields(row, options.TextField), options, report);
            }

            report.Skip(SkipReason.NotJson, id);
        }
        catch (InvalidDataException)
        {
            report.Skip(SkipReason.NotJson, id);
        }
        catch (InvalidOperationException)
        {
            report.Skip(SkipReason.NotUtf8, id); // the string itself does not decode
        }

        return null;
    }

    private static IEnumerable<TextField> Fields(JsonElement row, string? named)
    {
        foreach (var name in TextFields.Wanted(named))
        {
            if (At(row, name) is { ValueKind: JsonValueKind.String } value)
            {
                yield return new TextField(name, value.GetString);
            }
        }
    }

    /// <summary>The value of a key, or of a path of keys with dots between them.</summary>
    private static JsonElement? At(JsonElement row, string name)
    {
        if (row.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        return row.TryGetProperty(name, out var value) ? value
            : name.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot && row.TryGetProperty(name[..dot], out var inner) ? At(inner, name[(dot + 1)..])
            : null;
    }
}

/// <summary>A row a document.</summary>
internal static class ParquetFile
{
    public static IEnumerable<FoundDocument> Read(string path, string id, CorpusOptions options, CorpusReport report)
    {
        using var stream = File.OpenRead(path);
        var reader = Open(stream);
        try
        {
            var columns = Columns(reader, options.TextField);
            if (columns.Count == 0)
            {
                report.Skip(SkipReason.NoTextField, id, $"its columns are {string.Join(", ", reader.Schema.DataFields.Select(PathOf))}");
                yield break;
            }

            long row = 0;
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                // Further columns are read where the first one has an empty row only.
                var rows = columns.ConvertAll(column => (Name: PathOf(column), Texts: new Lazy<string?[]>(() => ReadColumn(reader, group, column))));
                for (var i = 0; i < rows[0].Texts.Value.Length; i++)
                {
                    if (TextFields.Choose($"{id}:{++row}", rows.Select(column => new TextField(column.Name, () => column.Texts.Value[i])), options, report) is { } document)
                    {
                        yield return document;
                    }
                }
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>The wanted columns, most wanted first: by path, so those at the top level; where there is none, nested ones by
    /// their last name. A column of lists has no text for each row.</summary>
    private static List<DataField> Columns(ParquetReader reader, string? named)
    {
        // The library calls a column of strings ReadOnlyMemory<char>.
        var texts = reader.Schema.DataFields.Where(column => column.ClrType == typeof(ReadOnlyMemory<char>) && column.MaxRepetitionLevel == 0).ToList();
        var wanted = TextFields.Wanted(named);
        List<DataField> Matching(Func<DataField, string> name) => [.. wanted.SelectMany(field => texts.Where(column => name(column) == field))];
        return Matching(PathOf) is { Count: > 0 } found ? found : Matching(column => column.Name);
    }

    private static string PathOf(DataField column) => string.Join('.', column.Path.ToList());

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
