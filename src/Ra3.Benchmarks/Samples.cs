using System.Text.Json;
using System.Text.RegularExpressions;
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
public static partial class Samples
{
    /// <summary>
    /// Reads the sample files of human-eval and EvalPlus: JSON lines (plain or packed) with <c>task_id</c> and either
    /// <c>completion</c> (put behind the problem's prompt, uncut) or <c>solution</c> (a whole program). Where a line
    /// says its <c>benchmark</c>, as those of results.jsonl do, it belongs to that one; but where none of a benchmark's
    /// own is there, those of another with its ids are taken. Two more are read: LiveCodeBench's (objects with
    /// <c>question_id</c> and <c>code_list</c>), and the generations of bigcode's harness (a list with a list of whole
    /// programs for each problem of the one benchmark, in its order).
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

        var rows = Rows(path, benchmarks).ToList();
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
        Tell(row => Fence().IsMatch(row.Text), "have a Markdown fence (```) in them, which is no Python");
        Tell(row => row.IsEmptied, "have an empty solution beside a completion, and it is the solution that counts");
        return new SampleFile(samples, notes);

        void Tell(Predicate<Row> isOdd, string what)
        {
            var odd = rows.Where(row => used.Contains(row) && isOdd(row)).ToList();
            if (odd.Count > 0)
            {
                notes.Add($"{path}: {odd.Count} samples {what}: "
                    + $"they are judged as they stand (the first: {odd[0].Place[(path.Length + 2)..]}).");
            }
        }
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

    /// <summary>The samples of a file of JSON lines, or of one that is one JSON array.</summary>
    private static IEnumerable<Row> Rows(string path, IReadOnlyList<Benchmark> benchmarks)
    {
        var isFirst = true;
        foreach (var line in JsonLines.Read(path))
        {
            if (isFirst && line.Bytes.Span.TrimStart(" \t"u8).StartsWith("["u8) && Members(path) is { } members)
            {
                foreach (var row in members[0].ValueKind == JsonValueKind.Array ? Generations(members, path, benchmarks)
                    : members.Index().SelectMany(member => Row.AllOf(member.Item, $"{path}, line {member.Index + 1}")))
                {
                    yield return row;
                }

                yield break;
            }

            isFirst = false;
            foreach (var row in Utf8.IsValid(line.Bytes.Span)
                ? Row.AllOf(line.Parse(), $"{path}, line {line.Number}") : throw line.Fault("this is no UTF-8 text"))
            {
                yield return row;
            }
        }
    }

    /// <summary>The generations of bigcode's harness: for each problem in order, its whole programs.</summary>
    private static IEnumerable<Row> Generations(List<JsonElement> lists, string path, IReadOnlyList<Benchmark> benchmarks)
    {
        var problems = benchmarks[0].Problems;
        var asked = problems.Where(problem => problem.IsAsked).ToList();
        problems = lists.Count == asked.Count ? asked : problems;
        return benchmarks.Count == 1 && lists.Count == problems.Count
            ? lists.SelectMany((list, i) => Row.Programs(list, $"list {i + 1}", problems[i].Id, $"{path}, list {i + 1}"))
            : throw new InvalidDataException(
                $"{path} is a list of {lists.Count} lists of programs, which say no task_id: that is read where it has one list "
                + $"for each of the {asked.Count} problems of one benchmark (here: {string.Join(", ", benchmarks.Select(b => b.Name))}); "
                + "otherwise give a JSON object a line with task_id, and completion or solution.");
    }

    [GeneratedRegex("^[ \t]*```", RegexOptions.Multiline, 1000)]
    private static partial Regex Fence();

    private static List<JsonElement>? Members(string path)
    {
        try
        {
            return BenchmarkLoader.ReadRows(path) is { Count: > 0 } rows
                && rows[0].ValueKind is JsonValueKind.Object or JsonValueKind.Array
                && rows.All(row => row.ValueKind == rows[0].ValueKind) ? [.. rows] : null;
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
    /// <param name="IsEmptied">Whether an empty solution stands beside a completion.</param>
    private sealed record Row(
        string Place, string? Benchmark, string TaskId, bool IsNumbered, string Text, bool IsWhole, bool IsEmptied = false)
    {
        /// <summary>A line's sample, or those of a line of LiveCodeBench's own output.</summary>
        public static IEnumerable<Row> AllOf(JsonElement row, string place) =>
            row.ValueKind == JsonValueKind.Object && Value(row, "question_id") is { } id && Value(row, "code_list") is { } codes
                ? Programs(codes, "code_list", String(id, "question_id", place), place) : [Of(row, place)];

        /// <summary>Whole programs for one problem.</summary>
        public static IEnumerable<Row> Programs(JsonElement list, string what, string id, string place) =>
            list.ValueKind != JsonValueKind.Array
                ? throw new InvalidDataException($"{place}: {what} must be a list of texts, not {JsonFields.Kind(list)}.")
                : list.EnumerateArray().Select((text, i) => new Row(
                    place, null, id, IsNumbered: false, String(text, $"{what}[{i}]", place), IsWhole: true));

        private static Row Of(JsonElement row, string place)
        {
            if (row.ValueKind != JsonValueKind.Object)
            {
                throw new InvalidDataException(
                    $"{place}: a sample is an object with task_id and completion or solution, not {JsonFields.Kind(row)}.");
            }

            var id = Value(row, "task_id") ?? throw new InvalidDataException($"{place}: there is no task_id.");
            var isNumbered = id.ValueKind == JsonValueKind.Number;
            var solution = Value(row, "solution");
            var text = solution ?? Value(row, "completion")
                ?? throw new InvalidDataException($"{place}: there is neither a completion nor a solution.");
            var whole = String(text, solution is null ? "completion" : "solution", place);
            return new Row(
                place,
                Value(row, "benchmark") is { ValueKind: JsonValueKind.String } name ? String(name, "benchmark", place) : null,
                isNumbered ? id.GetRawText() : String(id, "task_id", place), isNumbered,
                whole, solution is not null, solution is not null && string.IsNullOrWhiteSpace(whole) && Value(row, "completion") is not null);
        }

        /// <summary>null, as some tools write beside the key that they use, is as good as absent.</summary>
        private static JsonElement? Value(JsonElement row, string key) =>
            row.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

        private static string String(JsonElement value, string key, string place)
        {
            try
            {
                return value.AsText(key);
            }
            catch (InvalidDataException e)
            {
                throw new InvalidDataException($"{place}: {e.Message}", e);
            }
        }
    }
}
