using System.Text.Json;
using Ra3.Corpora;
using Ra3.Models.Files;
using Ra3.Training.Runs;
using Spectre.Console;

namespace Ra3.Cli.Training;

/// <summary>
/// What became of a corpus. A run keeps it in its data folder as NAME.report.json, with each document left out in
/// NAME.left-out.jsonl.
/// </summary>
internal sealed record CorpusSummary
{
    public required long Files { get; init; }

    public required long Documents { get; init; }

    public required long Bytes { get; init; }

    /// <summary>Documents by the field of their text.</summary>
    public required IReadOnlyDictionary<string, long> Fields { get; init; }

    /// <summary>Fields that could have been the text too, by the documents that had them beside it.</summary>
    public required IReadOnlyDictionary<string, long> FieldsPassedOver { get; init; }

    /// <summary>Documents and files left out by reason.</summary>
    public required IReadOnlyDictionary<SkipReason, long> LeftOut { get; init; }

    /// <summary>All of it for people.</summary>
    public required string Text { get; init; }

    public static CorpusSummary Of(CorpusReport report) => new()
    {
        Files = report.Files,
        Documents = report.Documents,
        Bytes = report.Bytes,
        Fields = report.Fields,
        FieldsPassedOver = report.FieldsPassedOver,
        LeftOut = Enum.GetValues<SkipReason>().Where(reason => report.Skipped(reason) > 0).ToDictionary(reason => reason, report.Skipped),
        Text = report.ToString(),
    };

    /// <summary>The documents of a corpus; when the last one was read, a folder holds what became of it.</summary>
    public static IEnumerable<SourceDocument> Keep(CorpusReader reader, string folder, string name)
    {
        Directory.CreateDirectory(folder);
        using (var leftOut = new StreamWriter(Path.Combine(folder, name + ".left-out.jsonl")))
        {
            foreach (var document in reader.Read(item => leftOut.WriteLine(JsonSerializer.Serialize(item, RunJson.Options))))
            {
                yield return document;
            }
        }

        AtomicWrite.Text(ReportIn(folder, name), JsonSerializer.Serialize(Of(reader.Report), RunJson.Options) + "\n");
    }

    /// <summary>What a folder holds of a corpus; null for nothing.</summary>
    /// <exception cref="InvalidDataException">The file is not as written.</exception>
    public static CorpusSummary? Read(string folder, string name)
    {
        var path = ReportIn(folder, name);
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<CorpusSummary>(File.ReadAllText(path), RunJson.Options) : null;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is damaged; delete it and the run goes on without it.", e);
        }
    }

    /// <param name="console">Where to.</param>
    /// <param name="name">What the corpus is for.</param>
    public void Print(IAnsiConsole console, string name) => console.WriteLine($"{name}: {Text}");

    private static string ReportIn(string folder, string name) => Path.Combine(folder, name + ".report.json");
}
