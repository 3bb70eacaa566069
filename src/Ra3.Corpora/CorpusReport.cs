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
}

/// <summary>What a <see cref="CorpusReader"/> found, for people: how much was used, how much was left out and why.</summary>
public sealed class CorpusReport
{
    private const int ExamplesKept = 3;
    private static readonly int Reasons = Enum.GetValues<SkipReason>().Length;
    private readonly long[] skipped = new long[Reasons];
    private readonly List<string>[] examples = [.. Enumerable.Range(0, Reasons).Select(_ => new List<string>())];

    /// <summary>Files opened.</summary>
    public long Files { get; internal set; }

    /// <summary>Documents given out.</summary>
    public long Documents { get; private set; }

    /// <summary>Their UTF-8 bytes.</summary>
    public long Bytes { get; private set; }

    /// <summary>Documents left out for a reason.</summary>
    public long Skipped(SkipReason reason) => skipped[(int)reason];

    /// <summary>The first few documents left out for a reason, by id.</summary>
    public IReadOnlyList<string> Examples(SkipReason reason) => examples[(int)reason];

    /// <summary>Lines such as "1,204 documents (9.7 MB) from 1,210 files" and "3 left out: not UTF-8 (a.py, b.py, …)".</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Documents:N0} documents ({Bytes / 1e6:N1} MB) from {Files:N0} files");
        foreach (var reason in Enum.GetValues<SkipReason>())
        {
            if (Skipped(reason) is var count and > 0)
            {
                var more = count > ExamplesKept ? ", …" : "";
                text.AppendLine().Append(CultureInfo.InvariantCulture, $"  {count:N0} left out: {Describe(reason)} ({string.Join(", ", Examples(reason))}{more})");
            }
        }

        return text.ToString();
    }

    internal void Use(long bytes)
    {
        Documents++;
        Bytes += bytes;
    }

    internal void Skip(SkipReason reason, string id)
    {
        skipped[(int)reason]++;
        if (examples[(int)reason].Count < ExamplesKept)
        {
            examples[(int)reason].Add(id);
        }
    }

    private static string Describe(SkipReason reason) => reason switch
    {
        SkipReason.Empty => "empty",
        SkipReason.TooLarge => "over the size limit",
        SkipReason.NotUtf8 => "not UTF-8",
        SkipReason.Duplicate => "same text as an earlier one",
        SkipReason.NotJson => "not a JSON object",
        SkipReason.NoTextField => "no text field",
        _ => "could not be read to the end",
    };
}
