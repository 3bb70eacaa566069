using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ra3.Sandbox;

/// <summary>Asks a worker to read test code as cases.</summary>
internal static class CaseReader
{
    private static readonly Limits ReadingLimits = new(CpuSeconds: 10, WallSeconds: 30, ResultBytes: 1 << 26);

    /// <summary>The tests as cases, or null where they are more than plain assertions.</summary>
    /// <exception cref="IOException">The worker failed.</exception>
    public static async Task<IReadOnlyList<TestCase>?> ReadAsync(
        Worker worker, string tests, string entryPoint, string prelude, CancellationToken ct)
    {
        var payload = new JsonObject { ["tests"] = tests, ["prelude"] = prelude };
        var (facts, outputs) = await worker.RunAsync(
            Judge.Job("read", entryPoint, ReadingLimits), [], Encoding.UTF8.GetBytes(payload.ToJsonString()),
            Judge.Patience(ReadingLimits), ct);
        Judge.RequireOwnEnd(facts.GetProperty("judge"), "reader of the tests");
        if (outputs[1].Length == 0)
        {
            return null; // reading them took too much time or memory
        }

        using var answer = JsonDocument.Parse(outputs[1]);
        return answer.RootElement.TryGetProperty("cases", out var cases)
            ? cases.EnumerateArray().Select(ToCase).ToList()
            : null;
    }

    private static TestCase ToCase(JsonElement element)
    {
        var wanted = Encoding.UTF8.GetBytes(element.GetProperty("expected").GetString()!);
        var expected = PyValue.Parse(wanted);
        var strict = element.GetProperty("strict").GetBoolean();
        Func<PyValue, bool> accepts = element.GetProperty("check").GetString() switch
        {
            "eq" => expected.Equals,
            "is" => v => v.Kind == expected.Kind && v.Equals(expected),
            "truthy" => v => v.IsTrue,
            "falsy" => v => !v.IsTrue,
            "set" => v => v.ToSet() is { } set && set.Equals(expected),
            "approx" => Near(expected, element.GetProperty("tolerance").GetDouble(), strict),
            var other => throw new InvalidDataException("unknown check " + other),
        };
        return new TestCase(element.GetProperty("args").GetString()!, accepts, wanted);
    }

    private static Func<PyValue, bool> Near(PyValue expected, double tolerance, bool strict) =>
        v => v.IsNear(expected, tolerance, strict);
}
