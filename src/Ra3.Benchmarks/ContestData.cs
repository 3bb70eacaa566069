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
    public static IReadOnlyList<JsonElement> Tests(JsonElement row, string key)
    {
        var tests = row.Field(key);
        return (tests.ValueKind == JsonValueKind.String ? JsonDocument.Parse(tests.GetString()!).RootElement : tests)
            .EnumerateArray().ToList();
    }

    /// <summary>A test of a whole program.</summary>
    public static StdioTest Test(JsonElement test, Func<string, string, bool> accepts)
    {
        var wanted = test.Text("output");
        return new StdioTest(test.Text("input"), got => accepts(wanted, got), Encoding.UTF8.GetByteCount(wanted));
    }
}
