using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ra3.Sandbox;

/// <summary>One program of a catalogue of hostile (and odd but honest) programs, and what may be said of it.</summary>
/// <param name="File">The program's file, beside the manifest.</param>
/// <param name="Category">Kind of attack.</param>
/// <param name="Accept">Names of the verdicts that meet the case.</param>
/// <param name="ForbidStdout">Text that stdout must lack, or null.</param>
/// <param name="RequireStdout">Text that stdout must hold, or null.</param>
/// <param name="Tests">File of the tests, beside the manifest.</param>
/// <param name="EntryPoint">The function under test.</param>
/// <param name="Why">What the case tries.</param>
/// <param name="HostChecks">What must hold on the host afterwards.</param>
/// <param name="Limits">The case's limits.</param>
public sealed record CatalogueCase(
    string File, string Category, IReadOnlyList<string> Accept, string? ForbidStdout, string? RequireStdout, string Tests,
    string EntryPoint, string Why, IReadOnlyList<string> HostChecks, CatalogueLimits Limits);

/// <summary>Limits as a catalogue writes them: <c>cpu_s</c>, <c>wall_s</c>, <c>mem_mb</c>, <c>out_cap</c>.</summary>
public sealed record CatalogueLimits(
    [property: JsonPropertyName("cpu_s")] double CpuSeconds, [property: JsonPropertyName("wall_s")] double WallSeconds,
    [property: JsonPropertyName("mem_mb")] int MemoryMb, [property: JsonPropertyName("out_cap")] int OutputBytes);

/// <summary>What became of a case.</summary>
/// <param name="Case">The case.</param>
/// <param name="Verdict">The verdict on its program.</param>
/// <param name="Mode">The judging mode: cases or split.</param>
/// <param name="Problems">Why the case is not met; empty where it is.</param>
public sealed record CatalogueResult(CatalogueCase Case, Verdict Verdict, string Mode, IReadOnlyList<string> Problems)
{
    /// <summary>Whether the case is met.</summary>
    public bool IsMet => Problems.Count == 0;
}

/// <summary>A folder of hostile programs with a <c>manifest.json</c>, run against a pool while the host is watched.</summary>
public static class Catalogue
{
    private const string GoodProgram = "def add(a, b):\n    return a + b\n";
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Reads a catalogue's manifest.</summary>
    /// <exception cref="InvalidDataException">It is no manifest of format 1, or names a file that is not there.</exception>
    public static IReadOnlyList<CatalogueCase> Load(string folder)
    {
        var path = Path.Combine(folder, "manifest.json");
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{folder} holds no manifest.json: name the folder of a catalogue.");
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var format = document.RootElement.GetProperty("format").GetInt32();
            if (format != 1)
            {
                throw new InvalidDataException($"{path} is of format {format}; format 1 is understood.");
            }

            var cases = document.RootElement.GetProperty("cases").Deserialize<List<CatalogueCase>>(Json)!;
            var missing = cases.SelectMany(c => new[] { c.File, c.Tests }).FirstOrDefault(f => !File.Exists(Path.Combine(folder, f)));
            return missing is null ? cases : throw new InvalidDataException($"{path} names {missing}, which is not there.");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new InvalidDataException($"{path} is no catalogue manifest: {e.Message}", e);
        }
    }

    /// <summary>Runs every case, each followed by a good program on the same worker, and reports each as it ends.</summary>
    /// <param name="folder">The catalogue's folder.</param>
    /// <param name="options">Tier, interpreter, and how many cases run at once.</param>
    /// <param name="forceSplit">Judge in split mode even where cases would do.</param>
    /// <param name="report">Called for each result, from one thread at a time.</param>
    /// <param name="ct">Cancels.</param>
    /// <exception cref="InvalidDataException">The manifest is faulty.</exception>
    /// <exception cref="SandboxUnavailableException">The tier cannot be had.</exception>
    public static async Task<IReadOnlyList<CatalogueResult>> RunAsync(
        string folder, SandboxOptions options, bool forceSplit = false, Action<CatalogueResult>? report = null,
        CancellationToken ct = default)
    {
        var cases = Load(folder);
        using var host = new HostWatch();
        var next = -1;
        var results = new CatalogueResult[cases.Count];
        var gate = new Lock();
        async Task LaneAsync()
        {
            // A pool of one worker: the good program that follows runs where the hostile one ran.
            await using var pool = await SandboxPool.StartAsync(options with { Workers = 1 }, ct);
            await pool.JudgeAsync(new SplitRequest(GoodProgram, "add", "assert add(1, 2) == 3", "", new Limits()), ct);
            var planned = new Dictionary<string, JudgeRequest>();
            for (var i = Interlocked.Increment(ref next); i < cases.Count; i = Interlocked.Increment(ref next))
            {
                var result = await OneAsync(pool, folder, cases[i], planned, forceSplit, host, ct);
                results[i] = result;
                lock (gate)
                {
                    report?.Invoke(result);
                }
            }
        }

        var lanes = options.Workers > 0 ? options.Workers : Environment.ProcessorCount;
        await Task.WhenAll(Enumerable.Range(0, lanes).Select(_ => LaneAsync()));
        return results;
    }

    private static async Task<CatalogueResult> OneAsync(
        SandboxPool pool, string folder, CatalogueCase test, Dictionary<string, JudgeRequest> planned, bool forceSplit,
        HostWatch host, CancellationToken ct)
    {
        var program = await File.ReadAllTextAsync(Path.Combine(folder, test.File), ct);
        var limits = new Limits(
            test.Limits.CpuSeconds, test.Limits.WallSeconds, test.Limits.MemoryMb, test.Limits.OutputBytes);
        var key = test.Tests + "\n" + test.EntryPoint;
        if (!planned.TryGetValue(key, out var plan))
        {
            var tests = await File.ReadAllTextAsync(Path.Combine(folder, test.Tests), ct);
            plan = await pool.PlanAsync("", tests, test.EntryPoint, limits, alwaysSplit: forceSplit, ct: ct);
            planned[key] = plan;
        }

        var before = HostWatch.CountProcesses(pool);
        var verdict = await pool.JudgeAsync(plan with { Program = program, Limits = limits }, ct);
        var problems = new List<string>();
        if (!test.Accept.Contains(verdict.Name, StringComparer.Ordinal) || verdict.Kind == VerdictKind.HarnessError)
        {
            problems.Add($"verdict {verdict.Name} ({verdict.Detail}), wanted {string.Join(" or ", test.Accept)}");
        }

        if (test.ForbidStdout is { Length: > 0 } forbidden && verdict.Stdout.Contains(forbidden, StringComparison.Ordinal))
        {
            problems.Add("printed " + verdict.Stdout.Split('\n').First(l => l.Contains(forbidden, StringComparison.Ordinal)));
        }

        if (test.RequireStdout is { Length: > 0 } required && !verdict.Stdout.Contains(required, StringComparison.Ordinal))
        {
            problems.Add($"did not print {required}");
        }

        var after = await pool.JudgeAsync(plan with { Program = GoodProgram, Limits = new Limits() }, ct);
        if (!after.Passed && test.EntryPoint == "add")
        {
            problems.Add($"the next good program got {after.Name} ({after.Detail})");
        }

        if (await HostWatch.LeavesProcessesAsync(pool, before, ct))
        {
            problems.Add("a process was left behind");
        }

        problems.AddRange(host.Complaints());
        return new CatalogueResult(test, verdict, plan is CasesRequest ? "cases" : "split", problems);
    }
}
