using System.Text;
using System.Text.Json;
using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>What the rows of contest problems have in common.</summary>
internal static class ContestData
{
    /// <summary>The prompt.</summary>
    public static string Ask(string statement, string starter) =>
        $"### Question:\n{statement.TrimEnd()}\n\n### Answer:\n```python\n" + starter;

    /// <summary>Tests of a row: JSON, or JSON in a string.</summary>
    /// <exception cref="KeyNotFoundException">It has no such field; the message names it.</exception>
    /// <exception cref="InvalidDataException">They are no list of objects with the texts <c>input</c> and
    /// <c>output</c>.</exception>
    public static IReadOnlyList<JsonElement> Tests(JsonElement row, string key)
    {
        var tests = row.Field(key);
        return TestsOf(
            tests.ValueKind == JsonValueKind.String ? JsonFields.Parse(row.Text(key), $"the field '{key}'") : tests,
            $"the field '{key}'");
    }

    /// <summary>Tests.</summary>
    /// <param name="list">Their list.</param>
    /// <param name="what">What it is, for the message.</param>
    /// <exception cref="InvalidDataException">They are no list of objects with the texts <c>input</c> and
    /// <c>output</c>.</exception>
    public static IReadOnlyList<JsonElement> TestsOf(JsonElement list, string what)
    {
        var tests = list.AsList(what);
        foreach (var (i, test) in tests.Index())
        {
            var isSound = test.ValueKind == JsonValueKind.Object && IsText(test, "input") && IsText(test, "output");
            if (!isSound)
            {
                throw new InvalidDataException($"test {i} of {what} must be an object with the texts input and output: {Start(test)}");
            }
        }

        return tests;

        static bool IsText(JsonElement test, string key) =>
            test.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String;
        static string Start(JsonElement test) => test.GetRawText() is { Length: > 80 } text ? text[..80] + "…" : test.GetRawText();
    }

    /// <summary>A test of a whole program.</summary>
    public static StdioTest Test(JsonElement test, Func<string, string, bool> accepts)
    {
        var wanted = test.Text("output");
        return new StdioTest(test.Text("input"), got => accepts(wanted, got), Encoding.UTF8.GetByteCount(wanted));
    }
}
