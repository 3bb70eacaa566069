using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>A judged sample.</summary>
/// <param name="Sample">The program.</param>
/// <param name="Verdict">What was found.</param>
public sealed record Result(Sample Sample, Verdict Verdict);

/// <summary>The score of a benchmark.</summary>
/// <param name="Benchmark">Its name.</param>
/// <param name="Problems">Problems with at least one verdict.</param>
/// <param name="Samples">Samples with a verdict.</param>
/// <param name="PassAtK">pass@k by k, for every k of 1, 5, 10, 20, 100 that each problem has samples for.</param>
/// <param name="Verdicts">Samples by verdict, harness errors included.</param>
/// <param name="Dropped">Samples dropped because the judge failed: in no score.</param>
/// <param name="Tier">The tier that held.</param>
public sealed record Score(
    string Benchmark, int Problems, int Samples, IReadOnlyDictionary<int, Estimate> PassAtK,
    IReadOnlyDictionary<string, int> Verdicts, int Dropped, SandboxTier Tier);

/// <summary>Judges samples and scores them.</summary>
public static class Evaluation
{
    private static readonly int[] Ks = [1, 5, 10, 20, 100];

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
            var verdict = await problems[sample.TaskId].Grader.JudgeAsync(pool, sample.Program, token);
            lock (gate)
            {
                report(new Result(sample, verdict));
            }
        });
    }

    /// <summary>pass@k with intervals, and counts.</summary>
    /// <param name="name">The benchmark's name.</param>
    /// <param name="results">At least one result.</param>
    /// <exception cref="ArgumentException">No result is left to score.</exception>
    public static Score ScoreOf(string name, IReadOnlyList<Result> results)
    {
        var judged = results.Where(r => r.Verdict.Kind != VerdictKind.HarnessError).ToList();
        if (judged.Count == 0)
        {
            throw new ArgumentException($"{name}: there is no verdict to score.");
        }

        var byProblem = judged.GroupBy(r => r.Sample.TaskId, StringComparer.Ordinal)
            .Select(g => (Samples: g.Count(), Passed: g.Count(r => r.Verdict.Passed))).ToList();
        var least = byProblem.Min(p => p.Samples);
        var passAtK = Ks.Where(k => k <= least).ToDictionary(
            k => k, k => Statistics.Mean(byProblem.Select(p => Statistics.PassAtK(p.Samples, p.Passed, k)).ToList()));
        var verdicts = results.GroupBy(r => r.Verdict.Name, StringComparer.Ordinal)
            .OrderByDescending(g => g.Count()).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        return new Score(name, byProblem.Count, judged.Count, passAtK, verdicts, results.Count - judged.Count, results[0].Verdict.Tier);
    }
}
