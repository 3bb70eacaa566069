using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ra3.Sandbox;

/// <summary>Turns what a worker observed into a verdict. Everything a program says is a claim, compared here.</summary>
internal static class Judge
{
    private const int ViolationSignal = 31; // SIGSYS: seccomp killed it
    private const int CallTimeSignal = 27; // SIGPROF: the timer of a single call ran out
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
    public static JsonObject Job(string mode, string entry, Limits limits) => new()
    {
        ["mode"] = mode,
        ["entry"] = entry,
        ["cpu"] = limits.CpuSeconds,
        ["wall"] = limits.WallSeconds,
        ["mem"] = limits.MemoryMb,
        ["out"] = limits.OutputBytes,
        ["result"] = limits.ResultBytes,
        ["call"] = limits.CallSeconds,
        ["header"] = "",
        ["exits"] = false,
    };

    /// <summary>How long a worker may take over a job before it counts as hung.</summary>
    public static TimeSpan Patience(Limits limits) => TimeSpan.FromSeconds((10 * limits.WallSeconds) + 45);

    private static async Task<Verdict> CasesAsync(Worker worker, SandboxTier tier, CasesRequest request, CancellationToken ct)
    {
        var payload = Encoding.UTF8.GetBytes(string.Join('\n', request.Cases.Select(c => c.Arguments)));
        var answers = new Answers(request.Cases);
        var run = await RunAsync(worker, Job("cases", request.EntryPoint, request.Limits), request, payload, ct, answers.Take);
        answers.Take(run.Result);
        answers.End();
        int? at = answers.IsLoaded ? answers.Right : null;
        if (answers.Wrong is { } wrong)
        {
            return run.Say(tier, VerdictKind.Failed, at, wrong);
        }

        if (answers.Error is { } error)
        {
            return run.Say(tier, error.OutOfMemory ? VerdictKind.MemoryLimit : VerdictKind.RuntimeError, at, Short(error.Text));
        }

        // A line cut off by the end of the process is no forgery: the end itself says what happened.
        if (run.Bad(tier, answers.IsNonsense ? at : answers.Right) is { } bad)
        {
            return bad;
        }

        return answers.IsNonsense ? run.Say(tier, VerdictKind.RuntimeError, at, "The program answered what no program answers.")
            : answers.AreAllRight ? run.Say(tier, VerdictKind.Passed, null, "")
            : run.Say(tier, VerdictKind.RuntimeError, answers.Right, "The program ended before it had answered" + run.ExitText() + ".");
    }

    private static async Task<Verdict> SplitAsync(Worker worker, SandboxTier tier, SplitRequest request, CancellationToken ct)
    {
        var payload = new JsonObject { ["tests"] = request.Tests, ["prelude"] = request.Prelude };
        var run = await RunAsync(
            worker, Job("split", request.EntryPoint, request.Limits), request, Encoding.UTF8.GetBytes(payload.ToJsonString()), ct);
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
                return Error(run, tier, root, line);
            case "exit":
                return run.Say(tier, VerdictKind.RuntimeError, line, $"The program raised {root.GetProperty("e")[0].GetString()}{text}");
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
            var job = Job("stdio", "", request.Limits);
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
            try
            {
                using var told = JsonDocument.Parse(run.Result);
                return Error(run, tier, told.RootElement, number);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
            {
                return run.Say(tier, VerdictKind.RuntimeError, number, $"The program ended with status {run.ExitStatus}.");
            }
        }

        return test.Accepts(run.Stdout)
            ? run.Say(tier, VerdictKind.Passed, null, "")
            : run.Say(tier, VerdictKind.Failed, number, "The output is wrong: " + Short(run.Stdout.ReplaceLineEndings(" ")));
    }

    private static Verdict Error(Run run, SandboxTier tier, JsonElement told, int? test)
    {
        var (text, memory) = Answers.ErrorOf(told);
        return run.Say(tier, memory ? VerdictKind.MemoryLimit : VerdictKind.RuntimeError, test, Short(text));
    }

    private static async Task<Run> RunAsync(Worker worker, JsonObject job, JudgeRequest request, byte[] payload, CancellationToken ct,
        Func<byte[], bool>? early = null)
    {
        job["header"] = request.Header;
        var (facts, outputs) = await worker.RunAsync(
            job, Encoding.UTF8.GetBytes(request.Program), payload, Patience(request.Limits), ct, early);
        return new Run(facts, outputs);
    }

    internal static string Short(string text) => text.Length <= 300 ? text : text[..300] + "…";

    /// <summary>What a worker reports of one run.</summary>
    private sealed class Run(JsonElement facts, byte[][] outputs)
    {
        private readonly JsonElement program = facts.GetProperty("program");
        private readonly string? over = facts.TryGetProperty("over", out var kind) ? kind.GetString() : null;

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
            var judge = facts.GetProperty("judge");
            return judge.GetProperty("killed").GetString() is "cpu" or "wall"
                ? Say(tier, VerdictKind.Timeout, null, "The tests ran out of time over an answer.")
                : (judge.GetProperty("status").GetInt32() & 0x7F) != 0
                    ? Say(tier, VerdictKind.RuntimeError, null, "The tests died over an answer.")
                    : null;
        }

        public string ExitText() => ExitStatus is 0 or 70 ? "" : $" (status {ExitStatus.ToString(CultureInfo.InvariantCulture)})";
    }
}
