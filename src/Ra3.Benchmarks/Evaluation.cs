using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>A judged sample.</summary>
/// <param name="Sample">The program.</param>
/// <param name="Verdict">What was found.</param>
public sealed record Result(Sample Sample, Verdict Verdict);

/// <summary>The score of a benchmark.</summary>
/// <param name="Benchmark">Its name.</param>
/// <param name="Asked">Problems that the benchmark asks.</param>
/// <param name="Missing">Of those, the ones without a verdict: they are in no score.</param>
/// <param name="Problems">Problems with at least one verdict.</param>
/// <param name="Samples">Samples with a verdict.</param>
/// <param name="Fewest">Least samples of a problem, dropped ones included.</param>
/// <param name="Most">Most samples of a problem, dropped ones included.</param>
/// <param name="PassAtK">pass@k by k, for every k of 1, 5, 10, 20, 100 that each problem has samples for; over the
/// problems with as many verdicts.</param>
/// <param name="Verdicts">Samples by verdict, harness errors included.</param>
/// <param name="Dropped">Samples dropped because the judge failed: in no score.</param>
/// <param name="Tier">The tier that held.</param>
public sealed record Score(
    string Benchmark, int Asked, int Missing, int Problems, int Samples, int Fewest, int Most,
    IReadOnlyDictionary<int, Estimate> PassAtK, IReadOnlyDictionary<string, int> Verdicts, int Dropped, SandboxTier Tier)
{
    /// <summary>Whether the score covers only a part of the benchmark.</summary>
    public bool IsPartial => Missing > 0;

    /// <summary>The benchmark's name, marked with the count where the score covers only a part of it.</summary>
    public string Label => IsPartial ? $"{Benchmark} (partial: {Asked - Missing} of {Asked})" : Benchmark;
}

/// <summary>Judges samples and scores them.</summary>
public static class Evaluation
{
    private static readonly int[] Ks = [1, 5, 10, 20, 100];

    /// <summary>Tries what the benchmark's file brings to judge with, before any program is judged by it.</summary>
    /// <param name="pool">Where it runs.</param>
    /// <param name="benchmark">The problems.</param>
    /// <param name="ct">Cancels.</param>
    /// <exception cref="InvalidDataException">Something can judge no program; says where the first stands and why.</exception>
    public static async Task RequireSoundAsync(SandboxPool pool, Benchmark benchmark, CancellationToken ct)
    {
        foreach (var problem in benchmark.Problems)
        {
            await problem.Grader.RequireSoundAsync(pool, ct);
        }
    }

    /// <summary>Judges samples, as many at once as the pool has workers.</summary>
    /// <param name="pool">Where programs run.</param>
    /// <param name="benchmark">The problems.</param>
    /// <param name="samples">The programs; a slow source (a model that writes) is read while others are judged.</param>
    /// <param name="report">Called for each result, from one thread at a time, in the order of the ends.</param>
    /// <param name="ct">Cancels; what was reported is done.</param>
    public static async Task JudgeAsync(
        SandboxPool pool, Benchmark benchmark, IAsyncEnumerable<Sample> samples, Action<Result> report, CancellationToken ct)
    {
        var problems = benchmark.Problems.ToDictionary(p => p.Id, StringComparer.Ordinal);
        var gate = new Lock();
        var options = new ParallelOptions { MaxDegreeOfParallelism = pool.Workers, CancellationToken = ct };
        await Parallel.ForEachAsync(samples, options, async (sample, token) =>
        {
            var verdict = await JudgeAsync(pool, problems[sample.TaskId].Grader, sample.Program, token);
            lock (gate)
            {
                report(new Result(sample, verdict));
            }
        });
    }

    /// <summary>The verdict without what was printed, of which there may be megabytes a sample.</summary>
    private static async Task<Verdict> JudgeAsync(SandboxPool pool, Grader grader, string program, CancellationToken ct)
    {
        try
        {
            return await grader.JudgeAsync(pool, program, ct) with { Stdout = "", Stderr = "" };
        }
        catch (IOException e)
        {
            // A worker was lost while tests were read, say, and its successor too.
            return Verdict.HarnessError(e.Message, pool.Tier);
        }
    }

    /// <summary>pass@k with intervals, and counts.</summary>
    /// <param name="benchmark">The whole benchmark, whatever part of it was judged.</param>
    /// <param name="results">At least one verdict.</param>
    /// <exception cref="ArgumentException">No result is left to score.</exception>
    public static Score ScoreOf(Benchmark benchmark, IReadOnlyList<Result> results)
    {
        var byProblem = results.GroupBy(r => r.Sample.TaskId, StringComparer.Ordinal).Select(g => (
            Id: g.Key, Drawn: g.Count(), Judged: g.Count(r => r.Verdict.Kind != VerdictKind.HarnessError),
            Passed: g.Count(r => r.Verdict.Passed))).ToList();
        var judged = byProblem.Where(p => p.Judged > 0).Select(p => p.Id).ToHashSet(StringComparer.Ordinal);
        if (judged.Count == 0)
        {
            throw new ArgumentException($"{benchmark.Name}: there is no verdict to score.");
        }

        // A sample that the judge failed on takes its problem out of the k it has no longer verdicts for, not the k out of
        // the benchmark.
        var least = byProblem.Min(p => p.Drawn);
        var passAtK = Ks.Where(k => k <= least && byProblem.Exists(p => p.Judged >= k)).ToDictionary(
            k => k, k => Statistics.Mean(
                [.. byProblem.Where(p => p.Judged >= k).Select(p => Statistics.PassAtK(p.Judged, p.Passed, k))]));
        var verdicts = results.GroupBy(r => r.Verdict.Name, StringComparer.Ordinal)
            .OrderByDescending(g => g.Count()).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        var asked = benchmark.Problems.Where(p => p.IsAsked).ToList();
        var samples = byProblem.Sum(p => p.Judged);
        return new Score(
            benchmark.Name, asked.Count, asked.Count(p => !judged.Contains(p.Id)), judged.Count, samples, least,
            byProblem.Max(p => p.Drawn), passAtK, verdicts, results.Count - samples, results[0].Verdict.Tier);
    }
}
