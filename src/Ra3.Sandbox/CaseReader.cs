using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ra3.Sandbox;

/// <summary>Asks a worker to read test code as cases, and to try it where it has to be run.</summary>
internal static class CaseReader
{
    private const int SilentEnd = 70; // the exit code of a reader that says nothing, for want of memory
    private static readonly Limits ReadingLimits = new(CpuSeconds: 10, WallSeconds: 30, ResultBytes: 1 << 26);

    /// <summary>The tests as cases, or null where they are more than plain assertions; and what is wrong with them.</summary>
    /// <exception cref="IOException">The worker failed.</exception>
    public static async Task<(IReadOnlyList<TestCase>? Cases, FaultyTestsException? Fault)> ReadAsync(
        Worker worker, string tests, string entryPoint, string prelude, IReadOnlyList<string> programNames, CancellationToken ct)
    {
        var payload = Payload(tests, prelude, programNames);
        var (facts, outputs) = await worker.RunAsync(
            Judge.Job("read", entryPoint, ReadingLimits), [], Encoding.UTF8.GetBytes(payload.ToJsonString()),
            Judge.Patience(ReadingLimits), ct);
        var end = facts.GetProperty("judge");
        Judge.RequireOwnEnd(end, "reader of the tests");
        if (outputs[1].Length == 0)
        {
            if (end.GetProperty("killed").GetString() is null && end.GetProperty("status").GetInt32() != SilentEnd << 8)
            {
                return (null, new FaultyTestsException(null, "they end the process that runs them, as os._exit does"));
            }

            return (null, null); // reading them took too much time or memory
        }

        using var answer = JsonDocument.Parse(outputs[1]);
        if (answer.RootElement.TryGetProperty("fault", out var fault))
        {
            var line = answer.RootElement.GetProperty("line");
            return (null, new FaultyTestsException(line.ValueKind == JsonValueKind.Number ? line.GetInt32() : null, fault.GetString()!));
        }

        return (answer.RootElement.TryGetProperty("cases", out var cases) ? cases.EnumerateArray().Select(ToCase).ToList() : null, null);
    }

    /// <summary>Tests as a worker takes them.</summary>
    public static JsonObject Payload(string tests, string prelude, IReadOnlyList<string> programNames) => new()
    {
        ["tests"] = tests,
        ["prelude"] = prelude,
        ["names"] = new JsonArray(programNames.Select(name => (JsonNode)name).ToArray()),
    };

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
