using System.Text;

namespace Ra3.Corpora;

/// <summary>A document as a file holds it.</summary>
/// <param name="Document">The document.</param>
/// <param name="Field">The field it was taken from; null where the file is the document.</param>
internal readonly record struct FoundDocument(SourceDocument Document, string? Field);

/// <summary>A field of a row that may be its text.</summary>
/// <param name="Name">Its name, or its path with dots.</param>
/// <param name="Read">Gives the text; null for none.</param>
internal readonly record struct TextField(string Name, Func<string?> Read);

/// <summary>Which field of a row is its text.</summary>
internal static class TextFields
{
    private static readonly string[] Usual = ["text", "content", "code"];

    /// <summary>Names to look for, most wanted first.</summary>
    public static string[] Wanted(string? named) => named is null ? Usual : [named];

    /// <summary>The first field that is not blank, as a document; a row without one is left out, with the reason.</summary>
    public static FoundDocument? Choose(string id, IEnumerable<TextField> fields, CorpusOptions options, CorpusReport report)
    {
        FoundDocument? found = null;
        var reason = SkipReason.NoTextField;
        foreach (var (name, read) in fields)
        {
            if (found is not null || reason == SkipReason.TooLarge)
            {
                report.PassOver(name);
                continue;
            }

            var text = read();
            if (string.IsNullOrWhiteSpace(text))
            {
                reason = SkipReason.Empty;
            }
            else if (Encoding.UTF8.GetByteCount(text) > options.MaxDocumentBytes)
            {
                reason = SkipReason.TooLarge;
            }
            else
            {
                found = new FoundDocument(new SourceDocument(id, text.TrimStart('\uFEFF')), name);
            }
        }

        if (found is null)
        {
            report.Skip(reason, id);
        }

        return found;
    }
}
