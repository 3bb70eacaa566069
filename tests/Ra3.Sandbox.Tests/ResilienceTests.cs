using System.Diagnostics;
using Ra3.Sandbox;

namespace Ra3.Tests;

public sealed class ResilienceTests
{
    private static readonly Limits Small = new(CpuSeconds: 1, WallSeconds: 2, MemoryMb: 256);
    private static readonly TestCase[] Cases = [new("[[1,2],{\"d\":[]}]", v => v.ToDouble() == 3, null)];

    [Fact]
    public async Task A_worker_that_dies_is_replaced_and_the_program_judged_all_the_same()
    {
        await using var pool = await Sandboxes.StartAsync();
        using (var worker = Process.GetProcessById(pool.WorkerProcessIds.Single()))
        {
            worker.Kill(entireProcessTree: true);
        }

        var verdict = await pool.JudgeAsync(new CasesRequest("def add(a, b): return a + b", "add", Cases, Small));

        verdict.Passed.Should().BeTrue();
        pool.ReplacedWorkers.Should().Be(1);
        pool.HarnessErrors.Should().Be(0);
    }

    [Fact]
    public async Task A_cancelled_program_leaves_a_pool_that_works()
    {
        await using var pool = await Sandboxes.StartAsync();
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

        var judging = () => pool.JudgeAsync(
            new CasesRequest("import time\ndef add(a, b): time.sleep(60)", "add", Cases, new Limits(60, 60)), cancel.Token);
        await judging.Should().ThrowAsync<OperationCanceledException>();

        (await pool.JudgeAsync(new CasesRequest("def add(a, b): return a + b", "add", Cases, Small))).Passed.Should().BeTrue();
    }

    [Fact]
    public async Task A_program_killed_from_outside_is_judged_again()
    {
        await using var pool = await Sandboxes.StartAsync();
        var judging = pool.JudgeAsync(new CasesRequest("import time\ntime.sleep(0.5)\ndef add(a, b): return a + b", "add", Cases, Small));

        await KillProgramAsync(pool, judging);
        var verdict = await judging;

        verdict.Kind.Should().Be(VerdictKind.Passed, verdict.Detail);
        pool.ReplacedWorkers.Should().Be(1);
    }

    [Fact]
    public async Task A_program_killed_from_outside_twice_is_a_harness_error()
    {
        await using var pool = await Sandboxes.StartAsync();
        var judging = pool.JudgeAsync(new CasesRequest("import time\ntime.sleep(60)", "add", Cases, new Limits(60, 60)));

        var first = await KillProgramAsync(pool, judging);
        await KillProgramAsync(pool, judging, first);
        var verdict = await judging;

        verdict.Kind.Should().Be(VerdictKind.HarnessError, verdict.Detail);
        verdict.Detail.Should().Contain("killed from outside");
    }

    [Fact]
    public async Task A_reader_of_tests_killed_from_outside_reads_them_again()
    {
        await using var pool = await Sandboxes.StartAsync();
        var planning = pool.PlanAsync("def add(a, b): return a + b", "import time\ntime.sleep(0.5)\nassert add(1, 2) == 3", "add", Small);

        await KillProgramAsync(pool, planning);

        (await planning).Should().BeOfType<CasesRequest>();
        pool.ReplacedWorkers.Should().Be(1);
    }

    [Fact]
    public async Task A_pool_that_is_closed_while_it_judges_starts_no_worker_and_leaves_no_process()
    {
        var pool = await Sandboxes.StartAsync(2);
        var workers = pool.WorkerProcessIds.ToList();
        var sleepers = Enumerable.Range(0, 4).Select(_ => pool.JudgeAsync(
            new CasesRequest("import time\ndef add(a, b): time.sleep(60)", "add", Cases, new Limits(60, 60)))).ToList();

        await pool.DisposeAsync();
        await pool.DisposeAsync();

        foreach (var sleeper in sleepers)
        {
            await FluentActions.Awaiting(() => sleeper).Should().ThrowAsync<ObjectDisposedException>();
        }

        await FluentActions.Awaiting(() => pool.JudgeAsync(new CasesRequest("", "add", Cases, Small))).Should().ThrowAsync<ObjectDisposedException>();
        pool.WorkerProcessIds.Should().BeEmpty();
        workers.Should().AllSatisfy(id => Directory.Exists($"/proc/{id}").Should().BeFalse());
    }

    [Fact]
    public async Task Many_programs_leave_no_process_descriptor_or_megabyte_behind()
    {
        var programs = new[]
        {
            "def add(a, b): return a + b", "import os\nos._exit(0)", "def add(a, b): return [a] * 10**5", "x = bytearray(1 << 40)",
            "import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()\ndef add(a, b): return a + b",
            "import os\nfor i in range(40): os.dup(1)\ndef add(a, b): return 3", "print('x' * 10**6)", "import os\nos.fork()",
        };
        await using var pool = await Sandboxes.StartAsync(2);
        async Task RunAsync(int count)
        {
            await Task.WhenAll(Enumerable.Range(0, count).Select(i => pool.JudgeAsync(
                new CasesRequest(programs[i % programs.Length], "add", Cases, Small))));
        }

        await RunAsync(40);
        var before = Footprint(pool);
        await RunAsync(160);
        var after = Footprint(pool);

        after.Processes.Should().Be(before.Processes);
        after.Descriptors.Should().BeLessThanOrEqualTo(before.Descriptors);
        after.Kilobytes.Should().BeLessThan(before.Kilobytes + 4096);
        pool.ReplacedWorkers.Should().Be(0);
    }

    [Fact]
    public async Task An_unusable_interpreter_is_refused_with_a_remedy()
    {
        var start = () => SandboxPool.StartAsync(new SandboxOptions { Python = "/bin/true" });

        (await start.Should().ThrowAsync<SandboxUnavailableException>()).WithMessage("*RA3_PYTHON*");
    }

    [Fact]
    public async Task Nothing_but_an_explicit_demand_runs_programs_unconfined()
    {
        await using var pool = await SandboxPool.StartAsync(new SandboxOptions { Tier = SandboxTier.Unsafe, Workers = 1 });

        var verdict = await pool.JudgeAsync(new CasesRequest("def add(a, b): return a + b", "add", Cases, Small));

        verdict.Tier.Should().Be(SandboxTier.Unsafe);
        verdict.Passed.Should().BeTrue();
    }

    /// <summary>Kills the process two below the worker, as the kernel would: the program, or the tests' reader.</summary>
    /// <returns>The worker's process id.</returns>
    private static async Task<int> KillProgramAsync(SandboxPool pool, Task judging, int notOfWorker = 0)
    {
        while (!judging.IsCompleted)
        {
            foreach (var worker in pool.WorkerProcessIds.Where(id => id != notOfWorker).ToList())
            {
                foreach (var id in Children(worker).SelectMany(Children).ToList())
                {
                    using var program = Process.GetProcessById(id);
                    program.Kill();
                    return worker;
                }
            }

            await Task.Delay(5);
        }

        return 0;
    }

    private static IEnumerable<int> Children(int id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/task/{id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).ToList();
        }
        catch (IOException)
        {
            return []; // it has ended
        }
    }

    private static (int Processes, int Descriptors, long Kilobytes) Footprint(SandboxPool pool)
    {
        int descriptors = 0;
        long kilobytes = 0;
        foreach (var id in pool.WorkerProcessIds)
        {
            using var worker = Process.GetProcessById(id);
            kilobytes += worker.WorkingSet64 / 1024;
            try
            {
                descriptors += Directory.GetFiles($"/proc/{id}/fd").Length;
            }
            catch (UnauthorizedAccessException)
            {
                // Another user by now; the processes and the memory are still counted.
            }
        }

        return (HostWatch.CountProcesses(pool), descriptors, kilobytes);
    }
}
