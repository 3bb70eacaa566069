using System.Diagnostics;
using System.Text.Json;
using Ra3.Sandbox;

// dotnet run -c Release --project bench/Ra3.Bench.Sandbox -- [throughput [TIER] [HARNESS=CHECKOUT …]|leaks [TIER]|burners CATALOGUE]
// The last line is JSON.
//   throughput: verdicts/s and latency on a program of HumanEval/0's size with ten assertions, 1, 2 and 4 workers; as the floor,
//     forks of a bare interpreter that end at once, as many processes doing so; and beside it, where checkouts of their sources are
//     named (human-eval=DIR, evalplus=DIR), the original harnesses with as many workers.
//   leaks: 10,000 programs, half of them hostile; what is left of processes, descriptors, files and memory.
//   burners: the catalogue in both tiers with four processes that burn the CPU beside it.
const string program = """
    from typing import List

    def has_close_elements(numbers: List[float], threshold: float) -> bool:
        numbers = sorted(numbers)
        return any(b - a < threshold for a, b in zip(numbers, numbers[1:]))
    """;
const string tests = """
    assert has_close_elements([1.0, 2.0, 3.9, 4.0, 5.0, 2.2], 0.3) == True
    assert has_close_elements([1.0, 2.0, 3.9, 4.0, 5.0, 2.2], 0.05) == False
    assert has_close_elements([1.0, 2.0, 5.9, 4.0, 5.0], 0.95) == True
    assert has_close_elements([1.0, 2.0, 5.9, 4.0, 5.0], 0.8) == False
    assert has_close_elements([1.0, 2.0, 3.0, 4.0, 5.0, 2.0], 0.1) == True
    assert has_close_elements([1.1, 2.2, 3.1, 4.1, 5.1], 1.0) == True
    assert has_close_elements([1.1, 2.2, 3.1, 4.1, 5.1], 0.5) == False
    assert has_close_elements([], 0.5) == False
    assert has_close_elements([1.0], 0.5) == False
    assert has_close_elements([1.0, 1.0], 0.5) == True
    """;
var limits = new Limits(CpuSeconds: 3, WallSeconds: 10);
switch (args.Length > 0 ? args[0] : "throughput")
{
    case "throughput":
        await ThroughputAsync(
            args.Length > 1 && !args[1].Contains('=') ? Enum.Parse<SandboxTier>(args[1], ignoreCase: true) : null,
            [.. args.Skip(1).Where(arg => arg.Contains('=')).Select(arg => (arg.Split('=')[0], arg.Split('=')[1]))]);
        break;
    case "leaks":
        await LeaksAsync(args.Length > 1 ? Enum.Parse<SandboxTier>(args[1], ignoreCase: true) : null);
        break;
    case "burners":
        await BurnersAsync(args[1]);
        break;
    default:
        throw new ArgumentException("Use throughput [TIER] [HARNESS=CHECKOUT …], leaks [TIER], or burners CATALOGUE.");
}

async Task ThroughputAsync(SandboxTier? tier, (string Name, string Checkout)[] peers)
{
    var rows = new List<object>();
    foreach (var workers in new[] { 1, 2, 4 })
    {
        await using var pool = await SandboxPool.StartAsync(new SandboxOptions { Workers = workers, Tier = tier });
        var cases = await pool.PlanAsync(program, tests, "has_close_elements", limits);
        foreach (var plan in new[] { cases, new SplitRequest(program, "has_close_elements", tests, "", limits) })
        {
            async Task<List<double>> BurstAsync(double seconds)
            {
                var times = new List<double>();
                var total = Stopwatch.StartNew();
                await Task.WhenAll(Enumerable.Range(0, workers).Select(async _ =>
                {
                    while (total.Elapsed.TotalSeconds < seconds)
                    {
                        var clock = Stopwatch.StartNew();
                        if (!(await pool.JudgeAsync(plan)).Passed)
                        {
                            throw new InvalidOperationException("A right program did not pass.");
                        }

                        lock (times)
                        {
                            times.Add(clock.Elapsed.TotalMilliseconds);
                        }
                    }
                }));
                times.Sort();
                return times;
            }

            var mode = plan is CasesRequest ? "cases" : "split";
            await BurstAsync(0.5);
            var bursts = new List<(double PerSecond, double P50, double P99)>();
            for (var i = 0; i < 5; i++)
            {
                var times = await BurstAsync(1);
                bursts.Add((times.Count, times[times.Count / 2], times[(int)(times.Count * 0.99)]));
            }

            double? bareForks = mode == "cases" ? await ForksAsync(workers) : null;
            var beside = new Dictionary<string, double>();
            foreach (var (name, checkout) in mode == "cases" ? peers : [])
            {
                beside[name] = await PythonAsync(Path.Combine(AppContext.BaseDirectory, "peers.py"), name, checkout, $"{workers}", "5", program, tests);
            }

            var (best, least) = (bursts.MaxBy(b => b.PerSecond), bursts.Min(b => b.PerSecond));
            var load = File.ReadAllText("/proc/loadavg").Split(' ')[0];
            Console.WriteLine($"{pool.Tier}, {mode}, {workers} workers: {best.PerSecond:0} verdicts/s in the best second of five "
                + $"({least:0} in the worst), p50 {best.P50:0.0} ms, p99 {best.P99:0.0} ms; load {load}"
                + (bareForks is null ? "" : $"; {best.PerSecond / bareForks:P0} of {bareForks:0} bare forks/s")
                + string.Concat(beside.Select(peer => $"; {best.PerSecond / peer.Value:0.0} times {peer.Key}'s {peer.Value:0}")));
            rows.Add(new { tier = pool.Tier.ToString(), mode, workers, best = best.PerSecond, least, best.P50, best.P99, load, bareForks, peers = beside });
        }
    }

    Console.WriteLine(JsonSerializer.Serialize(rows));
}

// What no judge that gives each program a fork of a warm interpreter can pass: the fork alone, per second, all processes together.
async Task<double> ForksAsync(int processes)
{
    const string forks = """
        import os, time
        end, n = time.monotonic() + 2, 0
        while time.monotonic() < end:
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
            n += 1
        print(n / 2)
        """;
    var counts = await Task.WhenAll(Enumerable.Range(0, processes).Select(_ =>
        PythonAsync("-I", "-S", "-c", forks)));
    return counts.Sum();
}

// The number that a Python program prints.
async Task<double> PythonAsync(params string[] arguments)
{
    using var python = Process.Start(new ProcessStartInfo("python3", arguments) { RedirectStandardOutput = true, UseShellExecute = false })!;
    return double.Parse(await python.StandardOutput.ReadToEndAsync());
}

async Task LeaksAsync(SandboxTier? tier)
{
    string[] hostile =
    [
        "import os\nos._exit(0)", "x = bytearray(1 << 40)", "import os\nos.fork()", "print('x' * 10**7)",
        "import os\nfor i in range(60): os.dup(1)", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
        "import ctypes\nctypes.string_at(0)", "import threading\nfor i in range(999): threading.Thread(target=input).start()",
        "open('/tmp/ra3-leak', 'w').write('x')", "open('/dev/shm/ra3-leak', 'w').write('x')",
        "import ctypes\nctypes.CDLL(None).shmget(7, 1 << 20, 0o1777)", "import ctypes\nctypes.CDLL(None).syscall(319, b'x', 0)",
        "import socket\nsocket.socket(socket.AF_UNIX).bind('\\0ra3-leak')", "x = [[]]\nx[0] = x\ndef has_close_elements(*a): return x",
        "def has_close_elements(*a): return 'x' * 10**7", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    ];
    await using var pool = await SandboxPool.StartAsync(new SandboxOptions { Tier = tier });
    var plan = await pool.PlanAsync(program, tests, "has_close_elements", limits);
    var verdicts = new Dictionary<string, int>();
    async Task RunAsync(int count) => await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = pool.Workers }, async (i, ct) =>
    {
        var verdict = await pool.JudgeAsync(plan with { Program = i % 2 == 0 ? program : hostile[i / 2 % hostile.Length] }, ct);
        lock (verdicts)
        {
            verdicts[verdict.Name] = verdicts.GetValueOrDefault(verdict.Name) + 1;
        }
    });
    static (int Processes, int Descriptors, int Files, long Kilobytes) Count()
    {
        string[] places = ["/tmp", "/dev/shm", "/dev/mqueue"];
        var files = places.Where(Directory.Exists).Sum(p => Directory.GetFileSystemEntries(p, "*ra3-leak*").Length)
            + (File.ReadAllLines("/proc/sysvipc/shm").Length - 1);
        // This process and all below it: others may be running sandboxes too.
        int processes = 0, descriptors = 0;
        long pages = 0;
        var folders = new List<string> { $"/proc/{Environment.ProcessId}" };
        for (var i = 0; i < folders.Count; i++)
        {
            try
            {
                folders.AddRange(Directory.GetDirectories(folders[i] + "/task").SelectMany(t => File.ReadAllText(t + "/children")
                    .Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(id => $"/proc/{id}"));
                if (i > 0)
                {
                    processes++;
                    pages += long.Parse(File.ReadAllText(folders[i] + "/statm").Split(' ')[1]);
                    descriptors += Directory.GetFileSystemEntries(folders[i] + "/fd").Length;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended, or only root may count its descriptors.
            }
        }

        return (processes, descriptors, files, pages * 4);
    }

    await RunAsync(200);
    verdicts.Clear();
    var before = Count();
    var clock = Stopwatch.StartNew();
    await RunAsync(10_000);
    Console.WriteLine($"{pool.Tier}: 10,000 programs in {clock.Elapsed.TotalSeconds:0} s");
    var after = Count();
    var host = Environment.WorkingSet >> 20;
    Console.WriteLine($"before {before}, after {after}, host {host} MiB, workers replaced {pool.ReplacedWorkers}, harness errors {pool.HarnessErrors}");
    Console.WriteLine(JsonSerializer.Serialize(new
    {
        verdicts,
        moreProcesses = after.Processes - before.Processes,
        moreDescriptors = after.Descriptors - before.Descriptors,
        moreFiles = after.Files - before.Files,
        moreKilobytes = after.Kilobytes - before.Kilobytes,
        replaced = pool.ReplacedWorkers,
        harnessErrors = pool.HarnessErrors,
    }));
}

async Task BurnersAsync(string catalogue)
{
    using var stop = new CancellationTokenSource();
    var burners = Enumerable.Range(0, 4).Select(_ =>
    {
        var thread = new Thread(() => { while (!stop.IsCancellationRequested) { } }) { IsBackground = true };
        thread.Start();
        return thread;
    }).ToList();
    var rows = new List<object>();
    foreach (var tier in new[] { SandboxTier.Namespaces, SandboxTier.Landlock })
    {
        var results = await Catalogue.RunAsync(catalogue, new SandboxOptions { Tier = tier }, report: r =>
        {
            if (!r.IsMet)
            {
                Console.WriteLine($"{tier} {r.Case.File}: {string.Join("; ", r.Problems)}");
            }
        });
        rows.Add(new { tier = tier.ToString(), met = results.Count(r => r.IsMet), notMet = results.Count(r => !r.IsMet) });
    }

    await stop.CancelAsync();
    burners.ForEach(b => b.Join());
    Console.WriteLine(JsonSerializer.Serialize(rows));
}
