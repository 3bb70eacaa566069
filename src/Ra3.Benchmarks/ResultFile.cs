using System.Text.Encodings.Web;
using System.Text.Json;
using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>
/// <c>results.jsonl</c>: a line per judged sample, written as it is judged, so that a stopped evaluation goes on where it
/// was. Each line is also a sample in EvalPlus's format (<c>task_id</c>, <c>solution</c>).
/// </summary>
public sealed class ResultFile : IDisposable
{
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly StreamWriter writer;
    private readonly Lock gate = new();

    /// <summary>Opens the file, reading what an earlier run left there.</summary>
    /// <param name="path">The file; created where absent.</param>
    /// <param name="settings">What the results depend on (model, sampling, seed); results of other settings are refused.</param>
    /// <exception cref="InvalidDataException">The file holds results of other settings, or no results.</exception>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    public ResultFile(string path, string settings)
    {
        var done = new List<(string, Result)>();
        var whole = 0L;
        if (File.Exists(path))
        {
            // A line that a kill cut short is dropped, and judged again.
            var text = File.ReadAllText(path);
            text = text[..(text.LastIndexOf('\n') + 1)];
            whole = System.Text.Encoding.UTF8.GetByteCount(text);
            try
            {
                foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                {
                    using var row = JsonDocument.Parse(line);
                    done.Add(Read(row.RootElement, settings, path));
                }
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                throw new InvalidDataException($"{path} is no file of results: {e.Message} Choose another --out.", e);
            }
        }

        Done = done;
        var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        stream.SetLength(whole);
        stream.Seek(0, SeekOrigin.End);
        writer = new StreamWriter(stream) { AutoFlush = true };
        Settings = settings;
    }

    /// <summary>What the results depend on.</summary>
    public string Settings { get; }

    /// <summary>Benchmark and result of every line that was there.</summary>
    public IReadOnlyList<(string Benchmark, Result Result)> Done { get; }

    /// <summary>Writes a result.</summary>
    public void Append(string benchmark, Result result)
    {
        var (sample, v) = result;
        var line = JsonSerializer.Serialize(new
        {
            benchmark,
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
            settings = Settings,
            solution = sample.Program,
        }, Json);
        lock (gate)
        {
            writer.WriteLine(line);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => writer.Dispose();

    private static (string Benchmark, Result Result) Read(JsonElement row, string settings, string path)
    {
        var theirs = row.Text("settings");
        if (theirs != settings)
        {
            throw new InvalidDataException($"{path} holds results of other settings ({theirs}; now {settings}): choose another --out.");
        }

        var kind = Enum.GetValues<VerdictKind>().First(k => Verdict.NameOf(k) == row.Text("verdict"));
        var test = row.GetProperty("test") is { ValueKind: JsonValueKind.Number } n ? n.GetInt32() : (int?)null;
        return (row.Text("benchmark"), new Result(
            new Sample(row.Text("task_id"), row.GetProperty("index").GetInt32(), row.Text("solution")),
            new Verdict(
                kind, test, row.Text("detail"), row.GetProperty("cpu_seconds").GetDouble(), row.GetProperty("seconds").GetDouble(),
                row.GetProperty("memory_mb").GetDouble(), "", "", Enum.Parse<SandboxTier>(row.Text("tier"), ignoreCase: true))));
    }
}
