namespace Ra3.Sandbox;

/// <summary>A program to be judged.</summary>
/// <param name="Program">Python source, as a model wrote it.</param>
/// <param name="Limits">What it may use.</param>
public abstract record JudgeRequest(string Program, Limits Limits)
{
    /// <summary>Python source that a harness runs in front of the program, in the same module: its imports, mostly. Line
    /// numbers and <c>from __future__</c> stay the program's own.</summary>
    public string Header { get; init; } = "";
}

/// <summary>Calls a function with each case's arguments and compares its answers outside Python.</summary>
/// <param name="Program">Python source.</param>
/// <param name="EntryPoint">A Python expression for the function, such as <c>add</c> or <c>Solution().twoSum</c>.</param>
/// <param name="Cases">The calls, in order; the first that does not pass decides.</param>
/// <param name="Limits">What the program may use.</param>
public sealed record CasesRequest(string Program, string EntryPoint, IReadOnlyList<TestCase> Cases, Limits Limits)
    : JudgeRequest(Program, Limits);

/// <summary>Runs unmodified Python tests in a process of their own, where the program's functions are proxies.</summary>
/// <param name="Program">Python source.</param>
/// <param name="EntryPoint">The function under test.</param>
/// <param name="Tests">Trusted test code; it sees the function as its own name and as <c>candidate</c>.</param>
/// <param name="Prelude">Trusted code that the tests need, run before them: its names are never the program's.</param>
/// <param name="Limits">What the program may use.</param>
public sealed record SplitRequest(string Program, string EntryPoint, string Tests, string Prelude, Limits Limits)
    : JudgeRequest(Program, Limits)
{
    /// <summary>What the program must define besides, for the tests to use; every other name is the tests' own.</summary>
    public IReadOnlyList<string> ProgramNames { get; init; } = [];
}

/// <summary>Runs the program once per test with its input on stdin, and checks what it prints.</summary>
/// <param name="Program">Python source.</param>
/// <param name="Tests">Inputs and checks, in order; the first that does not pass decides.</param>
/// <param name="Limits">What each run may use.</param>
public sealed record StdioRequest(string Program, IReadOnlyList<StdioTest> Tests, Limits Limits)
    : JudgeRequest(Program, Limits)
{
    /// <summary>Whether <c>SystemExit</c> ends the program well with any code, as some harnesses have it; python3 says
    /// that a code other than 0 is a failure.</summary>
    public bool AnyExitStatus { get; init; }
}

/// <summary>One input for a whole program.</summary>
/// <param name="Input">Text for stdin.</param>
/// <param name="Accepts">Whether what the program printed is right.</param>
/// <param name="WantedBytes">Size of the wanted output: three times as much may be printed, whatever the limit says.</param>
public sealed record StdioTest(string Input, Func<string, bool> Accepts, int WantedBytes = 0);

/// <summary>One call of a function.</summary>
/// <param name="Arguments">Tagged JSON of <c>[args, kwargs]</c>; see <see cref="PyValue"/>.</param>
/// <param name="Accepts">Whether an answer is right.</param>
/// <param name="Wanted">Tagged JSON of a right answer: shown to a person, and an answer may be three times as large,
/// whatever the limit says; null where there is none to show.</param>
public sealed record TestCase(string Arguments, Func<PyValue, bool> Accepts, byte[]? Wanted)
{
    private bool? passesItself; // whether the wanted answer is accepted; a NaN is not

    /// <summary>Given every answer as it came.</summary>
    internal Action<byte[]>? Seen { get; init; }

    /// <summary>Whether an answer, as tagged JSON, is right. The very bytes that are wanted need not be read again.</summary>
    /// <exception cref="InvalidDataException">The bytes are no tagged JSON.</exception>
    internal bool IsRight(ReadOnlySpan<byte> answer)
    {
        Seen?.Invoke(answer.ToArray());
        return Wanted is not null && answer.SequenceEqual(Wanted)
            ? passesItself ??= Accepts(PyValue.Parse(answer))
            : Accepts(PyValue.Parse(answer));
    }
}
