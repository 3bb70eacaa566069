using System.Text.Json;
using Ra3.Models.Files;
using Ra3.PostTraining;
using Ra3.Sandbox;
using Ra3.Training.Runs;
using Spectre.Console;

namespace Ra3.Cli.Quickstart;

/// <summary>All seeds, and what they amount to.</summary>
internal static class QuickstartRun
{
    /// <summary>Runs all seeds; after each one summary.json and report.html say what is known so far.</summary>
    public static async Task<QuickstartSummary> RunAsync(
        QuickstartRequest request, RunFolder run, IAnsiConsole console, CancellationToken stop)
    {
        await using var pool = await SandboxAsync(console, stop);
        var reward = pool is null ? null : new PythonReward(pool, new PythonRewardOptions { CpuSeconds = 2, WallSeconds = 6 });
        var log = new StageLog(run, StepsLogged(request, run.FolderPath));
        var results = new List<SeedResult>();
        QuickstartSummary? summary = null;
        for (var i = 0; i < request.Seeds; i++)
        {
            if (request.Seeds > 1)
            {
                console.WriteLine($"Seed {request.Seed + i} ({i + 1} of {request.Seeds})");
                log.Prefix = $"seed{request.Seed + i}.";
            }

            results.Add(new SeedRun(request, request.Seed + i, request.Folder(run.FolderPath, i), log, reward, console, stop).Run());
            summary = Summarize(request, results, pool?.Tier);
            AtomicWrite.File(run.In("summary.json"), stream => JsonSerializer.Serialize(stream, summary, Terminal.JsonOptions));
            QuickstartReport.Write(
                summary, results, RunFolder.ReadAbout(run.FolderPath)!, RunFolder.ReadRecipe(run.FolderPath), run.In("report.html"));
        }

        return summary!;
    }

    /// <summary>Steps in the log of a run that is to be resumed; 0 of a new one.</summary>
    public static long StepsLogged(QuickstartRequest request, string run) =>
        Enumerable.Range(0, request.Seeds).Max(i => SeedState.Load(request.Folder(run, i)).LogStep);

    /// <summary>A sandbox, or null where programs cannot be confined: then no program of a model is run, and it is said.</summary>
    private static async Task<SandboxPool?> SandboxAsync(IAnsiConsole console, CancellationToken stop)
    {
        try
        {
            return await SandboxPool.StartAsync(new SandboxOptions(), stop);
        }
        catch (SandboxUnavailableException e)
        {
            console.WriteLine($"Without pass@1 and RLVR, since no program of a model is run unconfined. {e.Message}");
            return null;
        }
    }

    private static QuickstartSummary Summarize(QuickstartRequest request, List<SeedResult> results, SandboxTier? tier)
    {
        var plan = request.Plan;
        var tasks = tier is null ? 0 : plan.TasksPerSplit;
        return new QuickstartSummary
        {
            Seed = request.Seed,
            Seeds = results.Count,
            Arms = results[0].Arms.Keys.ToDictionary(arm => arm, arm => QuickstartSummary.Mean([.. results.Select(result => result.Arms[arm])])),
            EStep = Summarize(results),
            Timing = results.SelectMany(result => result.Timing).GroupBy(stage => stage.Key).ToDictionary(stage => stage.Key, stage => stage.Sum(item => item.Value)),
            RlvrTokens = results.Sum(result => result.Arms.Values.Sum(arm => arm.RlvrTokens)),
            Evaluation = new EvaluationSummary(tasks, tasks, tasks, plan.HeldOutSnippets, tier?.ToString().ToLowerInvariant()),
            Ra3MinusNtp = results[0].Ra3MinusNtp.Keys.ToDictionary(
                key => key, key => Estimate.Over([.. results.Select(result => result.Ra3MinusNtp[key])])),
            ShippedBase = request.UsesShippedBase,
            Split = request.Split,
            Plan = plan,
            SeedArms = [.. results.Select(result => result.Arms)],
        };
    }

    private static EStepSummary Summarize(List<SeedResult> results)
    {
        var all = results.SelectMany(result => result.EStep).ToList();
        var first = results.SelectMany(result => result.EStep.Take(Tenth(result))).ToList();
        var last = results.SelectMany(result => result.EStep.TakeLast(Tenth(result))).ToList();
        return new EStepSummary(
            all.Count / results.Count, first.Average(m => m.Reward), last.Average(m => m.Reward), first.Average(m => m.ThoughtGain),
            last.Average(m => m.ThoughtGain), first.Average(m => m.ThinkShare),
            last.Average(m => m.ThinkShare), last.Average(m => m.LatentTokens), all.Average(m => m.GroupsWithoutSignal),
            all.Max(m => m.LogProbMismatch), all.Sum(m => m.TreeTokens), all.Sum(m => m.GenerateSeconds),
            all.Sum(m => m.ScoreSeconds), all.Sum(m => m.UpdateSeconds));

        static int Tenth(SeedResult result) => Math.Max(1, result.EStep.Count / 10);
    }
}
