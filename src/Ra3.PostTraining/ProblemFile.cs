using System.Text.Json;
using System.Text.RegularExpressions;
using Ra3.Models.Files;

namespace Ra3.PostTraining;

/// <summary>
/// Problems as JSON lines (plain, gzip or Zstandard). Each line is an object with <c>id</c> and <c>prompt</c>, and either
/// <c>tests</c> and <c>entry_point</c> (Python; <c>program</c> says what stands before the completion in the program that
/// is judged, the prompt where it is left out; <c>names</c> lists what the program must define besides, for the tests to use)
/// or <c>answer</c> (a question). <c>stop</c> is a list of texts that end a completion; left out, it is that of the kind.
/// Other keys are ignored, and null is as good as absent.
/// </summary>
public static partial class ProblemFile
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

        if (Value(row, "id") is null)
        {
            throw new InvalidDataException(Published(row));
        }

        var (id, prompt) = (Id(row), Prompt(row));
        return (Value(row, "tests") is not null, Value(row, "answer") is not null) switch
        {
            (true, false) => new PythonProblem(
                id, prompt, Stop(row, PythonStop), Value(row, "program") is null ? prompt : Text(row, "program"),
                EntryPoint(row), Text(row, "tests"))
            {
                Names = Value(row, "names") is { } names ? Texts(names, "names") : [],
            },
            (false, true) => new AnswerProblem(id, prompt, Stop(row, AnswerStop), Text(row, "answer")),
            (true, true) => throw new InvalidDataException("there are both tests and an answer; a problem has one of them"),
            _ => throw new InvalidDataException("there are neither tests (Python) nor an answer (a question)"),
        };
    }

    /// <summary>What to do with a row without an id, which may be one of a published set.</summary>
    private static string Published(JsonElement row)
    {
        bool Has(params string[] keys) => Array.TrueForAll(keys, key => Value(row, key) is not null);
        var known = Has("test_list", "text") ? "mbpp"
            : Has("question", "answer") ? "gsm8k"
            : Has("query", "entry_point") ? "leetcode" : null;
        if (known is not null)
        {
            return $"this is a row of {known}, which is read by its name: --problems {known} --set problems.data=FOLDER";
        }

        var (set, mapping) = Has("task_id", "prompt", "entry_point", "test")
            ? ("HumanEval", "rename its task_id to id and its test to tests")
            : Has("test_list", "prompt") || Has("task_id", "prompt", "base_input")
            ? ("MBPP+ or the sanitized MBPP", "task_id becomes id, the lines of test_list joined become tests, the function "
                + "that they call becomes entry_point")
            : Has("data_source", "reward_model")
            ? ("verl", "prompt becomes the text of its messages, reward_model.ground_truth becomes answer (for code: tests and entry_point), "
                + "and each row gets an id of its own")
            : Has("verification_info")
            ? ("prime-rl", "problem_id becomes id, verification_info.ground_truth becomes answer (for code: tests and entry_point)")
            : Has("problem", "unique_id", "answer") ? ("MATH-500", "unique_id becomes id, problem becomes prompt, answer stays")
            : Has("problem", "solution") ? ("MATH", "problem becomes prompt, solution (with its \\boxed{}) becomes answer, and each row gets an id of its own")
            : Has("messages") || Has("chosen") || Value(row, "prompt") is { ValueKind: JsonValueKind.Array }
            ? ("TRL", "prompt becomes the text of its messages, what is right becomes answer (or tests and entry_point), and each row "
                + "gets an id of its own; preferences alone (chosen, rejected) cannot be verified")
            : ("", "");
        return set.Length > 0 ? $"this is a row of {set}: {mapping} (docs/rlvr.md, Problems)"
            : "id is missing: a problem has id, prompt, and tests with entry_point or answer; this row has "
                + string.Join(", ", row.EnumerateObject().Select(field => field.Name).DefaultIfEmpty("no key"));
    }

    /// <summary>null, as some tools write beside the keys that they use, is as good as absent.</summary>
    private static JsonElement? Value(JsonElement row, string key) =>
        row.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string Id(JsonElement row) =>
        Value(row, "id") is { ValueKind: JsonValueKind.Number } number ? number.GetRawText() : Text(row, "id");

    private static string Prompt(JsonElement row) => Value(row, "prompt") is not { ValueKind: JsonValueKind.Array } ? Text(row, "prompt")
        : throw new InvalidDataException("prompt must be a text, not a list: write chat messages out in the form of the model's chat "
            + "(and give --special-tokens)");

    private static string EntryPoint(JsonElement row) => Text(row, "entry_point") is var name && Callable().IsMatch(name) ? name
        : throw new InvalidDataException(
            $"entry_point must be the name of a function, such as add, or of a method, such as Solution().add: '{name}'");

    private static IReadOnlyList<string> Stop(JsonElement row, IReadOnlyList<string> usual) =>
        Value(row, "stop") is { } stop ? Texts(stop, "stop") : usual;

    private static IReadOnlyList<string> Texts(JsonElement list, string key) =>
        list.ValueKind == JsonValueKind.Array && list.EnumerateArray().All(text => text.ValueKind == JsonValueKind.String && text.GetString()!.Length > 0)
            ? [.. list.EnumerateArray().Select(text => text.GetString()!)]
            : throw new InvalidDataException($"{key} must be a list of texts, none of them empty");

    private static string Text(JsonElement row, string key) =>
        Value(row, key) is not { } value ? throw new InvalidDataException($"{key} is missing")
        : value.ValueKind != JsonValueKind.String ? throw new InvalidDataException($"{key} must be a text, not {value.ValueKind.ToString().ToLowerInvariant()}")
        : value.GetString()!;

    // Names with dots between, each called or not.
    [GeneratedRegex(@"^[\p{L}_]\w*(\([^()]*\))?(\.[\p{L}_]\w*(\([^()]*\))?)*$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Callable();
}
