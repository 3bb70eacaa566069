using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Ra3.Corpora;

/// <summary>How a corpus is read.</summary>
public sealed record CorpusOptions
{
    /// <summary>
    /// The JSON or Parquet field that holds the text, by name or by path ("meta.body"); null takes the first of "text",
    /// "content" and "code" that is not blank. A column at the top level goes before nested ones of the same name.
    /// </summary>
    public string? TextField { get; init; }

    /// <summary>Longer documents are left out (UTF-8 bytes).</summary>
    public int MaxDocumentBytes { get; init; } = 1_000_000;

    /// <summary>Files left out, by their path below the folder that was named ('/' between the parts); null leaves none out.</summary>
    public Func<string, bool>? Exclude { get; init; }
}

/// <summary>
/// Reads documents from files and folders: .py files, .jsonl (also .jsonl.gz and .jsonl.zst) and .parquet. Folders are searched to the
/// bottom (hidden folders and links to folders aside); files of other kinds are left out. The order is that of the paths named, and within
/// a folder the ordinal order of paths. Texts are given out once, however often they occur, and without a byte order mark.
/// </summary>
public sealed class CorpusReader
{
    private static readonly string[] JsonLines = [".jsonl", ".jsonl.gz", ".jsonl.zst"];
    private readonly CorpusOptions options;
    private readonly List<(string Path, string Id)> files;
    private readonly List<string> others = [];
    private readonly string pathList;

    /// <summary>Finds the files; none is opened yet.</summary>
    /// <param name="paths">Files and folders.</param>
    /// <param name="options">How to read; null for the defaults.</param>
    /// <exception cref="FileNotFoundException">A path does not exist.</exception>
    /// <exception cref="ArgumentException">No path was named, or a file is of a kind that cannot be read.</exception>
    public CorpusReader(IReadOnlyList<string> paths, CorpusOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(paths);
        if (paths.Count == 0)
        {
            throw new ArgumentException("A corpus needs at least one file or folder.", nameof(paths));
        }

        this.options = options ?? new CorpusOptions();
        pathList = string.Join(", ", paths);
        files = [.. paths.SelectMany(Find)];
    }

    /// <summary>What the last <see cref="Read"/> found so far.</summary>
    public CorpusReport Report { get; private set; } = new();

    /// <summary>The files that will be read, in order.</summary>
    public IReadOnlyList<string> Files => files.ConvertAll(file => file.Path);

    /// <summary>
    /// The documents, read as they are asked for. Ids are paths below the named folder, with ":line" or ":row" (from 1) in files of many.
    /// </summary>
    /// <param name="leftOut">Told of each document and file that is left out, as it is met; null for none.</param>
    /// <exception cref="InvalidDataException">Thrown at the end when there was no document at all.</exception>
    public IEnumerable<SourceDocument> Read(Action<LeftOut>? leftOut = null)
    {
        var report = Report = new CorpusReport(leftOut);
        others.ForEach(id => report.Skip(SkipReason.OtherKind, id));
        var seen = new HashSet<UInt128>();
        foreach (var (path, id) in files)
        {
            report.Files++;
            foreach (var (document, field) in ReadFile(path, id, report))
            {
                if (Accept(document, field, seen, report))
                {
                    yield return document;
                }
            }
        }

        if (report.Documents == 0)
        {
            throw new InvalidDataException(files.Count == 0
                ? $"The corpus is empty: {pathList} holds no .py, .jsonl, .jsonl.gz, .jsonl.zst or .parquet file."
                : $"The corpus is empty: nothing in {pathList} could be used. {report}");
        }
    }

    /// <summary>Changes when files come, go or are written to, or the options change. Files are known by path, size and time.</summary>
    internal string Fingerprint()
    {
        var text = new StringBuilder($"{options.TextField}\n{options.MaxDocumentBytes}\n");
        foreach (var (path, id) in files)
        {
            var file = new FileInfo(path);
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{id}\n{file.Length} {file.LastWriteTimeUtc.Ticks}\n");
        }

        return text.ToString();
    }

    private static bool Accept(SourceDocument document, string? field, HashSet<UInt128> seen, CorpusReport report)
    {
        if (string.IsNullOrWhiteSpace(document.Text))
        {
            report.Skip(SkipReason.Empty, document.Id);
            return false;
        }

        if (!seen.Add(ContentHash.Of(document.Text)))
        {
            report.Skip(SkipReason.Duplicate, document.Id);
            return false;
        }

        report.Use(Encoding.UTF8.GetByteCount(document.Text), field);
        return true;
    }

    private IEnumerable<FoundDocument> ReadFile(string path, string id, CorpusReport report)
    {
        var documents = IsPython(path) ? PythonFile.Read(path, id, options, report)
            : IsJsonLines(path) ? JsonLinesFile.Read(path, id, options, report)
            : ParquetFile.Read(path, id, options, report);
        using var each = documents.GetEnumerator();
        while (true)
        {
            try
            {
                if (!each.MoveNext())
                {
                    yield break;
                }
            }
            catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                report.Skip(SkipReason.Unreadable, id, error.Message);
                yield break;
            }

            yield return each.Current;
        }
    }

    private IEnumerable<(string Path, string Id)> Find(string named)
    {
        if (File.Exists(named))
        {
            return IsKnown(named)
                ? [(named, Path.GetFileName(named))]
                : throw new ArgumentException($"{named} is of a kind that cannot be read; a corpus is made of .py, .jsonl, .jsonl.gz, .jsonl.zst and .parquet files.", nameof(named));
        }

        if (!Directory.Exists(named))
        {
            throw new FileNotFoundException($"There is no file or folder {named}.", named);
        }

        var found = Walk(named).Select(path => (Path: path, Id: Path.GetRelativePath(named, path).Replace('\\', '/')))
            .Where(file => options.Exclude is not { } exclude || !exclude(file.Id))
            .OrderBy(file => file.Id, StringComparer.Ordinal).ToLookup(file => IsKnown(file.Path));
        others.AddRange(found[false].Select(file => file.Id));
        return found[true];
    }

    private static IEnumerable<string> Walk(string folder)
    {
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos())
        {
            if (entry is DirectoryInfo)
            {
                if (entry.LinkTarget is null && !entry.Name.StartsWith('.'))
                {
                    foreach (var path in Walk(entry.FullName))
                    {
                        yield return path;
                    }
                }
            }
            else
            {
                yield return entry.FullName;
            }
        }
    }

    private static bool IsKnown(string path) => IsPython(path) || IsJsonLines(path) || path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase);

    private static bool IsPython(string path) => path.EndsWith(".py", StringComparison.OrdinalIgnoreCase);

    private static bool IsJsonLines(string path) => JsonLines.Any(ending => path.EndsWith(ending, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Identity of texts by content.</summary>
internal static class ContentHash
{
    /// <summary>The first 128 bits of SHA-256 over the text's UTF-16 characters.</summary>
    public static UInt128 Of(ReadOnlySpan<char> text)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(text), hash);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}
