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
        rows.Select((row, i) =>
        {
            var id = row.TryGetProperty("question_id", out var own)
                ? own.GetString()!
                : "LCB/" + i.ToString(CultureInfo.InvariantCulture);
            try
            {
                return ToProblem(id, row);
            }
            catch (Exception e) when (e is InvalidDataException or JsonException
                or KeyNotFoundException or InvalidOperationException)
            {
                throw new InvalidDataException($"{path}, row {i + 1} ({id}): {e.Message}", e);
            }
        }).ToList(),
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
        return tests.Any(t => t.TryGetProperty("testtype", out var kind) && kind.GetString() == "functional")
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
        if (row.TryGetProperty("private_test_cases", out var hidden))
        {
            var packed = hidden.GetString()!;
            try
            {
                var text = packed.StartsWith('[') ? packed : PackedText.Read(packed);
                tests.AddRange(JsonDocument.Parse(text).RootElement.EnumerateArray());
            }
            catch (Exception e) when (e is InvalidDataException or JsonException or InvalidOperationException)
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
            .Select(line => TaggedJson.Of(JsonDocument.Parse(line).RootElement));
        var wanted = TaggedJson.Of(JsonDocument.Parse(test.Text("output")).RootElement);
        var asList = PyValue.Parse(wanted);
        var asTuple = wanted.StartsWith('[') ? PyValue.Parse("{\"t\":" + wanted + "}") : asList;
        return new TestCase(
            TaggedJson.Call(arguments), got => got.Equals(asList) || got.Equals(asTuple), Encoding.UTF8.GetBytes(wanted));
    }

    private static string MethodName(JsonElement row, string starter)
    {
        if (row.TryGetProperty("metadata", out var metadata) && metadata.GetString() is { Length: > 0 } text)
        {
            using var parsed = JsonDocument.Parse(text);
            if (parsed.RootElement.TryGetProperty("func_name", out var name) && name.GetString() is { } given)
            {
                return given;
            }
        }

        return Method().Matches(starter) is { Count: > 0 } found
            ? found[^1].Groups["name"].Value
            : throw new InvalidDataException("neither its metadata nor its starter code names a method.");
    }

    [GeneratedRegex(@"def\s+(?<name>\w+)\s*\(\s*self", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Method();
}
