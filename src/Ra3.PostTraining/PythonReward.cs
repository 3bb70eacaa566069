using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text;
using Ra3.Sandbox;

namespace Ra3.PostTraining;

/// <summary>What passing some of the tests is worth.</summary>
public enum TestCredit
{
    /// <summary>1 for all tests, 0 otherwise.</summary>
    AllTests,

    /// <summary>The share of tests passed, where they can be judged one by one; tests that are a program of their own count as one.</summary>
    ShareOfTests,
}

/// <summary>How programs are paid.</summary>
public sealed record PythonRewardOptions : IValidatableObject
{
    private const int MostSeconds = 86_400; // a day

    /// <summary>What passing some of the tests is worth.</summary>
    public TestCredit Credit { get; init; } = TestCredit.AllTests;

    /// <summary>Added where the program compiles, runs and defines its function, whatever the tests say.</summary>
    public double FormatBonus { get; init; }

    /// <summary>Processor time of a program, all its tests together, in seconds.</summary>
    public double CpuSeconds { get; init; } = 5;

    /// <summary>Time on the clock for a program that waits, in seconds.</summary>
    public double WallSeconds { get; init; } = 15;

    /// <summary>Address space in MiB.</summary>
    public int MemoryMb { get; init; } = 1024;

    /// <summary>Most that a program may print, and that its answers may take, in MiB; tests that want more allow more.</summary>
    public int OutputMb { get; init; } = 16;

    /// <summary>Every value out of range.</summary>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!(FormatBonus >= 0 && FormatBonus <= 100))
        {
            yield return new ValidationResult($"must lie in [0, 100], not {FormatBonus}: all tests together pay 1", ["formatBonus"]);
        }

        foreach (var (key, value) in new[] { ("cpuSeconds", CpuSeconds), ("wallSeconds", WallSeconds) })
        {
            if (!(value > 0 && value <= MostSeconds))
            {
                yield return new ValidationResult($"must be positive and at most {MostSeconds}, not {value}", [key]);
            }
        }

        if (MemoryMb is < 64 or > 1 << 20)
        {
            yield return new ValidationResult($"must be 64 to {1 << 20}: {MemoryMb}", ["memoryMb"]);
        }

        if (OutputMb is < 1 or > 512)
        {
            yield return new ValidationResult($"must be 1 to 512: {OutputMb}", ["outputMb"]);
        }
    }
}

/// <summary>
/// Pays programs that pass their tests in the sandbox. A judge that fails pays nothing: the sample is dropped. Equal programs
/// for equal tests are judged once (<see cref="RecentScores"/>).
/// </summary>
/// <param name="pool">Where programs run.</param>
/// <param name="options">How they are paid.</param>
public sealed class PythonReward(SandboxPool pool, PythonRewardOptions options) : IReward
{
    private readonly Limits limits = new(
        options.CpuSeconds, options.WallSeconds, options.MemoryMb, options.OutputMb << 20, options.OutputMb << 20);

    private readonly RecentScores scores = new(capacity: 4096);

    // Ids say nothing: another set of problems may use them too.
    private readonly ConcurrentDictionary<(string Tests, string EntryPoint, string Program, string Names), JudgeRequest> plans = new();

    /// <summary>Reads and tries the tests of all Python problems, before any program is judged by them.</summary>
    /// <param name="problems">Problems; those of other kinds are passed over.</param>
    /// <param name="stop">Cancels.</param>
    /// <exception cref="InvalidDataException">Tests that can judge no program: says where the first stands, and how many there are.</exception>
    /// <exception cref="IOException">The sandbox failed twice.</exception>
    public async Task RequireSoundTestsAsync(IEnumerable<Problem> problems, CancellationToken stop)
    {
        var python = problems.OfType<PythonProblem>().ToList();
        var faults = new ConcurrentDictionary<int, string>();
        var degree = new ParallelOptions { MaxDegreeOfParallelism = pool.Workers, CancellationToken = stop };
        await Parallel.ForAsync(0, python.Count, degree, async (i, token) =>
        {
            try
            {
                await PlanAsync(python[i], token).ConfigureAwait(false);
            }
            catch (FaultyTestsException e)
            {
                faults[i] = Place(python[i], e);
            }
        }).ConfigureAwait(false);
        if (!faults.IsEmpty)
        {
            throw new InvalidDataException(faults[faults.Keys.Min()] + (faults.Count > 1 ? $" {faults.Count} problems have faulty tests; this is the first." : ""));
        }
    }

    /// <inheritdoc/>
    public Task<Score> ScoreAsync(Problem problem, string completion, CancellationToken stop)
    {
        if (problem is not PythonProblem python)
        {
            throw new ArgumentException($"{problem.Id} is no Python problem: its reward needs another judge.", nameof(problem));
        }

        var all = string.Join('\0', python.Tests, python.EntryPoint, string.Join(',', python.Names), python.Program + completion);
        return scores.OfAsync(
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all))), () => JudgeAsync(python, completion, stop));
    }

    private async Task<Score> JudgeAsync(PythonProblem python, string completion, CancellationToken stop)
    {
        try
        {
            var program = python.Program + completion;
            var plan = await PlanAsync(python, stop).ConfigureAwait(false);
            var verdict = await pool.JudgeAsync(plan with { Program = program }, stop).ConfigureAwait(false);
            if (verdict.Kind == VerdictKind.HarnessError)
            {
                return new Score(null, verdict.Name, verdict.Detail);
            }

            var share = verdict.Passed ? 1 : 0.0;
            if (!verdict.Passed && options.Credit == TestCredit.ShareOfTests && plan is CasesRequest cases && verdict.Test is { } failed)
            {
                if (await PassedAfterAsync(cases with { Program = program }, failed, stop).ConfigureAwait(false) is not { } passed)
                {
                    return new Score(null, Verdict.NameOf(VerdictKind.HarnessError), verdict.Detail);
                }

                share = (failed + passed) / (double)cases.Cases.Count; // the tests before the first that failed have passed
            }

            var isSound = verdict.Passed || verdict.Test is not null; // it got as far as a test
            return new Score(share + (isSound ? options.FormatBonus : 0), verdict.Name, verdict.Detail);
        }
        catch (FaultyTestsException e)
        {
            throw new InvalidDataException(Place(python, e), e);
        }
        catch (IOException e)
        {
            return new Score(null, Verdict.NameOf(VerdictKind.HarnessError), e.Message);
        }
    }

    /// <summary>How many of the tests behind a failed one pass, each in a run of its own; null where the judge failed. All
    /// of them share the time that a program has: those that it does not reach have failed.</summary>
    private async Task<int?> PassedAfterAsync(CasesRequest request, int failed, CancellationToken stop)
    {
        var passed = 0;
        var left = request.Limits;
        foreach (var test in request.Cases.Skip(failed + 1))
        {
            var verdict = await pool.JudgeAsync(request with { Cases = [test], Limits = left }, stop).ConfigureAwait(false);
            left = left with
            {
                CpuSeconds = left.CpuSeconds - verdict.CpuSeconds,
                WallSeconds = left.WallSeconds - verdict.WallSeconds,
            };
            switch (verdict.Kind)
            {
                case VerdictKind.HarnessError:
                    return null;
                case VerdictKind.Passed:
                    passed++;
                    break;
            }

            if (verdict.Kind == VerdictKind.Timeout || left.CpuSeconds <= 0 || left.WallSeconds <= 0)
            {
                break;
            }
        }

        return passed;
    }

    /// <summary>Equal tests are read once.</summary>
    private async Task<JudgeRequest> PlanAsync(PythonProblem problem, CancellationToken stop)
    {
        var key = (problem.Tests, problem.EntryPoint, problem.Program, string.Join(',', problem.Names));
        if (!plans.TryGetValue(key, out var plan))
        {
            plan = await pool.PlanAsync(
                "", problem.Tests, problem.EntryPoint, limits, problem.Program, problem.Names, ct: stop).ConfigureAwait(false);
            plans[key] = plan;
        }

        return plan;
    }

    private static string Place(PythonProblem problem, FaultyTestsException fault) =>
        fault.In($"{(problem.Place is { } place ? place + ": " : "")}the tests of '{problem.Id}'");
}
