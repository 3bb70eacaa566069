using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Ra3.Models.Files;
using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>A result in a file, and what it came from.</summary>
/// <param name="Benchmark">The benchmark's name.</param>
/// <param name="Result">The judged sample.</param>
/// <param name="WrittenBy">What the program depends on (weights, sampling); empty for a program made elsewhere.</param>
/// <param name="JudgedBy">What the verdict depends on beside the program (data, tier, version).</param>
public sealed record StoredResult(string Benchmark, Result Result, Provenance WrittenBy, Provenance JudgedBy);

/// <summary>What an evaluation finds done.</summary>
/// <param name="Judged">Results that hold.</param>
/// <param name="Unjudged">Programs that hold, but whose verdict does not, or which the judge failed on.</param>
/// <param name="Notes">What no longer holds, and why.</param>
public sealed record Found(IReadOnlyList<Result> Judged, IReadOnlyList<Sample> Unjudged, IReadOnlyList<string> Notes);

/// <summary>
/// <c>results.jsonl</c>: a line per judged sample, written as it is judged, so that a stopped evaluation goes on where
/// it
/// was. Each line says what its program and its verdict came from, and counts only where that is what they would come
/// from now; the others go to <c>results-old.jsonl</c>. Each line is also a sample in EvalPlus's format
/// (<c>task_id</c>, <c>solution</c>).
/// </summary>
public sealed class ResultFile : IDisposable
{
    private static readonly JsonSerializerOptions Json = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly string path;
    private readonly Lock gate = new();
    private readonly List<Line> lines = [];
    private StreamWriter writer;

    /// <summary>Opens the file, reading what an earlier run left there.</summary>
    /// <param name="path">The file; created where absent.</param>
    /// <exception cref="InvalidDataException">The file holds no results.</exception>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    public ResultFile(string path)
    {
        this.path = path;
        var whole = 0L;
        if (File.Exists(path))
        {
            // A line that a kill cut short is dropped, and judged again.
            foreach (var line in JsonLines.Read(path).TakeWhile(line => line.IsWhole))
            {
                try
                {
                    lines.Add(new Line(Encoding.UTF8.GetString(line.Bytes.Span), Read(line.Parse())));
                    whole = line.End;
                }
                catch (Exception e) when (e is KeyNotFoundException or InvalidDataException or InvalidOperationException
                    or FormatException)
                {
                    throw line.Fault($"no result ({e.Message.TrimEnd('.')}); choose another --out", e);
                }
            }
        }

        writer = Open(whole);
    }

    private string OldPath =>
        Path.Combine(Path.GetDirectoryName(path)!, Path.GetFileNameWithoutExtension(path) + "-old.jsonl");

    /// <summary>What is done of a benchmark. Lines of other programs leave the file.</summary>
    /// <param name="benchmark">The benchmark's name.</param>
    /// <param name="writtenBy">What programs written now depend on; null where they are given, by <paramref
    /// name="given"/>.</param>
    /// <param name="given">The programs given.</param>
    /// <param name="judgedBy">What verdicts found now depend on.</param>
    /// <exception cref="IOException">Writing failed; the file is as it was.</exception>
    public Found Find(string benchmark, Provenance? writtenBy, IReadOnlySet<Sample> given, Provenance judgedBy)
    {
        var theirs = lines.Where(line => line.Stored.Benchmark == benchmark && !Holds(line.Stored)).ToList();
        var notes = new List<string>();
        if (theirs.Count > 0)
        {
            notes.Add($"{benchmark}: {theirs.Count} results in {path} are of other "
                + (writtenBy is null ? "samples" : Listed(theirs.SelectMany(line => line.Stored.WrittenBy.Differences(writtenBy))))
                + $": they count no more, and are kept in {OldPath}.");
            Remove(theirs);
        }

        var ours = Newest(benchmark).Select(line => line.Stored).ToList();
        var (sound, unsound) = (new List<Result>(), new List<Sample>());
        foreach (var stored in ours)
        {
            var isSame = stored.JudgedBy.Differences(judgedBy).Count == 0;
            if (isSame && stored.Result.Verdict.Kind != VerdictKind.HarnessError)
            {
                sound.Add(stored.Result);
            }
            else
            {
                unsound.Add(stored.Result.Sample);
            }
        }

        if (unsound.Count > 0)
        {
            var why = Listed(ours.SelectMany(stored => stored.JudgedBy.Differences(judgedBy)));
            notes.Add($"{benchmark}: {unsound.Count} programs in {path} are judged again: "
                + (why.Length > 0 ? $"their verdicts are of other {why}." : "the judge had failed on them."));
        }

        return new Found(sound, unsound, notes);

        bool Holds(StoredResult stored) => writtenBy is null
            ? given.Contains(stored.Result.Sample) : stored.WrittenBy.Differences(writtenBy).Count == 0;

        static string Listed(IEnumerable<string> names) => string.Join(", ", names.Distinct(StringComparer.Ordinal));
    }

    /// <summary>Writes a result.</summary>
    /// <exception cref="IOException">Writing failed.</exception>
    public void Append(StoredResult stored)
    {
        var (sample, v) = stored.Result;
        var line = JsonSerializer.Serialize(new
        {
            benchmark = stored.Benchmark,
            task_id = sample.TaskId,
            index = sample.Index,
            verdict = v.Name,
            passed = v.Passed,
            test = v.Test,
            detail = v.Detail,
            seconds = Math.Round(v.WallSeconds, 4),
            cpu_seconds = Math.Round(v.CpuSeconds, 4),
            memory_mb = Math.Round(v.MemoryMb, 1),
            tier = v.Tier.ToString().ToLowerInvariant(),
            written_by = stored.WrittenBy.Parts,
            judged_by = stored.JudgedBy.Parts,
            solution = sample.Program,
        }, Json);
        lock (gate)
        {
            writer.WriteLine(line);
            lines.Add(new Line(line, stored));
        }
    }

    /// <summary>Takes the lines out that newer ones replace: a line per sample is left.</summary>
    /// <exception cref="IOException">Writing failed; the file is as it was.</exception>
    public void Settle(string benchmark)
    {
        Remove([.. lines.Where(line => line.Stored.Benchmark == benchmark).Except(Newest(benchmark))]);
    }

    /// <inheritdoc/>
    public void Dispose() => writer.Dispose();

    private List<Line> Newest(string benchmark) =>
        [.. lines.Where(line => line.Stored.Benchmark == benchmark)
            .GroupBy(line => (line.Stored.Result.Sample.TaskId, line.Stored.Result.Sample.Index))
            .Select(group => group.Last())];

    /// <summary>Moves lines to the file of old ones, which is written first: a kill between the two leaves them in
    /// both.</summary>
    private void Remove(List<Line> old)
    {
        if (old.Count == 0)
        {
            return;
        }

        File.AppendAllLines(OldPath, old.Select(line => line.Text));
        var kept = lines.Except(old).ToList();
        writer.Dispose();
        try
        {
            AtomicWrite.File(path, stream =>
            {
                using var text = new StreamWriter(stream, leaveOpen: true);
                kept.ForEach(line => text.WriteLine(line.Text));
            });
            lines.Clear();
            lines.AddRange(kept);
        }
        finally
        {
            writer = Open(new FileInfo(path).Length);
        }
    }

    private StreamWriter Open(long length)
    {
        var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        stream.SetLength(length);
        stream.Seek(0, SeekOrigin.End);
        return new StreamWriter(stream) { AutoFlush = true };
    }

    private static StoredResult Read(JsonElement row)
    {
        var kind = Enum.GetValues<VerdictKind>().First(k => Verdict.NameOf(k) == row.Text("verdict"));
        var test = row.GetProperty("test") is { ValueKind: JsonValueKind.Number } n ? n.GetInt32() : (int?)null;
        var result = new Result(
            new Sample(row.Text("task_id"), row.GetProperty("index").GetInt32(), row.Text("solution")),
            new Verdict(
                kind, test, row.Text("detail"), row.GetProperty("cpu_seconds").GetDouble(),
                row.GetProperty("seconds").GetDouble(), row.GetProperty("memory_mb").GetDouble(), "", "",
                Enum.Parse<SandboxTier>(row.Text("tier"), ignoreCase: true)));
        return new StoredResult(row.Text("benchmark"), result, Origin("written_by"), Origin("judged_by"));

        // Lines of earlier versions do not say it: they hold no more.
        Provenance Origin(string key) => row.TryGetProperty(key, out var parts)
            ? new Provenance(parts.EnumerateObject().ToDictionary(
                part => part.Name, part => part.Value.GetString()!, StringComparer.Ordinal))
            : new Provenance(new Dictionary<string, string>(StringComparer.Ordinal) { ["origin"] = "not said" });
    }

    private sealed class Line(string text, StoredResult stored)
    {
        public string Text => text;

        public StoredResult Stored => stored;
    }
}
