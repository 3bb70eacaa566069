using System.Collections.Concurrent;
using System.Threading.Channels;

namespace Ra3.Sandbox;

/// <summary>
/// Judges untrusted Python programs. Each worker is a long-lived supervisor process that forks one confined child per
/// program; a worker that dies, hangs or babbles is replaced and the program judged once more.
/// </summary>
public sealed class SandboxPool : IAsyncDisposable
{
    private readonly Interpreter python;
    private readonly Channel<Slot> free = Channel.CreateUnbounded<Slot>();
    private readonly ConcurrentBag<Slot> slots = [];
    private readonly CancellationTokenSource disposing = new();
    private LimitChanges changes = new();
    private long harnessErrors;
    private long replacedWorkers;

    private SandboxPool(SandboxTier tier, Interpreter python, int workers)
    {
        Tier = tier;
        Workers = workers;
        this.python = python;
    }

    /// <summary>The tier that holds programs in.</summary>
    public SandboxTier Tier { get; }

    /// <summary>Programs judged at once.</summary>
    public int Workers { get; }

    /// <summary>Version of the Python that runs programs.</summary>
    public Version PythonVersion => python.Version;

    /// <summary>Path of the Python that runs programs.</summary>
    public string PythonPath => python.Executable;

    /// <summary>Verdicts given up on because the judge failed twice.</summary>
    public long HarnessErrors => Interlocked.Read(ref harnessErrors);

    /// <summary>Workers that had to be replaced.</summary>
    public long ReplacedWorkers => Interlocked.Read(ref replacedWorkers);

    /// <summary>Starts a pool and tries hostile canary programs on it before anything else.</summary>
    /// <param name="options">Workers, tier and interpreter.</param>
    /// <param name="ct">Cancels the start.</param>
    /// <exception cref="SandboxUnavailableException">The tier (or, where none is named, every tier but
    /// <see cref="SandboxTier.Unsafe"/>) cannot be had here, or a canary escaped. The message says what to do.</exception>
    public static async Task<SandboxPool> StartAsync(SandboxOptions options, CancellationToken ct = default)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new SandboxUnavailableException("The sandbox needs Linux (Landlock and seccomp): run it there, or in a container or VM.");
        }

        SandboxTier[] tiers = options.Tier is { } named ? [named] : [SandboxTier.Namespaces, SandboxTier.Landlock];
        var reasons = new List<string>();
        foreach (var tier in tiers)
        {
            try
            {
                return await StartAsync(tier, options, ct);
            }
            catch (SandboxUnavailableException e)
            {
                reasons.Add($"{tier.ToString().ToLowerInvariant()}: {e.Message}");
            }
        }

        throw new SandboxUnavailableException(
            "Programs cannot be confined here (" + string.Join("; ", reasons) + "). Install bubblewrap where user "
            + "namespaces are allowed, or use a kernel with Landlock (5.13 or newer) on x86-64; "
            + "--unsafe-no-sandbox runs programs unconfined and marks every result so.");
    }

    /// <summary>Judges one program.</summary>
    /// <param name="request">The program, its tests and limits.</param>
    /// <param name="ct">Cancels.</param>
    /// <exception cref="ArgumentException">There are no tests, so every program would pass.</exception>
    public Task<Verdict> JudgeAsync(JudgeRequest request, CancellationToken ct = default) =>
        request is CasesRequest { Cases.Count: 0 } or StdioRequest { Tests.Count: 0 }
        ? throw new ArgumentException("There are no tests, so every program would pass.", nameof(request))
        : WithWorkerAsync(
            (worker, token) => Judge.RunAsync(worker, Tier, request with { Limits = changes.Of(request.Limits) }, token), GiveUp, ct);

    /// <summary>
    /// Reads test code made of plain assertions about one function as cases, which judge faster than
    /// <see cref="SplitRequest"/> does. Null where the tests need to be run to be understood.
    /// </summary>
    /// <param name="tests">Trusted Python: assertions, or a function <c>check(candidate)</c> of them.</param>
    /// <param name="entryPoint">The function under test.</param>
    /// <param name="prelude">Trusted code the tests need; it may end in the head of a function.</param>
    /// <param name="programNames">What the program must define besides, for the tests to use.</param>
    /// <param name="ct">Cancels.</param>
    /// <exception cref="FaultyTestsException">The tests can judge no program.</exception>
    /// <exception cref="IOException">The worker failed twice.</exception>
    public async Task<IReadOnlyList<TestCase>?> ReadCasesAsync(
        string tests, string entryPoint, string prelude = "", IReadOnlyList<string>? programNames = null, CancellationToken ct = default)
    {
        var (cases, fault) = await WithWorkerAsync(
            (worker, token) => CaseReader.ReadAsync(worker, tests, entryPoint, prelude, programNames ?? [], token),
            e => throw new IOException("The tests could not be read: " + e.Message, e), ct);
        return fault is null ? cases : throw fault;
    }

    /// <summary>
    /// A request for a function's tests: cases where they can be read as such, otherwise split. Tests that have to be run are
    /// tried on functions that answer nothing right, so that none pass every program.
    /// </summary>
    /// <param name="program">Python source.</param>
    /// <param name="tests">Trusted Python.</param>
    /// <param name="entryPoint">The function under test.</param>
    /// <param name="limits">What the program may use.</param>
    /// <param name="prelude">Trusted code the tests need; it may end in the head of a function.</param>
    /// <param name="programNames">What the program must define besides, for the tests to use.</param>
    /// <param name="alwaysSplit">Run the tests even where they could be read.</param>
    /// <param name="ct">Cancels.</param>
    /// <exception cref="FaultyTestsException">The tests can judge no program.</exception>
    /// <exception cref="IOException">The worker failed twice.</exception>
    public async Task<JudgeRequest> PlanAsync(
        string program, string tests, string entryPoint, Limits limits, string prelude = "", IReadOnlyList<string>? programNames = null,
        bool alwaysSplit = false, CancellationToken ct = default)
    {
        var cases = await ReadCasesAsync(tests, entryPoint, prelude, programNames, ct);
        return cases is null || alwaysSplit
            ? new SplitRequest(program, entryPoint, tests, prelude, limits) { ProgramNames = programNames ?? [] }
            : new CasesRequest(program, entryPoint, cases, limits);
    }

    /// <summary>Calls a trusted function once per line of arguments, and hands its answers back.</summary>
    /// <param name="program">Python source.</param>
    /// <param name="entryPoint">The function.</param>
    /// <param name="arguments">Tagged JSON of <c>[args, kwargs]</c>, one per call.</param>
    /// <param name="limits">What it may use, from one failing call to the next.</param>
    /// <param name="ct">Cancels.</param>
    /// <returns>An answer for each call, as tagged JSON (<see cref="PyValue.Parse(ReadOnlySpan{byte})"/> reads it); null
    /// where it raised or ran out of something; and the processor time of all.</returns>
    /// <exception cref="InvalidDataException">It cannot be called at all; the message says why.</exception>
    /// <exception cref="IOException">The worker failed twice.</exception>
    public async Task<(IReadOnlyList<byte[]?> Answers, double CpuSeconds)> CallAsync(
        string program, string entryPoint, IReadOnlyList<string> arguments, Limits limits, CancellationToken ct = default)
    {
        var answers = new byte[]?[arguments.Count];
        var seconds = 0.0;
        for (var start = 0; start < arguments.Count;)
        {
            var first = start;
            var cases = arguments.Skip(start).Select((line, i) => new TestCase(line, _ => true, null)
            {
                Seen = json => answers[first + i] = json,
            }).ToList();
            var verdict = await JudgeAsync(new CasesRequest(program, entryPoint, cases, limits), ct);
            seconds += verdict.CpuSeconds;
            if (verdict.Passed)
            {
                break;
            }

            if (verdict.Kind == VerdictKind.HarnessError)
            {
                throw new IOException($"{entryPoint} could not be called: {verdict.Detail}");
            }

            if (verdict.Test is not { } failed)
            {
                throw new InvalidDataException($"{entryPoint} cannot be called: {verdict.Name}, {verdict.Detail}");
            }

            answers[first + failed] = null;
            start = first + failed + 1;
        }

        return (answers, seconds);
    }

    /// <summary>Ends all workers. What is being judged is given up first, so that no worker is started after this.</summary>
    public async ValueTask DisposeAsync()
    {
        if (disposing.IsCancellationRequested)
        {
            return;
        }

        await disposing.CancelAsync();
        for (var left = slots.Count; left > 0; left--)
        {
            (await free.Reader.ReadAsync()).Replace();
        }
    }

    /// <summary>Process ids of the live workers, for tests that kill them.</summary>
    internal IEnumerable<int> WorkerProcessIds => slots.Select(s => s.Worker).OfType<Worker>().Select(w => w.ProcessId);

    private static async Task<SandboxPool> StartAsync(SandboxTier tier, SandboxOptions options, CancellationToken ct)
    {
        var byOthers = tier == SandboxTier.Landlock && Environment.IsPrivilegedProcess;
        var interpreter = Interpreter.Find(options.Python, byOthers);
        var pool = new SandboxPool(tier, interpreter, options.Workers > 0 ? options.Workers : Environment.ProcessorCount);
        var first = await Worker.StartAsync(tier, interpreter, ct);
        pool.Add(first);
        try
        {
            await Canaries.CheckAsync(pool, ct);
            pool.changes = options.Limits; // canaries need limits of their own
            // Each is the pool's as soon as it runs: where one fails, disposal ends the others.
            await Task.WhenAll(Enumerable.Range(1, pool.Workers - 1)
                .Select(async _ => pool.Add(await Worker.StartAsync(tier, interpreter, ct))));
            return pool;
        }
        catch
        {
            await pool.DisposeAsync();
            throw;
        }
    }

    private void Add(Worker worker)
    {
        var slot = new Slot { Worker = worker };
        slots.Add(slot);
        free.Writer.TryWrite(slot);
    }

    private async Task<T> WithWorkerAsync<T>(
        Func<Worker, CancellationToken, Task<T>> work, Func<Exception, T> giveUp, CancellationToken ct)
    {
        ObjectDisposedException.ThrowIf(disposing.IsCancellationRequested, this);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, disposing.Token);
        try
        {
            var slot = await free.Reader.ReadAsync(either.Token);
            try
            {
                return await TryTwiceAsync(slot, work, giveUp, either.Token);
            }
            finally
            {
                free.Writer.TryWrite(slot);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(SandboxPool), "The sandbox was closed while it judged.");
        }
    }

    private async Task<T> TryTwiceAsync<T>(
        Slot slot, Func<Worker, CancellationToken, Task<T>> work, Func<Exception, T> giveUp, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                slot.Worker ??= await Worker.StartAsync(Tier, python, ct);
                return await work(slot.Worker, ct);
            }
            catch (Exception e) when (e is not (OperationCanceledException or InvalidDataException))
            {
                // Whatever went wrong over one reply, hostile as it may be, costs this verdict and no more.
                slot.Replace();
                Interlocked.Increment(ref replacedWorkers);
                if (attempt == 2)
                {
                    return giveUp(e);
                }
            }
            catch
            {
                slot.Replace(); // cancelled half way: what the worker still answers would be taken for the next reply
                throw;
            }
        }
    }

    private Verdict GiveUp(Exception e)
    {
        Interlocked.Increment(ref harnessErrors);
        return Verdict.HarnessError("The judge failed twice: " + e.Message, Tier);
    }

    private sealed class Slot
    {
        public Worker? Worker { get; set; }

        public void Replace()
        {
            Worker?.Dispose();
            Worker = null;
        }
    }
}
