using System.Text.Json;
using Ra3.Models.Files;

namespace Ra3.PostTraining;

/// <summary>
/// Problems as JSON lines (plain, gzip or Zstandard). Each line is an object with <c>id</c> and <c>prompt</c>, and either
/// <c>tests</c> and <c>entry_point</c> (Python; <c>program</c> says what stands before the completion in the program that
/// is judged, the prompt where it is left out; <c>names</c> lists what the program must define besides, for the tests to use)
/// or <c>answer</c> (a question). <c>stop</c> is a list of texts that end a completion; left out, it is that of the kind.
/// Other keys are ignored.
/// </summary>
public static class ProblemFile
{
    /// <summary>Where a Python function written after its signature ends.</summary>
    public static IReadOnlyList<string> PythonStop { get; } = ["\nclass ", "\ndef ", "\nif __name__", "\nprint(", "\nassert ", "\n```", "\n\"\"\""];

    /// <summary>Where an answer ends.</summary>
    public static IReadOnlyList<string> AnswerStop { get; } = ["\nQuestion:", "\n\n"];

    private const int MostFaults = 10; // kinds of faults told at once

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">A line is no problem, no completion can match its answer, or an id comes
    /// twice; names file and line, and all that is wrong at once.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<Problem> Read(string path) => Read(path, Parse);

    /// <summary>Reads a file of another schema, line by line; lines that give null are left out.</summary>
    internal static IReadOnlyList<Problem> Read(string path, Func<JsonElement, Problem?> parse)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is no file {path} of problems.", path);
        }

        var problems = new List<Problem>();
        var lines = new Dictionary<string, long>(StringComparer.Ordinal);
        var faults = new Dictionary<string, List<long>>(StringComparer.Ordinal);
        foreach (var line in JsonLines.Read(path))
        {
            try
            {
                if (parse(PythonJson.Parse(line.Bytes.Span)) is not { } problem)
                {
                    continue;
                }

                if (problem is AnswerProblem question && AnswerReward.Unanswerable(question) is { } why)
                {
                    throw new InvalidDataException(why);
                }

                problems.Add(lines.TryAdd(problem.Id, line.Number) ? problem with { Place = $"{path}, line {line.Number}" }
                    : throw new InvalidDataException(
                        $"the id '{problem.Id}' is that of line {lines[problem.Id]} already"));
            }
            catch (Exception e) when (e is JsonException or InvalidDataException or KeyNotFoundException
                or InvalidOperationException or FormatException)
            {
                var what = e is JsonException ? "not valid JSON: " : "";
                var fault = $"{what}{e.Message.ReplaceLineEndings(" ").TrimEnd('.')}.";
                (faults.TryGetValue(fault, out var known) ? known : faults[fault] = []).Add(line.Number);
            }
        }

        return faults.Count > 0
            ? throw new InvalidDataException(string.Join('\n', faults.Take(MostFaults).Select(fault => Told(fault.Key, fault.Value))))
            : problems.Count > 0 ? problems : throw new InvalidDataException($"{path} holds no problem.");

        string Told(string fault, List<long> at) =>
            $"{path}, line {at[0]}{(at.Count > 1 ? $" (and {at.Count - 1} more)" : "")}: {fault}";
    }

    private static Problem Parse(JsonElement row)
    {
        if (row.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException("a problem is an object with id, prompt, and tests or answer");
        }

        if (!row.TryGetProperty("id", out _) && Published(row) is { } known)
        {
            throw new InvalidDataException(known);
        }

        var (id, prompt) = (Text(row, "id"), Text(row, "prompt"));
        var (tests, answer) = (row.TryGetProperty("tests", out _), row.TryGetProperty("answer", out _));
        return (tests, answer) switch
        {
            (true, false) => new PythonProblem(
                id, prompt, Stop(row, PythonStop), row.TryGetProperty("program", out _) ? Text(row, "program") : prompt,
                Text(row, "entry_point"), Text(row, "tests"))
            {
                Names = row.TryGetProperty("names", out var names) ? Texts(names, "names") : [],
            },
            (false, true) => new AnswerProblem(id, prompt, Stop(row, AnswerStop), Text(row, "answer")),
            (true, true) => throw new InvalidDataException("there are both tests and an answer; a problem has one of them"),
            _ => throw new InvalidDataException("there are neither tests (Python) nor an answer (a question)"),
        };
    }

    /// <summary>What to do with a row of a published set; null where it is none.</summary>
    private static string? Published(JsonElement row)
    {
        bool Has(params string[] keys) => Array.TrueForAll(keys, key => row.TryGetProperty(key, out _));
        var name = Has("test_list", "text") ? "mbpp"
            : Has("question", "answer") ? "gsm8k"
            : Has("query", "entry_point") ? "leetcode" : null;
        return name is not null
            ? $"this is a row of {name}, which is read by its name: --problems {name} --set problems.data=FOLDER"
            : Has("task_id", "prompt", "entry_point", "test")
            ? "this is a row of HumanEval: rename its task_id to id and its test to tests"
            : null;
    }

    private static IReadOnlyList<string> Stop(JsonElement row, IReadOnlyList<string> usual) =>
        row.TryGetProperty("stop", out var stop) ? Texts(stop, "stop") : usual;

    private static IReadOnlyList<string> Texts(JsonElement list, string key) =>
        list.ValueKind == JsonValueKind.Array && list.EnumerateArray().All(text => text.ValueKind == JsonValueKind.String && text.GetString()!.Length > 0)
            ? [.. list.EnumerateArray().Select(text => text.GetString()!)]
            : throw new InvalidDataException($"{key} must be a list of texts, none of them empty");

    private static string Text(JsonElement row, string key) =>
        !row.TryGetProperty(key, out var value) ? throw new InvalidDataException($"{key} is missing")
        : value.ValueKind != JsonValueKind.String ? throw new InvalidDataException($"{key} must be a text, not {value.ValueKind.ToString().ToLowerInvariant()}")
        : value.GetString()!;
}
