namespace Ra3.Sandbox;

/// <summary>How well programs are walled in; every verdict carries it.</summary>
public enum SandboxTier
{
    /// <summary>Own namespaces (bubblewrap), Landlock, seccomp and resource limits.</summary>
    Namespaces,

    /// <summary>Landlock, seccomp and resource limits, without namespaces.</summary>
    Landlock,

    /// <summary>Resource limits only: programs can read and write what this user can. Only on explicit demand.</summary>
    Unsafe,
}

/// <summary>What one program may use, all its tests together (in <see cref="StdioRequest"/>: per test).</summary>
/// <param name="CpuSeconds">User time, and as much system time again; read exactly, so fractions count.</param>
/// <param name="WallSeconds">Time on the clock for a program that waits; one that still computes gets up to five times as
/// much, so that a busy machine changes no verdict.</param>
/// <param name="MemoryMb">Address space, in MiB; the interpreter itself takes about 30.</param>
/// <param name="OutputBytes">Most bytes to stdout, and to stderr; a test that wants much output allows more.</param>
/// <param name="ResultBytes">Most bytes of returned values, as tagged JSON; tests that want large ones allow more.</param>
/// <param name="CallSeconds">Processor time for each single call of <see cref="CasesRequest"/>, beside the limit for all of
/// them; 0 is none.</param>
public sealed record Limits(
    double CpuSeconds = 5, double WallSeconds = 15, int MemoryMb = 1024, int OutputBytes = 1 << 24,
    int ResultBytes = 1 << 23, double CallSeconds = 0)
{
    /// <summary>The longest that anything may be given: a day, in seconds.</summary>
    public const double MostSeconds = 86_400;

    /// <summary>User time in seconds, and as much system time again.</summary>
    /// <exception cref="ArgumentException">It is set to more than a day, or to no number.</exception>
    public double CpuSeconds { get; init => field = Bounded(value, nameof(CpuSeconds)); } =
        Bounded(CpuSeconds, nameof(CpuSeconds));

    /// <summary>Time on the clock in seconds.</summary>
    /// <exception cref="ArgumentException">It is set to more than a day, or to no number.</exception>
    public double WallSeconds { get; init => field = Bounded(value, nameof(WallSeconds)); } =
        Bounded(WallSeconds, nameof(WallSeconds));

    /// <summary>Processor time in seconds for a single call; 0 is no limit.</summary>
    /// <exception cref="ArgumentException">It is set to more than a day, or to no number.</exception>
    public double CallSeconds { get; init => field = Bounded(value, nameof(CallSeconds)); } =
        Bounded(CallSeconds, nameof(CallSeconds));

    private static double Bounded(double seconds, string name) => seconds <= MostSeconds
        ? seconds
        : throw new ArgumentException(FormattableString.Invariant(
            $"{name} is {seconds}: give a number of seconds, {MostSeconds} at most."));
}

/// <summary>What becomes of the limits that tests come with: for slower machines, and for programs that need more.</summary>
/// <param name="TimeFactor">All seconds times this.</param>
/// <param name="MemoryMb">Address space instead of theirs, in MiB; null leaves it.</param>
/// <param name="OutputBytes">Most bytes to stdout and stderr, and of returned values, instead of theirs; null leaves both.</param>
public sealed record LimitChanges(double TimeFactor = 1, int? MemoryMb = null, int? OutputBytes = null)
{
    /// <summary>The limits with these changes.</summary>
    internal Limits Of(Limits limits) => new(
        Seconds(limits.CpuSeconds), Seconds(limits.WallSeconds), MemoryMb ?? limits.MemoryMb, OutputBytes ?? limits.OutputBytes,
        OutputBytes ?? limits.ResultBytes, Seconds(limits.CallSeconds));

    private double Seconds(double seconds) => Math.Min(seconds * TimeFactor, Limits.MostSeconds);
}

/// <summary>How a pool is set up.</summary>
public sealed record SandboxOptions
{
    /// <summary>Programs run at once; 0 is one per core, and more than that only adds latency.</summary>
    public int Workers { get; init; }

    /// <summary>The tier to use; null is the best one that this machine offers, never <see cref="SandboxTier.Unsafe"/>.</summary>
    public SandboxTier? Tier { get; init; }

    /// <summary>Path of the python3 to run programs with; null looks at RA3_PYTHON, then /usr/bin, then PATH.</summary>
    public string? Python { get; init; }

    /// <summary>What becomes of the limits of every program judged.</summary>
    public LimitChanges Limits { get; init; } = new();
}

/// <summary>The machine cannot confine programs as asked; the message says what is missing and what to do.</summary>
public sealed class SandboxUnavailableException : IOException
{
    /// <summary>Creates the exception with the sentence to show.</summary>
    public SandboxUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with the sentence to show and its cause.</summary>
    public SandboxUnavailableException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
