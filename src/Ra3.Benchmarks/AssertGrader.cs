using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>Python assertions about one function: read as cases where they are plain, otherwise run in split mode.</summary>
/// <param name="id">The problem's id, for messages.</param>
/// <param name="tests">The assertions.</param>
/// <param name="entryPoint">The function.</param>
/// <param name="prelude">Trusted code that the tests need.</param>
/// <param name="limits">What a program may use.</param>
/// <param name="alwaysSplit">Run the tests even where they could be read.</param>
/// <param name="programNames">What the program must define besides, for the tests to use.</param>
internal sealed class AssertGrader(
    string id, string tests, string entryPoint, string prelude, Limits limits, bool alwaysSplit, IReadOnlyList<string>? programNames = null)
    : Grader
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
                plan ??= await pool.PlanAsync("", tests, entryPoint, limits, prelude, programNames, alwaysSplit, ct);
            }
            catch (FaultyTestsException e)
            {
                throw new InvalidDataException(e.In($"The tests of {id}"), e);
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
