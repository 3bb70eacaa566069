using System.Text;
using System.Text.Json;
using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>Inputs for a whole program, and a checker of what it prints.</summary>
/// <param name="tests">Inputs and checks.</param>
/// <param name="limits">What each run may use.</param>
/// <param name="header">Python source that the harness runs in front of the program.</param>
/// <param name="anyExitStatus">Whether <c>SystemExit</c> with any code is a good end.</param>
internal sealed class StdioGrader(
    IReadOnlyList<StdioTest> tests, Limits limits, string header = "", bool anyExitStatus = false) : Grader
{
    /// <inheritdoc/>
    public override Task<Verdict> JudgeAsync(SandboxPool pool, string program, CancellationToken ct) =>
        pool.JudgeAsync(
            new StdioRequest(program, tests, limits) { Header = header, AnyExitStatus = anyExitStatus }, ct);
}

/// <summary>A grader that is made when it is needed and forgotten when memory is: tests that ship packed do not all fit
/// into it unpacked.</summary>
internal sealed class LateGrader(Func<Grader> make) : Grader
{
    private readonly WeakReference<Grader> made = new(null!);

    /// <inheritdoc/>
    public override Task<Verdict> JudgeAsync(SandboxPool pool, string program, CancellationToken ct)
    {
        lock (made)
        {
            if (!made.TryGetTarget(out var grader))
            {
                made.SetTarget(grader = make());
            }

            return grader.JudgeAsync(pool, program, ct);
        }
    }
}

/// <summary>Calls of a method of <c>Solution</c>, or of a function where the program has no such class, with known
/// answers.</summary>
internal sealed class CallGrader(string name, IReadOnlyList<TestCase> cases, string header, Limits limits) : Grader
{
    /// <inheritdoc/>
    public override Task<Verdict> JudgeAsync(SandboxPool pool, string program, CancellationToken ct)
    {
        var entryPoint = program.Contains("class Solution", StringComparison.Ordinal) ? $"Solution().{name}" : name;
        return pool.JudgeAsync(new CasesRequest(program, entryPoint, cases, limits) { Header = header }, ct);
    }
}

/// <summary>
/// Inputs for a whole program, and a checker program for problems with several right answers: a Python function
/// <c>check(input, wanted, got)</c>, which runs in a sandbox of its own after the program has ended.
/// </summary>
/// <param name="tests">Inputs and an output that is right.</param>
/// <param name="checker">Python source.</param>
/// <param name="limits">What each run of the program may use.</param>
/// <param name="place">Where the checker stands: file and row.</param>
internal sealed class CheckerGrader(
    IReadOnlyList<(string Input, string Wanted)> tests, string checker, Limits limits, string place) : Grader
{
    private static readonly Limits CheckerLimits = new(CpuSeconds: 10, WallSeconds: 30);

    /// <inheritdoc/>
    public override async Task RequireSoundAsync(SandboxPool pool, CancellationToken ct)
    {
        foreach (var (i, (input, wanted)) in tests.Index())
        {
            var verdict = await CheckAsync(pool, input, wanted, wanted, ct);
            if (verdict.Kind is not (VerdictKind.Passed or VerdictKind.HarnessError))
            {
                throw new InvalidDataException($"{place}: its checker refuses the very output that test {i} wants"
                    + (verdict.Kind == VerdictKind.Failed ? "." : $" ({verdict.Name}: {verdict.Detail.TrimEnd('.')}).")
                    + " It must define check(input, wanted, got) and return True or False.");
            }
        }
    }

    /// <inheritdoc/>
    public override async Task<Verdict> JudgeAsync(SandboxPool pool, string program, CancellationToken ct)
    {
        double cpu = 0, wall = 0, memory = 0;
        Verdict? last = null;
        for (var i = 0; i < tests.Count && last?.Passed != false; i++)
        {
            var (input, wanted) = tests[i];
            var got = "";
            var seen = new StdioTest(input, output => (got = output) is not null, Encoding.UTF8.GetByteCount(wanted));
            last = await pool.JudgeAsync(new StdioRequest(program, [seen], limits), ct) with { Test = i };
            (cpu, wall, memory) = (cpu + last.CpuSeconds, wall + last.WallSeconds, Math.Max(memory, last.MemoryMb));
            if (last.Passed)
            {
                last = await CheckAsync(pool, input, wanted, got, ct) switch
                {
                    { Passed: true } => last with { Test = null },
                    { Kind: VerdictKind.HarnessError } broken => broken,
                    // A checker that raises over what was printed rejects it.
                    { Kind: var kind, Detail: var detail } => last with
                    {
                        Kind = VerdictKind.Failed,
                        Detail = "The checker rejects the output" + (kind == VerdictKind.Failed ? "." : ": " + detail),
                    },
                };
            }
        }

        if (last is null)
        {
            throw new InvalidDataException("A problem without tests cannot be judged.");
        }

        return last with { CpuSeconds = cpu, WallSeconds = wall, MemoryMb = memory };
    }

    /// <exception cref="InvalidDataException">The checker returned something else than True or False.</exception>
    private async Task<Verdict> CheckAsync(SandboxPool pool, string input, string wanted, string got, CancellationToken ct)
    {
        PyValue? said = null;
        var arguments = TaggedJson.Call(new[] { input, wanted, got }.Select(text => JsonSerializer.Serialize(text)));
        var call = new TestCase(arguments, answer => (said = answer).IsTrue, null);
        var verdict = await pool.JudgeAsync(new CasesRequest(checker, "check", [call], CheckerLimits), ct);
        return said is null or { Kind: PyKind.Bool } ? verdict
            : throw new InvalidDataException($"{place}: its checker returns {said} rather than True or False.");
    }
}
