using System.Diagnostics;
using System.Text.Json;
using Ra3.Sandbox;

// dotnet run -c Release --project bench/Ra3.Bench.Sandbox -- [throughput|leaks|burners CATALOGUE]
// The last line is JSON.
//   throughput: verdicts/s and latency on a program of HumanEval/0's size with ten assertions, 1, 2 and 4 workers.
//   leaks: 10,000 programs, half of them hostile; what is left of processes, descriptors and memory.
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
        await ThroughputAsync();
        break;
    case "leaks":
        await LeaksAsync();
        break;
    case "burners":
        await BurnersAsync(args[1]);
        break;
    default:
        throw new ArgumentException("Use throughput, leaks, or burners CATALOGUE.");
}

async Task ThroughputAsync()
{
    var rows = new List<object>();
    foreach (var workers in new[] { 1, 2, 4 })
    {
        foreach (var split in new[] { false, true })
        {
            await using var pool = await SandboxPool.StartAsync(new SandboxOptions { Workers = workers });
            var plan = split
                ? new SplitRequest(program, "has_close_elements", tests, "", limits)
                : await pool.PlanAsync(program, tests, "has_close_elements", limits);
            async Task<List<double>> RunAsync(int count)
            {
                var times = new List<double>();
                await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = workers }, async (_, ct) =>
                {
                    var clock = Stopwatch.StartNew();
                    if (!(await pool.JudgeAsync(plan, ct)).Passed)
                    {
                        throw new InvalidOperationException("A right program did not pass.");
                    }

                    lock (times)
                    {
                        times.Add(clock.Elapsed.TotalMilliseconds);
                    }
                });
                return times;
            }

            await RunAsync(100);
            var total = Stopwatch.StartNew();
            var measured = await RunAsync(split ? 500 : 2000);
            var perSecond = measured.Count / total.Elapsed.TotalSeconds;
            measured.Sort();
            var (p50, p99) = (measured[measured.Count / 2], measured[(int)(measured.Count * 0.99)]);
            var mode = split ? "split" : "cases";
            Console.WriteLine($"{pool.Tier}, {mode}, {workers} workers: {perSecond:0} verdicts/s, p50 {p50:0.0} ms, p99 {p99:0.0} ms");
            rows.Add(new { tier = pool.Tier.ToString(), mode, workers, perSecond, p50, p99 });
        }
    }

    Console.WriteLine(JsonSerializer.Serialize(rows));
}

async Task LeaksAsync()
{
    string[] hostile =
    [
        "import os\nos._exit(0)", "x = bytearray(1 << 40)", "import os\nos.fork()", "print('x' * 10**7)",
        "import os\nfor i in range(60): os.dup(1)", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
        "import ctypes\nctypes.string_at(0)", "import threading\nfor i in range(999): threading.Thread(target=input).start()",
    ];
    await using var pool = await SandboxPool.StartAsync(new SandboxOptions());
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
    static (int Processes, int Descriptors, long Kilobytes) Count()
    {
        int processes = 0, descriptors = 0;
        long pages = 0;
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(f => char.IsAsciiDigit(Path.GetFileName(f)[0])))
        {
            try
            {
                if (File.ReadAllText(folder + "/cmdline").Contains("Part 1 of the supervisor"))
                {
                    processes++;
                    pages += long.Parse(File.ReadAllText(folder + "/statm").Split(' ')[1]);
                    descriptors += Directory.GetFileSystemEntries(folder + "/fd").Length;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended, or only root may count its descriptors.
            }
        }

        return (processes, descriptors, pages * 4);
    }

    await RunAsync(200);
    verdicts.Clear();
    var before = Count();
    await RunAsync(10_000);
    var after = Count();
    Console.WriteLine($"before {before}, after {after}, workers replaced {pool.ReplacedWorkers}, harness errors {pool.HarnessErrors}");
    Console.WriteLine(JsonSerializer.Serialize(new
    {
        verdicts,
        moreProcesses = after.Processes - before.Processes,
        moreDescriptors = after.Descriptors - before.Descriptors,
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
