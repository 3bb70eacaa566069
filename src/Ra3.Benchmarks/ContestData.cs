using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>LiveCodeBench (Jain et al. 2024, arXiv 2403.07974) and Codeforces problems.</summary>
internal static partial class ContestData
{
    // What such solutions take for granted; the original harness supplies the like.
    private const string Header = """
        import bisect, collections, copy, datetime, functools, heapq, io, itertools, json, math, operator, random, re, string, sys
        from bisect import *
        from collections import *
        from functools import *
        from heapq import *
        from itertools import *
        from math import *
        from typing import *
        sys.setrecursionlimit(50000)

        """;

    public static Benchmark ReadLiveCodeBench(IReadOnlyList<JsonElement> rows) => new("livecodebench", rows.Select((row, i) =>
    {
        var (text, starter) = (row.Text("problem"), row.Text("starter_code"));
        var tests = Tests(row);
        var limits = new Limits(CpuSeconds: 6, WallSeconds: 20, MemoryMb: 2048);
        var functional = tests.Any(t => t.TryGetProperty("testtype", out var kind) && kind.GetString() == "functional");
        Grader grader = functional
            ? new CallGrader(Method(starter), tests.Select(ToCase).ToList(), Header, limits)
            : new StdioGrader(tests.Select(t => Test(t, Checker.Named("lines"))).ToList(), limits);
        return new Problem(Id("LCB", i), Ask(text, starter), ["\n```"], "", null, grader);
    }).ToList(), []);

    public static Benchmark ReadCodeforces(IReadOnlyList<JsonElement> rows)
    {
        var problems = new List<Problem>();
        var excluded = new List<(string, string)>();
        for (var i = 0; i < rows.Count; i++)
        {
            var text = rows[i].Text("problem");
            var custom = rows[i].TryGetProperty("checker", out var source) && source.ValueKind == JsonValueKind.String ? source.GetString() : null;
            var checker = custom is null ? CheckerFor(text) : null;
            if (checker is null && custom is null)
            {
                excluded.Add((Id("CF", i), "it has several right answers, and there is no checker for them"));
                continue;
            }

            var milliseconds = double.Parse(TimeLimit().Match(text) is { Success: true } m ? m.Groups["ms"].Value : "2000", CultureInfo.InvariantCulture);
            // Contest limits are meant for C++: Python gets the usual three times as much.
            var limits = new Limits(CpuSeconds: 3 * milliseconds / 1000, WallSeconds: 9 * milliseconds / 1000);
            var tests = Tests(rows[i]);
            Grader grader = custom is null
                ? new StdioGrader(tests.Select(t => Test(t, Checker.Named(checker!))).ToList(), limits)
                : new CheckerGrader(tests.Select(t => (t.Text("input"), t.Text("output"))).ToList(), custom, limits);
            problems.Add(new Problem(Id("CF", i), Ask(text, ""), ["\n```"], "", null, grader));
        }

        return new Benchmark("codeforces", problems, excluded);
    }

    /// <summary>The checker a statement asks for; null where several answers are right and none of ours can tell.</summary>
    internal static string? CheckerFor(string statement) =>
        SeveralAnswers().IsMatch(statement) ? null
        : Tolerance().Match(statement) is { Success: true } m ? $"floats(1e-{m.Groups["digits"].Value}, 1e-{m.Groups["digits"].Value})"
        : AnyCase().IsMatch(statement) ? "yesno"
        : "tokens";

    private static List<JsonElement> Tests(JsonElement row)
    {
        var tests = row.GetProperty("tests");
        return (tests.ValueKind == JsonValueKind.String ? JsonDocument.Parse(tests.GetString()!).RootElement : tests)
            .EnumerateArray().ToList();
    }

    private static StdioTest Test(JsonElement test, Func<string, string, bool> accepts)
    {
        var wanted = test.Text("output");
        return new StdioTest(test.Text("input"), got => accepts(wanted, got));
    }

    /// <summary>One argument a line, each JSON; a tuple counts as the list that JSON can say.</summary>
    private static TestCase ToCase(JsonElement test)
    {
        var arguments = test.Text("input").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(line => TaggedJson.Of(JsonDocument.Parse(line).RootElement));
        var wanted = TaggedJson.Of(JsonDocument.Parse(test.Text("output")).RootElement);
        var (asList, asTuple) = (PyValue.Parse(wanted), wanted.StartsWith('[') ? PyValue.Parse("{\"t\":" + wanted + "}") : null);
        return new TestCase(TaggedJson.Call(arguments), got => got.Equals(asList) || (asTuple is not null && got.Equals(asTuple)), asList);
    }

    private static string Method(string starter) =>
        "Solution()." + (MethodName().Matches(starter) is { Count: > 0 } found
            ? found[^1].Groups["name"].Value
            : throw new InvalidDataException("The starter code has no method: " + starter));

    private static string Ask(string statement, string starter) =>
        $"### Question:\n{statement.TrimEnd()}\n\n### Answer:\n```python\n" + starter;

    private static string Id(string prefix, int index) => prefix + "/" + index.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"def\s+(?<name>\w+)\s*\(\s*self", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex MethodName();

    [GeneratedRegex(@"Time Limit:\s*(?<ms>\d+)\s*ms", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex TimeLimit();

    [GeneratedRegex(@"multiple (possible |correct |valid )?(answers|solutions|ways|optimal)|any of them|print any|output any|find any|any valid|any order|several (possible )?(answers|solutions)|more than one (answer|solution)", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase, 1000)]
    private static partial Regex SeveralAnswers();

    [GeneratedRegex(@"(absolute|relative) (or (relative|absolute) )?error[^.]*?10\^\{-(?<digits>\d+)\}", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase, 1000)]
    private static partial Regex Tolerance();

    [GeneratedRegex(@"(in )?any case|(upper|lower)[ -]?case or|arbitrary case", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase, 1000)]
    private static partial Regex AnyCase();
}
