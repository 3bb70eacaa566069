using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ra3.Sandbox;

/// <summary>Turns what a worker observed into a verdict. Everything a program says is a claim, compared here.</summary>
internal static class Judge
{
    private const int KillSignal = 9; // SIGKILL: no confined program can send it, itself included
    private const int ViolationSignal = 31; // SIGSYS: seccomp killed it
    private const int CallTimeSignal = 27; // SIGPROF: the timer of a single call ran out
    private const int MostAnswer = 1 << 25; // bytes of one answer, where the tests want none that is larger
    private const int MostBytes = 1 << 30;
    private static readonly Dictionary<int, string> SignalNames = new()
    {
        [2] = "SIGINT",
        [4] = "SIGILL",
        [5] = "SIGTRAP",
        [6] = "SIGABRT",
        [7] = "SIGBUS",
        [8] = "SIGFPE",
        [9] = "SIGKILL",
        [11] = "SIGSEGV",
        [13] = "SIGPIPE",
        [14] = "SIGALRM",
        [15] = "SIGTERM",
        [24] = "SIGXCPU",
        [25] = "SIGXFSZ",
    };

    /// <summary>Runs a request on a worker.</summary>
    /// <exception cref="IOException">The worker failed.</exception>
    public static Task<Verdict> RunAsync(Worker worker, SandboxTier tier, JudgeRequest request, CancellationToken ct) => request switch
    {
        CasesRequest cases => CasesAsync(worker, tier, cases, ct),
        SplitRequest split => SplitAsync(worker, tier, split, ct),
        StdioRequest stdio => StdioAsync(worker, tier, stdio, ct),
        _ => throw new ArgumentException("Unknown kind of request: " + request.GetType().Name, nameof(request)),
    };

    /// <summary>The header of a job.</summary>
    /// <param name="mode">cases, split, stdio or read.</param>
    /// <param name="entry">The function.</param>
    /// <param name="limits">What the program may use.</param>
    /// <param name="keptOutput">Bytes of what is printed that are handed back.</param>
    /// <param name="answerBytes">Size of the largest answer; 0 is as much as all answers together.</param>
    public static JsonObject Job(string mode, string entry, Limits limits, int keptOutput = 1 << 18, int answerBytes = 0) => new()
    {
        ["mode"] = mode,
        ["entry"] = entry,
        ["cpu"] = limits.CpuSeconds,
        ["wall"] = limits.WallSeconds,
        ["mem"] = limits.MemoryMb,
        ["out"] = limits.OutputBytes,
        ["keep"] = Math.Min(keptOutput, limits.OutputBytes),
        ["result"] = limits.ResultBytes,
        ["answer"] = answerBytes == 0 ? limits.ResultBytes : answerBytes,
        ["call"] = limits.CallSeconds,
        ["header"] = "",
        ["exits"] = false,
    };

    /// <summary>How long a worker may take over a job before it counts as hung.</summary>
    public static TimeSpan Patience(Limits limits) => TimeSpan.FromSeconds((10 * limits.WallSeconds) + 45);

    private static async Task<Verdict> CasesAsync(Worker worker, SandboxTier tier, CasesRequest request, CancellationToken ct)
    {
        var payload = Encoding.UTF8.GetBytes(string.Join('\n', request.Cases.Select(c => c.Arguments)));
        var wanted = request.Cases.Select(c => c.Wanted?.Length ?? 0).ToList();
        var limits = request.Limits with { ResultBytes = AtLeast(request.Limits.ResultBytes, wanted.Sum(n => (long)n)) };
        var answerBytes = AtLeast(Math.Min(request.Limits.ResultBytes, MostAnswer), wanted.DefaultIfEmpty().Max());
        var answers = new Answers(request.Cases, answerBytes + 64);
        var job = Job("cases", request.EntryPoint, limits, answerBytes: answerBytes);
        var run = await RunAsync(worker, job, request, payload, ct, answers.Take);
        answers.Take(run.Result);
        answers.End();
        int? at = answers.IsLoaded ? answers.Right : null;
        if (answers.Wrong is { } wrong)
        {
            return run.Say(tier, VerdictKind.Failed, at, wrong);
        }

        if (answers.Error is { } error)
        {
            return run.Say(tier, error.IsMemory ? VerdictKind.MemoryLimit : VerdictKind.RuntimeError, at, Short(error.ToString()));
        }

        if (answers.TooBig is { } reason)
        {
            return run.Say(tier, VerdictKind.OutputLimit, at, Short(reason));
        }

        // A line cut off by the end of the process is no forgery: the end itself says what happened.
        if (run.Bad(tier, at) is { } bad)
        {
            return bad;
        }

        return answers.IsNonsense ? run.Say(tier, VerdictKind.RuntimeError, at, "The program answered what no program answers.")
            : answers.AreAllRight ? run.Say(tier, VerdictKind.Passed, null, "")
            : run.Say(tier, VerdictKind.RuntimeError, at, "The program ended before it had answered" + run.ExitText() + ".");
    }

    private static async Task<Verdict> SplitAsync(Worker worker, SandboxTier tier, SplitRequest request, CancellationToken ct)
    {
        var payload = CaseReader.Payload(request.Tests, request.Prelude, request.ProgramNames);
        var run = await RunAsync(
            worker, Job("split", request.EntryPoint, request.Limits), request, Encoding.UTF8.GetBytes(payload.ToJsonString()), ct);
        RequireOwnEnd(run.Judge, "judge");
        if (run.JudgeWord.Length == 0)
        {
            // The judge died over what the program gave it (a value that takes for ever to compare, say).
            return run.Bad(tier, null) ?? run.JudgeEnd(tier) ?? throw new IOException("the judge said nothing");
        }

        using var word = JsonDocument.Parse(run.JudgeWord);
        var root = word.RootElement;
        int? line = root.TryGetProperty("at", out var place) && place[0].GetInt32() > 0 ? place[0].GetInt32() : null;
        var text = line is null ? "" : " at: " + place[1].GetString();
        switch (root.GetProperty("v").GetString())
        {
            case "passed":
                return run.Bad(tier, null) ?? run.Say(tier, VerdictKind.Passed, null, "");
            case "failed":
                var error = root.GetProperty("e");
                var kind = error[0].GetString() == "MemoryError" ? VerdictKind.MemoryLimit : VerdictKind.Failed;
                return run.Say(tier, kind, line, Short($"{error[0].GetString()}: {error[1].GetString()}") + text);
            case "error":
                return ToldError.Read(run.JudgeWord) is { } told
                    ? Error(run, tier, told, line)
                    : throw new IOException("the judge told of an error without saying which");
            case "big":
                return run.Say(tier, VerdictKind.OutputLimit, line, Short(root.GetProperty("e")[1].GetString()!) + text);
            case "exit":
                return run.Say(tier, VerdictKind.RuntimeError, line, $"The program raised {root.GetProperty("e")[0].GetString()}{text}");
            case "fault":
                return run.Say(tier, VerdictKind.HarnessError, line, "The tests are at fault: " + root.GetProperty("e")[1].GetString());
            case "malformed":
                return run.Bad(tier, line) ?? run.Say(tier, VerdictKind.RuntimeError, line, "The program answered what no program answers.");
            default:
                return run.Bad(tier, line)
                    ?? run.Say(tier, VerdictKind.RuntimeError, line, "The program ended before it had answered" + run.ExitText() + text);
        }
    }

    private static async Task<Verdict> StdioAsync(Worker worker, SandboxTier tier, StdioRequest request, CancellationToken ct)
    {
        double cpu = 0, wall = 0, memory = 0;
        Verdict last = new(VerdictKind.Passed, null, "", 0, 0, 0, "", "", tier);
        for (var test = 0; test < request.Tests.Count && last.Passed; test++)
        {
            var limits = request.Limits with { OutputBytes = AtLeast(request.Limits.OutputBytes, request.Tests[test].WantedBytes) };
            var job = Job("stdio", "", limits, keptOutput: limits.OutputBytes);
            job["exits"] = request.AnyExitStatus;
            var run = await RunAsync(worker, job, request, Encoding.UTF8.GetBytes(request.Tests[test].Input), ct);
            last = OneRun(run, tier, request.Tests[test], test);
            (cpu, wall, memory) = (cpu + last.CpuSeconds, wall + last.WallSeconds, Math.Max(memory, last.MemoryMb));
        }

        return last with { CpuSeconds = cpu, WallSeconds = wall, MemoryMb = memory };
    }

    private static Verdict OneRun(Run run, SandboxTier tier, StdioTest test, int number)
    {
        if (run.Bad(tier, number) is { } bad)
        {
            return bad;
        }

        if (run.ExitStatus != 0)
        {
            return ToldError.Read(run.Result) is { } told
                ? Error(run, tier, told, number)
                : run.Say(tier, VerdictKind.RuntimeError, number, $"The program ended with status {run.ExitStatus}.");
        }

        return test.Accepts(run.Stdout)
            ? run.Say(tier, VerdictKind.Passed, null, "")
            : run.Say(tier, VerdictKind.Failed, number, "The output is wrong: " + Short(run.Stdout).ReplaceLineEndings(" "));
    }

    private static Verdict Error(Run run, SandboxTier tier, ToldError told, int? test) =>
        run.Say(tier, told.IsMemory ? VerdictKind.MemoryLimit : VerdictKind.RuntimeError, test, Short(told.ToString()));

    /// <summary>A limit that what is wanted fits into, in any of the ways that a right answer may be written.</summary>
    private static int AtLeast(int limit, long wanted) => (int)Math.Min(Math.Max(limit, (3 * wanted) + 1024), MostBytes);

    /// <summary>Whether a process ended by itself or by us.</summary>
    /// <exception cref="IOException">It was killed from outside, as the kernel does where memory runs out: that says
    /// nothing about the program.</exception>
    public static void RequireOwnEnd(JsonElement end, string name)
    {
        if (end.GetProperty("killed").GetString() is null && (end.GetProperty("status").GetInt32() & 0x7F) == KillSignal)
        {
            throw new IOException($"the {name} was killed from outside: is the machine out of memory?");
        }
    }

    private static async Task<Run> RunAsync(Worker worker, JsonObject job, JudgeRequest request, byte[] payload, CancellationToken ct,
        Func<byte[], bool>? early = null)
    {
        job["header"] = request.Header;
        var (facts, outputs) = await worker.RunAsync(
            job, Encoding.UTF8.GetBytes(request.Program), payload, Patience(request.Limits), ct, early);
        RequireOwnEnd(facts.GetProperty("program"), "program");
        return new Run(facts, outputs);
    }

    internal static string Short(string text) =>
        text.Length <= 300 ? text : text[..(char.IsHighSurrogate(text[299]) ? 299 : 300)] + "…";

    /// <summary>What a worker reports of one run.</summary>
    private sealed class Run(JsonElement facts, byte[][] outputs)
    {
        private readonly JsonElement program = facts.GetProperty("program");
        private readonly string? over = facts.TryGetProperty("over", out var kind) ? kind.GetString() : null;

        public JsonElement Judge => facts.GetProperty("judge");

        public byte[] Result => outputs[0];

        public byte[] JudgeWord => outputs[1];

        public string Stdout => Encoding.UTF8.GetString(outputs[2]);

        public int ExitStatus => (program.GetProperty("status").GetInt32() >> 8) & 0xFF;

        private int Signal => program.GetProperty("status").GetInt32() & 0x7F;

        public Verdict Say(SandboxTier tier, VerdictKind kind, int? test, string detail) => new(
            kind, test, detail, program.GetProperty("cpu").GetDouble(), program.GetProperty("wall").GetDouble(),
            program.GetProperty("mem").GetDouble() / 1024, Stdout, Encoding.UTF8.GetString(outputs[3]), tier);

        /// <summary>A verdict where the process was stopped or died by a signal; null where it ended by itself.</summary>
        public Verdict? Bad(SandboxTier tier, int? test)
        {
            if (over is not null)
            {
                return Say(tier, VerdictKind.OutputLimit, test, over == "result" ? "The answers are too large." : $"Too much on std{over}.");
            }

            var killed = program.GetProperty("killed").GetString();
            if (killed is null && Signal == CallTimeSignal)
            {
                return Say(tier, VerdictKind.Timeout, test, "Out of processor time in one call.");
            }

            if (killed is "cpu" or "wall")
            {
                return Say(tier, VerdictKind.Timeout, test, killed == "cpu" ? "Out of processor time." : "Out of time on the clock.");
            }

            return killed is null && Signal != 0
                ? Signal == ViolationSignal
                    ? Say(tier, VerdictKind.SandboxViolation, test, "A forbidden system call.")
                    : Say(tier, VerdictKind.RuntimeError, test, "Died by " + SignalNames.GetValueOrDefault(
                        Signal, "signal " + Signal.ToString(CultureInfo.InvariantCulture)) + ".")
                : null;
        }

        /// <summary>The same for the process that ran the tests; what stops it there is the program's doing.</summary>
        public Verdict? JudgeEnd(SandboxTier tier)
        {
            return Judge.GetProperty("killed").GetString() is "cpu" or "wall"
                ? Say(tier, VerdictKind.Timeout, null, "The tests ran out of time over an answer.")
                : (Judge.GetProperty("status").GetInt32() & 0x7F) != 0
                    ? Say(tier, VerdictKind.RuntimeError, null, "The tests died over an answer.")
                    : null;
        }

        public string ExitText() => ExitStatus is 0 or 70 ? "" : $" (status {ExitStatus.ToString(CultureInfo.InvariantCulture)})";
    }
}
