using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>LiveCodeBench (Jain et al. 2024, arXiv 2403.07974), judged by the rules of its own
/// <c>testing_util</c>.</summary>
internal static partial class LiveCodeBenchData
{
    private const double CallSeconds = 6;
    private const string Imported = "string re datetime collections heapq bisect copy math random statistics itertools "
        + "functools operator io sys json";

    /// <summary>What the original runs in front of every program; later modules hide names of earlier ones.</summary>
    internal static readonly string Header = string.Concat(
        [.. (Imported + " builtins typing").Split(' ').Select(m => $"from {m} import *\n"),
         .. Imported.Split(' ').Select(m => $"import {m}\n"),
         "sys.setrecursionlimit(50000)\n",
         "if hasattr(sys, 'set_int_max_str_digits'):\n    sys.set_int_max_str_digits(50000)\n"]);

    /// <summary>Reads rows of the official releases (public and private tests), or rows with plain tests.</summary>
    /// <exception cref="InvalidDataException">A row cannot be judged; the message names file and row.</exception>
    public static Benchmark Read(IReadOnlyList<JsonElement> rows, string path) => new(
        "livecodebench",
        BenchmarkLoader.Problems(rows, path, (row, i) => ToProblem(
            row.TryGetProperty("question_id", out _) ? row.Text("question_id") : "LCB/" + i.ToString(CultureInfo.InvariantCulture), row)),
        []);

    private static Problem ToProblem(string id, JsonElement row)
    {
        var text = row.Text(row.TryGetProperty("question_content", out _) ? "question_content" : "problem");
        var starter = row.Text("starter_code");
        var grader = GraderOf(row, starter);
        if (row.TryGetProperty("private_test_cases", out _))
        {
            grader = new LateGrader(() => GraderOf(row, starter));
        }

        return new Problem(id, ContestData.Ask(text, starter), ["\n```"], "", null, grader);
    }

    private static Grader GraderOf(JsonElement row, string starter)
    {
        var tests = Tests(row);
        if (tests.Count == 0)
        {
            throw new InvalidDataException("it has no tests: give it public_test_cases, private_test_cases or tests.");
        }

        var seconds = (CallSeconds + 1) * tests.Count;
        return tests.Any(t => t.TryGetProperty("testtype", out _) && t.Text("testtype") == "functional")
            ? new CallGrader(
                MethodName(row, starter),
                tests.Select(ToCase).ToList(),
                Header,
                new Limits(seconds + 5, seconds + 20, MemoryMb: 4096, CallSeconds: CallSeconds))
            : new StdioGrader(
                tests.Select(t => ContestData.Test(t, Checker.Named("lines"))).ToList(),
                new Limits(CpuSeconds: CallSeconds, WallSeconds: 20, MemoryMb: 4096),
                Header,
                anyExitStatus: true);
    }

    private static List<JsonElement> Tests(JsonElement row)
    {
        if (row.TryGetProperty("tests", out _))
        {
            return [.. ContestData.Tests(row, "tests")];
        }

        var tests = ContestData.Tests(row, "public_test_cases").ToList();
        if (row.TryGetProperty("private_test_cases", out _))
        {
            try
            {
                var packed = row.Text("private_test_cases");
                var text = packed.StartsWith('[') ? packed : PackedText.Read(packed);
                tests.AddRange(ContestData.TestsOf(JsonFields.Parse(text, "their text"), "private_test_cases"));
            }
            catch (InvalidDataException e)
            {
                throw new InvalidDataException(
                    $"its private_test_cases cannot be read ({e.Message.TrimEnd('.')}): fetch the file anew, "
                    + "or take the field out to judge by the public tests alone.",
                    e);
            }
        }

        return tests;
    }

    /// <summary>One argument a line, each JSON; a tuple counts as the list that JSON can say.</summary>
    private static TestCase ToCase(JsonElement test)
    {
        var arguments = test.Text("input")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(line => TaggedJson.Of(JsonFields.Parse(line, $"the input {line} of a test of a function")));
        var output = test.Text("output");
        var wanted = TaggedJson.Of(JsonFields.Parse(output, $"the output {output} of a test of a function"));
        var asList = PyValue.Parse(wanted);
        var asTuple = wanted.StartsWith('[') ? PyValue.Parse("{\"t\":" + wanted + "}") : asList;
        return new TestCase(
            TaggedJson.Call(arguments), got => got.Equals(asList) || got.Equals(asTuple), Encoding.UTF8.GetBytes(wanted));
    }

    private static string MethodName(JsonElement row, string starter)
    {
        if (row.TryGetProperty("metadata", out var metadata) && metadata.ValueKind != JsonValueKind.Null
            && row.Text("metadata") is { Length: > 0 } text
            && JsonFields.Parse(text, "the field 'metadata'") is { ValueKind: JsonValueKind.Object } parsed
            && parsed.TryGetProperty("func_name", out var name) && name.ValueKind != JsonValueKind.Null)
        {
            return parsed.Text("func_name");
        }

        return Method().Matches(starter) is { Count: > 0 } found
            ? found[^1].Groups["name"].Value
            : throw new InvalidDataException("neither its metadata nor its starter code names a method.");
    }

    [GeneratedRegex(@"def\s+(?<name>\w+)\s*\(\s*self", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Method();
}
