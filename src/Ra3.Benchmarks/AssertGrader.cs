using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>Python assertions about one function: read as cases where they are plain, otherwise run in split mode.</summary>
/// <param name="tests">The assertions.</param>
/// <param name="entryPoint">The function.</param>
/// <param name="prelude">Trusted code that the tests need.</param>
/// <param name="limits">What a program may use.</param>
/// <param name="alwaysSplit">Run the tests even where they could be read.</param>
internal sealed class AssertGrader(string tests, string entryPoint, string prelude, Limits limits, bool alwaysSplit) : Grader
{
    private readonly SemaphoreSlim gate = new(1);
    private JudgeRequest? plan;

    /// <inheritdoc/>
    public override async Task<Verdict> JudgeAsync(SandboxPool pool, string program, CancellationToken ct)
    {
        if (plan is null)
        {
            await gate.WaitAsync(ct);
            try
            {
                plan ??= alwaysSplit
                    ? new SplitRequest("", entryPoint, tests, prelude, limits)
                    : await pool.PlanAsync("", tests, entryPoint, limits, prelude, ct);
            }
            finally
            {
                gate.Release();
            }
        }

        return await pool.JudgeAsync(plan with { Program = program }, ct);
    }

    /// <summary>Whether the tests could be read as cases; null before the first judgement.</summary>
    public bool? IsCases => plan is null ? null : plan is CasesRequest;
}
