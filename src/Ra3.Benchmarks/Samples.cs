using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using Ra3.Models.Files;

namespace Ra3.Benchmarks;

/// <summary>One program to judge.</summary>
/// <param name="TaskId">Id of its problem.</param>
/// <param name="Index">Number among the problem's samples, from 0.</param>
/// <param name="Program">The whole program.</param>
public sealed record Sample(string TaskId, int Index, string Program);

/// <summary>What a file of samples holds.</summary>
/// <param name="Of">Its samples, by benchmark; at least one for each that was asked for.</param>
/// <param name="Notes">What a reader should know: samples left out, samples that cannot be meant as they are.</param>
public sealed record SampleFile(IReadOnlyDictionary<string, IReadOnlyList<Sample>> Of, IReadOnlyList<string> Notes);

/// <summary>Reads samples made elsewhere.</summary>
public static class Samples
{
    /// <summary>
    /// Reads the sample files of human-eval and EvalPlus: JSON lines (plain or packed) with <c>task_id</c> and either
    /// <c>completion</c> (put behind the problem's prompt, uncut) or <c>solution</c> (a whole program). Where a line
    /// says its <c>benchmark</c>, as those of results.jsonl do, it belongs to that one; but where none of a benchmark's
    /// own is there, those of another with its ids are taken.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="benchmarks">The benchmarks wanted; each needs a sample.</param>
    /// <exception cref="InvalidDataException">A line is no sample, or names no problem of the benchmarks; says which
    /// line.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SampleFile Read(string path, params IReadOnlyList<Benchmark> benchmarks)
    {
        if (Directory.Exists(path))
        {
            throw new InvalidDataException(
                $"{path} is a folder: give a file with a JSON object a line (task_id, and completion or solution).");
        }

        var rows = Rows(path).Select(row => Row.Of(row.Value, row.Place)).ToList();
        var samples = new Dictionary<string, IReadOnlyList<Sample>>(StringComparer.Ordinal);
        var leftOut = new Dictionary<string, List<Row>>(StringComparer.Ordinal);
        var used = new HashSet<Row>();
        foreach (var benchmark in benchmarks)
        {
            var problems = benchmark.Problems.ToDictionary(problem => problem.Id, StringComparer.Ordinal);
            var family = benchmark.Problems[0].Id[..(benchmark.Problems[0].Id.LastIndexOf('/') + 1)];
            var ours = Belonging(row => row.Benchmark is null || row.Benchmark == benchmark.Name);
            ours = ours.Count > 0 ? ours : Belonging(_ => true);
            used.UnionWith(ours.Select(item => item.Row));
            var counts = new Dictionary<string, int>(StringComparer.Ordinal);
            var left = benchmark.Excluded.Select(problem => problem.Id).ToHashSet(StringComparer.Ordinal);
            leftOut[benchmark.Name] = [.. rows.Where(row => (row.Benchmark is null || row.Benchmark == benchmark.Name)
                && left.Contains((row.IsNumbered ? family : "") + row.TaskId))];
            samples[benchmark.Name] = [.. ours.Select(item =>
            {
                var index = counts[item.Problem.Id] = counts.GetValueOrDefault(item.Problem.Id, -1) + 1;
                var prefix = item.Row.IsWhole ? "" : item.Problem.CompletionPrefix;
                return new Sample(item.Problem.Id, index, prefix + item.Row.Text);
            })];

            List<(Row Row, Problem Problem)> Belonging(Func<Row, bool> isMeant) =>
                [.. rows.Where(isMeant)
                    .Select(row => (row, problems.GetValueOrDefault((row.IsNumbered ? family : "") + row.TaskId)!))
                    .Where(item => item.Item2 is not null)];
        }

        var unused = rows.Where(row => !used.Contains(row)).Except(leftOut.Values.SelectMany(rows => rows)).ToList();
        if (unused.Find(row => row.Benchmark is null || benchmarks.Any(b => b.Name == row.Benchmark)) is { } lost)
        {
            throw new InvalidDataException(
                $"{lost.Place}: there is no problem '{lost.TaskId}' in "
                + $"{string.Join(", ", benchmarks.Select(b => b.Name))} (ids look like {string.Join(", ", benchmarks.Select(b => b.Problems[0].Id))}).");
        }

        if (benchmarks.FirstOrDefault(b => samples[b.Name].Count == 0) is { } without)
        {
            throw new InvalidDataException(leftOut[without.Name].Count == 0 ? $"{path} holds no sample of {without.Name}."
                : $"{path} holds samples of such problems of {without.Name} only as are left out.");
        }

        var notes = unused.GroupBy(row => row.Benchmark!, StringComparer.Ordinal)
            .Select(group => $"{path}: {group.Count()} samples of {group.Key} are left out (--benchmark does not name it).")
            .Concat(leftOut.Where(of => of.Value.Count > 0).Select(
                of => $"{path}: {of.Value.Count} samples are of problems of {of.Key} that are left out; they are not judged."))
            .ToList();
        var fenced = rows.Where(row => used.Contains(row) && row.Text.AsSpan().TrimStart().StartsWith("```")).ToList();
        if (fenced.Count > 0)
        {
            notes.Add($"{path}: {fenced.Count} samples begin with a Markdown fence (```), which is no Python: "
                + $"they are judged as they stand (the first: {fenced[0].Place[(path.Length + 2)..]}).");
        }

        return new SampleFile(samples, notes);
    }

    /// <summary>The benchmark's own solutions, one per problem that has one.</summary>
    /// <exception cref="InvalidDataException">The benchmark has none.</exception>
    public static IReadOnlyList<Sample> References(Benchmark benchmark)
    {
        var samples = benchmark.Problems.Where(p => p.Reference is not null)
            .Select(p => new Sample(p.Id, 0, p.Reference!)).ToList();
        return samples.Count > 0
            ? samples : throw new InvalidDataException($"{benchmark.Name} publishes no reference solutions.");
    }

    /// <summary>The JSON values of a file, and where they stand; of a file that is one JSON array of objects, its members.</summary>
    private static IEnumerable<(string Place, JsonElement Value)> Rows(string path)
    {
        var isFirst = true;
        foreach (var line in JsonLines.Read(path))
        {
            if (isFirst && line.Bytes.Span.TrimStart(" \t"u8).StartsWith("["u8) && Members(path) is { } members)
            {
                foreach (var (number, member) in members.Index())
                {
                    yield return ($"{path}, line {number + 1}", member);
                }

                yield break;
            }

            isFirst = false;
            yield return Utf8.IsValid(line.Bytes.Span)
                ? ($"{path}, line {line.Number}", line.Parse()) : throw line.Fault("this is no UTF-8 text");
        }
    }

    private static List<JsonElement>? Members(string path)
    {
        try
        {
            return BenchmarkLoader.ReadRows(path) is { Count: > 0 } rows
                && rows.All(row => row.ValueKind == JsonValueKind.Object) ? [.. rows] : null;
        }
        catch (JsonException)
        {
            return null; // a line that begins with a bracket, and others
        }
    }

    /// <summary>A line.</summary>
    /// <param name="Place">File and line.</param>
    /// <param name="Benchmark">The benchmark it names; null where it names none.</param>
    /// <param name="TaskId">Id of its problem.</param>
    /// <param name="IsNumbered">Whether the id is the number alone.</param>
    /// <param name="Text">The completion or solution.</param>
    /// <param name="IsWhole">Whether the text is a whole program.</param>
    private sealed record Row(
        string Place, string? Benchmark, string TaskId, bool IsNumbered, string Text, bool IsWhole)
    {
        public static Row Of(JsonElement row, string place)
        {
            if (row.ValueKind != JsonValueKind.Object)
            {
                throw new InvalidDataException(
                    $"{place}: a sample is an object with task_id and completion or solution, not {Kind(row)}.");
            }

            var id = Value(row, "task_id") ?? throw new InvalidDataException($"{place}: there is no task_id.");
            var isNumbered = id.ValueKind == JsonValueKind.Number;
            var solution = Value(row, "solution");
            var text = solution ?? Value(row, "completion")
                ?? throw new InvalidDataException($"{place}: there is neither a completion nor a solution.");
            return new Row(
                place,
                Value(row, "benchmark") is { ValueKind: JsonValueKind.String } name ? String(name, "benchmark", place) : null,
                isNumbered ? id.GetRawText() : String(id, "task_id", place), isNumbered,
                String(text, solution is null ? "completion" : "solution", place), solution is not null);
        }

        /// <summary>null, as some tools write beside the key that they use, is as good as absent.</summary>
        private static JsonElement? Value(JsonElement row, string key) =>
            row.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

        private static string String(JsonElement value, string key, string place)
        {
            try
            {
                return value.ValueKind == JsonValueKind.String ? value.GetString()!
                    : throw new InvalidDataException($"{place}: {key} must be a text, not {Kind(value)}.");
            }
            catch (InvalidOperationException e)
            {
                throw new InvalidDataException(
                    $"{place}: {key} holds half of a surrogate pair (\\ud800 to \\udfff), which is no text.", e);
            }
        }

        private static string Kind(JsonElement value) => value.ValueKind switch
        {
            JsonValueKind.Array => "a list",
            JsonValueKind.Object => "an object",
            JsonValueKind.Number => string.Create(CultureInfo.InvariantCulture, $"the number {value.GetRawText()}"),
            JsonValueKind.String => "a text",
            _ => value.GetRawText(),
        };
    }
}
