using System.Security.Cryptography;
using System.Text.Json;
using Ra3.Models.Files;

namespace Ra3.Benchmarks;

/// <summary>Reads benchmarks from their published files.</summary>
public static class BenchmarkLoader
{
    /// <summary>Names of the benchmarks, as <see cref="Load"/> takes them.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["humaneval", "humaneval+", "mbpp", "mbpp+", "livecodebench", "codeforces"];

    /// <summary>The file name under which a benchmark is published.</summary>
    /// <exception cref="ArgumentException">No such benchmark.</exception>
    public static string FileName(string name) => name switch
    {
        "humaneval" => "HumanEval.jsonl.gz",
        "humaneval+" => "HumanEvalPlus.jsonl.gz",
        "mbpp" => "mbpp.jsonl",
        "mbpp+" => "MbppPlus.jsonl.gz",
        "livecodebench" => "lcb_879_public_tests.json",
        "codeforces" => "codeforces.json",
        _ => throw new ArgumentException($"There is no benchmark '{name}': use {string.Join(", ", Names)}."),
    };

    /// <summary>What may stand before JSON: white space and a byte order mark.</summary>
    private static ReadOnlySpan<byte> SpaceAndMark => " \t\r\n\uFEFF"u8;

    /// <summary>Reads a benchmark.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="path">Its file: JSON or JSON lines, plain or gzip.</param>
    /// <param name="alwaysSplit">Run assertions as they are, even where they could be read as cases.</param>
    /// <exception cref="InvalidDataException">The file is not what the benchmark publishes.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="ArgumentException">No such benchmark.</exception>
    public static Benchmark Load(string name, string path, bool alwaysSplit = false)
    {
        _ = FileName(name);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"{path} is not there: give the path of {FileName(name)}, or fetch it with 'ra3 data get {name.Replace("+", "-plus", StringComparison.Ordinal)}'.");
        }

        try
        {
            var rows = ReadRows(path);
            if (rows.Count == 0)
            {
                throw new InvalidDataException($"{path} is not {name}'s file {FileName(name)}: it is empty.");
            }

            var benchmark = name switch
            {
                "humaneval" => HumanEvalData.Read(rows, path, alwaysSplit),
                "humaneval+" => HumanEvalData.ReadPlus(rows, path),
                "mbpp" => MbppData.Read(rows, path, alwaysSplit),
                "mbpp+" => MbppData.ReadPlus(rows, path),
                "livecodebench" => LiveCodeBenchData.Read(rows, path),
                _ => CodeforcesData.Read(rows, path),
            };
            if (benchmark.Problems.Count == 0)
            {
                throw new InvalidDataException(
                    $"{path}: no problem of {name} is left to judge; {benchmark.Excluded.Count} are left out (the first: {benchmark.Excluded[0].Reason}).");
            }

            using var file = File.OpenRead(path);
            return benchmark with { Fingerprint = Convert.ToHexStringLower(SHA256.HashData(file))[..32] };
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is not {name}'s file {FileName(name)}: {e.Message}", e);
        }
        catch (InvalidDataException e) when (e.InnerException is KeyNotFoundException)
        {
            throw new InvalidDataException($"{e.Message} This is not {name}'s file {FileName(name)}.", e);
        }
    }

    /// <summary>Rows of a JSON array or of JSON lines, unpacked where need be.</summary>
    /// <exception cref="InvalidDataException">The file is torn, or a line is not JSON; names file and line.</exception>
    /// <exception cref="JsonException">The array is not JSON.</exception>
    internal static IReadOnlyList<JsonElement> ReadRows(string path)
    {
        using var stream = PackedFile.OpenRead(path);
        int first;
        do
        {
            first = stream.ReadByte();
        }
        while (first >= 0 && SpaceAndMark.Contains((byte)first));
        return first == '[' ? [.. JsonArray.Read(stream)] : [.. JsonLines.Read(path).Select(line => line.Parse())];
    }

    /// <summary>Reads each row: whatever is wrong with one is said with file and row.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="path">Their file.</param>
    /// <param name="read">Takes a row and its number from 0.</param>
    /// <exception cref="InvalidDataException">A row is not as it should be; names file and row.</exception>
    internal static List<T> Each<T>(IReadOnlyList<JsonElement> rows, string path, Func<JsonElement, int, T> read)
    {
        var all = new List<T>(rows.Count);
        foreach (var (i, row) in rows.Index())
        {
            try
            {
                all.Add(row.ValueKind == JsonValueKind.Object ? read(row, i)
                    : throw new InvalidDataException($"a problem is an object, not {JsonFields.Kind(row)}."));
            }
            catch (Exception e) when (e is InvalidDataException or JsonException or KeyNotFoundException
                or InvalidOperationException or FormatException or ArgumentException or IndexOutOfRangeException)
            {
                throw new InvalidDataException($"{path}, row {i + 1}{Named(row)}: {e.Message}", e);
            }
        }

        return all;
    }

    /// <summary>Reads the problems of the rows, one each, or null where a row's is left out.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="path">Their file.</param>
    /// <param name="read">Takes a row and its number from 0.</param>
    /// <exception cref="InvalidDataException">A row is not as it should be, or its id is another's; names file and
    /// row.</exception>
    internal static List<Problem> Problems(IReadOnlyList<JsonElement> rows, string path, Func<JsonElement, int, Problem?> read)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        return [.. Each(rows, path, (row, i) =>
        {
            var problem = read(row, i);
            return problem is null || seen.TryAdd(problem.Id, i + 1) ? problem : throw new InvalidDataException(
                $"the id {problem.Id} is that of row {seen[problem.Id]} already: a problem stands in the file once.");
        }).OfType<Problem>()];
    }

    private static string Named(JsonElement row) => row.ValueKind == JsonValueKind.Object
        && (row.TryGetProperty("task_id", out var id) || row.TryGetProperty("question_id", out id))
        && id.ValueKind is JsonValueKind.String or JsonValueKind.Number ? $" ({id.GetRawText().Trim('"')})" : "";
}
