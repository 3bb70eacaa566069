using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Ra3.PostTraining;

/// <summary>Public problem sets as their publishers' files have them.</summary>
public static partial class KnownProblems
{
    // MBPP's own splits (Austin et al. 2021): 1–10 prompts, 11–510 test, 511–600 validation, 601–974 training.
    private const int FirstMbppTest = 11;
    private const int LastMbppTest = 510;
    private const int FirstMbppTrain = 601;

    private static readonly IReadOnlyList<string> ModuleStop = ["\n\"\"\"", "\nassert ", "\nif __name__", "\nprint(", "\n```"];

    /// <summary>Names of the sets.</summary>
    public static IReadOnlyList<string> Names { get; } = ["mbpp", "leetcode", "gsm8k"];

    /// <summary>The files of a set: training problems, and held-out problems where they lie in another file (else null).</summary>
    /// <exception cref="ArgumentException">No such set.</exception>
    public static (string Train, string? Test) FilesOf(string name) => name switch
    {
        "mbpp" => ("mbpp.jsonl", "mbpp.jsonl"),
        "leetcode" => ("LeetCodeDataset-v0.2.0-train.jsonl.gz", null),
        "gsm8k" => ("gsm8k-train.jsonl", "gsm8k-test.jsonl"),
        _ => throw new ArgumentException($"There is no problem set '{name}': use {string.Join(", ", Names)}, or a file."),
    };

    /// <summary>Reads one part of a set.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="path">The file.</param>
    /// <param name="isTest">Whether the held-out part is wanted; only mbpp has both in one file.</param>
    /// <exception cref="InvalidDataException">The file is not what is published; names file and line.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static IReadOnlyList<Problem> Read(string name, string path, bool isTest = false)
    {
        var number = 0;
        return name switch
        {
            "mbpp" => ProblemFile.Read(path, row => Mbpp(row, isTest)),
            "leetcode" => ProblemFile.Read(path, LeetCode),
            "gsm8k" => ProblemFile.Read(path, row => Gsm8k(row, (isTest ? "gsm8k-test/" : "gsm8k/") + number++.ToString(CultureInfo.InvariantCulture))),
            _ => throw new ArgumentException($"There is no problem set '{name}': use {string.Join(", ", Names)}, or a file."),
        };
    }

    /// <summary>The statement and the first test as a module's docstring; the completion is the module.</summary>
    private static PythonProblem? Mbpp(JsonElement row, bool isTest)
    {
        var id = row.GetProperty("task_id").GetInt32();
        if (isTest ? id is < FirstMbppTest or > LastMbppTest : id < FirstMbppTrain)
        {
            return null;
        }

        var asserts = row.GetProperty("test_list").EnumerateArray().Select(test => test.GetString()!.ReplaceLineEndings("\n")).ToList();
        var tests = (Text(row, "test_setup_code") + "\n" + string.Join('\n', asserts) + "\n").TrimStart('\n');
        var prompt = $"\"\"\"\n{Text(row, "text")}\n{asserts[0]}\n\"\"\"\n";
        return new PythonProblem(
            "MBPP/" + id.ToString(CultureInfo.InvariantCulture), prompt, ModuleStop, "", EntryPoint(tests, Text(row, "code")), tests)
        {
            Names = [.. Definition().Matches(Text(row, "code").ReplaceLineEndings("\n"))
                .Where(match => match.Value.StartsWith("class", StringComparison.Ordinal)).Select(match => match.Groups["name"].Value)],
        };
    }

    /// <summary>
    /// The statement, and the class's head as code to go on with. Problems over linked lists and trees are left out: their
    /// tests build objects of the program's own classes, which do not cross the sandbox's wall.
    /// </summary>
    private static PythonProblem? LeetCode(JsonElement row)
    {
        var (tests, query) = (Text(row, "test"), Text(row, "query").ReplaceLineEndings("\n"));
        if (tests.Contains("list_node(", StringComparison.Ordinal) || tests.Contains("tree_node(", StringComparison.Ordinal))
        {
            return null;
        }

        const string fence = "```python\n", ask = "Please complete the following python code precisely:";
        var (start, end) = (query.IndexOf(fence, StringComparison.Ordinal), query.LastIndexOf("\n```", StringComparison.Ordinal));
        if (start < 0 || end < start)
        {
            throw new InvalidDataException("query holds no block of Python to go on with");
        }

        var head = query[(start + fence.Length)..end] + "\n";
        var statement = query[..start].Replace(ask, "", StringComparison.Ordinal).Trim();
        return new PythonProblem(
            "leetcode/" + Text(row, "task_id"), $"{statement}\n\n{fence}{head}", ["\n```", "\nclass ", "\nif __name__", "\nprint(", "\nassert "],
            Text(row, "prompt") + "\n" + head, Text(row, "entry_point"), tests);
    }

    private static AnswerProblem Gsm8k(JsonElement row, string id)
    {
        var answer = Text(row, "answer");
        return new AnswerProblem(
            id, $"Question: {Text(row, "question")}\nAnswer:", ProblemFile.AnswerStop,
            MathAnswer.Marked(answer) ?? throw new InvalidDataException("the answer has no number behind ####"));
    }

    private static string Text(JsonElement row, string key) => row.GetProperty(key).GetString() ?? "";

    /// <summary>The function that the tests call: the first name called there that the reference defines.</summary>
    private static string EntryPoint(string tests, string code)
    {
        var defined = Definition().Matches(code.ReplaceLineEndings("\n")).Select(match => match.Groups["name"].Value).ToHashSet(StringComparer.Ordinal);
        return Call().Matches(tests).Select(match => match.Groups["name"].Value).FirstOrDefault(defined.Contains)
            ?? throw new InvalidDataException("the tests call nothing that the reference defines");
    }

    [GeneratedRegex(@"\b(?<name>\w+)\s*\(", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Call();

    [GeneratedRegex(@"^(def|class)\s+(?<name>\w+)", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex Definition();
}
