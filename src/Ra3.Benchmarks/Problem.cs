using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>One problem of a benchmark: what a model is given, and how its answer is judged.</summary>
/// <param name="Id">The benchmark's own id, such as <c>HumanEval/0</c>.</param>
/// <param name="Prompt">What a base model continues.</param>
/// <param name="Stops">Texts at which a continuation is cut (before the text).</param>
/// <param name="CompletionPrefix">What comes before a completion in the program that is judged.</param>
/// <param name="Reference">The benchmark's own solution, a whole program; null where it has none.</param>
/// <param name="Grader">Judges a whole program.</param>
public sealed record Problem(
    string Id, string Prompt, IReadOnlyList<string> Stops, string CompletionPrefix, string? Reference, Grader Grader)
{
    /// <summary>Whether models are asked it; false for problems of MBPP outside its test split.</summary>
    public bool IsAsked { get; init; } = true;

    /// <summary>The program that a model's continuation makes: cut at the first stop, behind its prefix.</summary>
    public string ProgramOf(string completion)
    {
        var end = completion.Length;
        foreach (var stop in Stops)
        {
            var at = completion.IndexOf(stop, StringComparison.Ordinal);
            end = at >= 0 ? Math.Min(end, at) : end;
        }

        return CompletionPrefix + completion[..end];
    }
}

/// <summary>A set of problems.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Problems">The problems, in the file's order.</param>
/// <param name="Excluded">Problems of the file left out, each with its reason: the kind of reason, then after a colon
/// what it is in this problem.</param>
public sealed record Benchmark(
    string Name, IReadOnlyList<Problem> Problems, IReadOnlyList<(string Id, string Reason)> Excluded)
{
    /// <summary>32 hexadecimal digits that differ between files: a hash of the content.</summary>
    public string Fingerprint { get; init; } = "";
}

/// <summary>Judges programs for one problem.</summary>
public abstract class Grader
{
    /// <summary>Tests of the benchmark's file that are not asked, because the reference itself breaks a limit on them;
    /// known after the first judgement.</summary>
    public virtual int TestsLeftOut => 0;

    /// <summary>Tries what the benchmark's file brings to judge with, before any program is judged by it.</summary>
    /// <param name="pool">Where it runs.</param>
    /// <param name="ct">Cancels.</param>
    /// <exception cref="InvalidDataException">It can judge no program; says where it stands and why.</exception>
    public virtual Task RequireSoundAsync(SandboxPool pool, CancellationToken ct) => Task.CompletedTask;

    /// <summary>Judges a whole program.</summary>
    /// <param name="pool">Where it runs.</param>
    /// <param name="program">Python source.</param>
    /// <param name="ct">Cancels.</param>
    /// <exception cref="InvalidDataException">The benchmark's own tests or reference do not work.</exception>
    public abstract Task<Verdict> JudgeAsync(SandboxPool pool, string program, CancellationToken ct);
}
