using System.Text.Json;
using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>HumanEval (Chen et al. 2021, arXiv 2107.03374) and HumanEval+ (Liu et al. 2023, arXiv 2305.01210).</summary>
internal static class HumanEvalData
{
    // The stop texts of the paper but for "\n#": a comment in column 0 is legal inside a function, and models that
    // write their decisions as comments would be cut there. What it would have cut ends at one of the others.
    private static readonly string[] Stops = ["\nclass", "\ndef", "\n@", "\nif", "\nprint", "\n```"];

    // The original harness allows 3 s on the clock, and limits no memory.
    private static readonly Limits Limits = new(CpuSeconds: 3, WallSeconds: 10, MemoryMb: 4096);

    public static Benchmark Read(IReadOnlyList<JsonElement> rows, string path, bool alwaysSplit) => new("humaneval", BenchmarkLoader.Problems(rows, path, (row, _) =>
    {
        var (prompt, entry) = (row.Text("prompt"), row.Text("entry_point"));
        // Tests use helpers that the prompt defines; they get the prompt's own, never the program's.
        var grader = new AssertGrader(
            row.Text("task_id"), row.Text("test") + $"\ncheck({entry})\n", entry, prompt + "\n    pass\n", Limits, alwaysSplit);
        return new Problem(row.Text("task_id"), prompt, Stops, prompt, prompt + row.Text("canonical_solution"), grader);
    }), []);

    public static Benchmark ReadPlus(IReadOnlyList<JsonElement> rows, string path) => new("humaneval+", BenchmarkLoader.Problems(rows, path, (row, _) =>
    {
        var (prompt, entry) = (row.Text("prompt"), row.Text("entry_point"));
        var reference = prompt + row.Text("canonical_solution");
        var grader = new EvalPlusGrader(
            mbpp: false, entry, reference, Calls(row, "base_input"), Calls(row, "plus_input"),
            row.Number("atol"));
        return new Problem(row.Text("task_id"), prompt, Stops, prompt, reference, grader);
    }), []);

    private static List<string> Calls(JsonElement row, string key) => row.List(key)
        .Select((call, i) => TaggedJson.Call(call.AsList($"{key}[{i}]").Select(TaggedJson.Of))).ToList();
}
