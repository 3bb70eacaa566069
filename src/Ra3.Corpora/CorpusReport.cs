using System.Globalization;
using System.Text;

namespace Ra3.Corpora;

/// <summary>Why a document of a corpus was left out.</summary>
public enum SkipReason
{
    /// <summary>Nothing but white space.</summary>
    Empty,

    /// <summary>Longer than <see cref="CorpusOptions.MaxDocumentBytes"/>.</summary>
    TooLarge,

    /// <summary>Its bytes are not UTF-8 (or its JSON escapes half a character).</summary>
    NotUtf8,

    /// <summary>A document with the very same text came before.</summary>
    Duplicate,

    /// <summary>A line of a JSONL file that is not a JSON object.</summary>
    NotJson,

    /// <summary>A JSON object or Parquet file without the text field.</summary>
    NoTextField,

    /// <summary>A file that could not be read, or not to its end; what came before the break was used.</summary>
    Unreadable,

    /// <summary>A file in a folder that is of no kind a corpus is made of.</summary>
    OtherKind,
}

/// <summary>A document, or a file, that a corpus does not use.</summary>
/// <param name="Id">As that of a <see cref="SourceDocument"/>.</param>
/// <param name="Reason">Why.</param>
/// <param name="Detail">More about why, where there is more to say.</param>
public sealed record LeftOut(string Id, SkipReason Reason, string? Detail);

/// <summary>What a <see cref="CorpusReader"/> found, for people: how much was used, from which fields, what was left out and why.</summary>
public sealed class CorpusReport
{
    private const int ExamplesKept = 3;
    private static readonly int Reasons = Enum.GetValues<SkipReason>().Length;
    private readonly long[] skipped = new long[Reasons];
    private readonly List<string>[] examples = [.. Enumerable.Range(0, Reasons).Select(_ => new List<string>())];
    private readonly SortedDictionary<string, long> fields = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> passedOver = new(StringComparer.Ordinal);
    private readonly Action<LeftOut>? leftOut;

    internal CorpusReport(Action<LeftOut>? leftOut = null) => this.leftOut = leftOut;

    /// <summary>Files opened.</summary>
    public long Files { get; internal set; }

    /// <summary>Documents given out.</summary>
    public long Documents { get; private set; }

    /// <summary>Their UTF-8 bytes.</summary>
    public long Bytes { get; private set; }

    /// <summary>Documents given out by the JSON or Parquet field that holds their text; those of .py files have none.</summary>
    public IReadOnlyDictionary<string, long> Fields => fields;

    /// <summary>Fields that could have been the text too, with the number of documents that had them beside it.</summary>
    public IReadOnlyDictionary<string, long> FieldsPassedOver => passedOver;

    /// <summary>Documents left out for a reason.</summary>
    public long Skipped(SkipReason reason) => skipped[(int)reason];

    /// <summary>The first few documents left out for a reason, by id.</summary>
    public IReadOnlyList<string> Examples(SkipReason reason) => examples[(int)reason];

    /// <summary>Lines such as "1,204 documents (9.7 MB) from 1,210 files", "text is the field "content" (1,204)" and
    /// "3 left out: not UTF-8 (a.py, b.py, …)".</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Documents:N0} document{(Documents == 1 ? "" : "s")} ({Bytes / 1e6:N1} MB) from {Files:N0} file{(Files == 1 ? "" : "s")}");
        if (fields.Count > 0)
        {
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  text is {List(fields)}");
        }

        if (passedOver.Count > 0)
        {
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  beside it and not used: {List(passedOver)}; name the text field to use another");
        }

        foreach (var reason in Enum.GetValues<SkipReason>())
        {
            if (Skipped(reason) is var count and > 0)
            {
                var more = count > ExamplesKept ? ", …" : "";
                text.AppendLine().Append(CultureInfo.InvariantCulture, $"  {count:N0} left out: {Describe(reason)} ({string.Join(", ", Examples(reason))}{more})");
            }
        }

        return text.ToString();

        static string List(SortedDictionary<string, long> counts) => string.Join(
            ", ", counts.Select(field => string.Create(CultureInfo.InvariantCulture, $"the field \"{field.Key}\" ({field.Value:N0})")));
    }

    internal void Use(long bytes, string? field)
    {
        Documents++;
        Bytes += bytes;
        if (field is not null)
        {
            fields[field] = fields.GetValueOrDefault(field) + 1;
        }
    }

    internal void PassOver(string field) => passedOver[field] = passedOver.GetValueOrDefault(field) + 1;

    internal void Skip(SkipReason reason, string id, string? detail = null)
    {
        skipped[(int)reason]++;
        if (examples[(int)reason].Count < ExamplesKept)
        {
            examples[(int)reason].Add(detail is null ? id : $"{id}: {detail}");
        }

        leftOut?.Invoke(new LeftOut(id, reason, detail));
    }

    private static string Describe(SkipReason reason) => reason switch
    {
        SkipReason.Empty => "empty",
        SkipReason.TooLarge => "over the size limit",
        SkipReason.NotUtf8 => "not UTF-8",
        SkipReason.Duplicate => "same text as an earlier one",
        SkipReason.NotJson => "not a JSON object",
        SkipReason.NoTextField => "no text field",
        SkipReason.OtherKind => "not .py, .jsonl or .parquet",
        _ => "could not be read to the end",
    };
}
