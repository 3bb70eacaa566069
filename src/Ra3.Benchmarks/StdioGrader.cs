using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>Inputs for a whole program, and a checker of what it prints.</summary>
internal sealed class StdioGrader(IReadOnlyList<StdioTest> tests, Limits limits) : Grader
{
    /// <inheritdoc/>
    public override Task<Verdict> JudgeAsync(SandboxPool pool, string program, CancellationToken ct) =>
        pool.JudgeAsync(new StdioRequest(program, tests, limits), ct);
}

/// <summary>Calls with known answers.</summary>
internal sealed class CallGrader(string entryPoint, IReadOnlyList<TestCase> cases, string header, Limits limits) : Grader
{
    /// <inheritdoc/>
    public override Task<Verdict> JudgeAsync(SandboxPool pool, string program, CancellationToken ct) =>
        pool.JudgeAsync(new CasesRequest(header + program, entryPoint, cases, limits), ct);
}
