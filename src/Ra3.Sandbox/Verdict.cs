namespace Ra3.Sandbox;

/// <summary>How judging a program ended.</summary>
public enum VerdictKind
{
    /// <summary>Every test passed.</summary>
    Passed,

    /// <summary>An answer was wrong.</summary>
    Failed,

    /// <summary>The program raised, did not compile, lacked the entry point, ended early or died by a signal.</summary>
    RuntimeError,

    /// <summary>Processor or wall time ran out.</summary>
    Timeout,

    /// <summary>Memory ran out.</summary>
    MemoryLimit,

    /// <summary>Too much was printed or returned.</summary>
    OutputLimit,

    /// <summary>The program did what no honest program does, and was killed for it.</summary>
    SandboxViolation,

    /// <summary>The judge itself failed, twice. Says nothing about the program: drop the sample and count it.</summary>
    HarnessError,
}

/// <summary>The outcome of judging one program.</summary>
/// <param name="Kind">How it ended.</param>
/// <param name="Test">Number of the test that decided, from 0; in split mode the line of the tests, from 1; null where
/// none did: the program was not loaded, or lacks the function.</param>
/// <param name="Detail">One line for a person: exception type and message, or wanted and got.</param>
/// <param name="CpuSeconds">Processor time used.</param>
/// <param name="WallSeconds">Time on the clock.</param>
/// <param name="MemoryMb">Peak resident memory, MiB.</param>
/// <param name="Stdout">What the program printed, cut at the limit.</param>
/// <param name="Stderr">What it printed to stderr, cut at the limit.</param>
/// <param name="Tier">The tier that held.</param>
public sealed record Verdict(
    VerdictKind Kind, int? Test, string Detail, double CpuSeconds, double WallSeconds, double MemoryMb,
    string Stdout, string Stderr, SandboxTier Tier)
{
    /// <summary>The verdict where the judge itself failed.</summary>
    /// <param name="detail">How.</param>
    /// <param name="tier">The tier that held.</param>
    public static Verdict HarnessError(string detail, SandboxTier tier) =>
        new(VerdictKind.HarnessError, null, detail, 0, 0, 0, "", "", tier);

    /// <summary>Whether every test passed.</summary>
    public bool Passed => Kind == VerdictKind.Passed;

    /// <summary>The verdict's name in files and on screen: <c>runtime_error</c> for <see cref="VerdictKind.RuntimeError"/>.</summary>
    public string Name => NameOf(Kind);

    /// <summary>The name of a verdict in files and on screen.</summary>
    public static string NameOf(VerdictKind kind) => kind switch
    {
        VerdictKind.Passed => "passed",
        VerdictKind.Failed => "failed",
        VerdictKind.RuntimeError => "runtime_error",
        VerdictKind.Timeout => "timeout",
        VerdictKind.MemoryLimit => "memory_limit",
        VerdictKind.OutputLimit => "output_limit",
        VerdictKind.SandboxViolation => "sandbox_violation",
        _ => "harness_error",
    };
}
