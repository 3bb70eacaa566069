using Ra3.Cli.Training;
using Ra3.MidTraining;
using Ra3.Models;
using Ra3.PostTraining;
using Ra3.Training.Runs;

namespace Ra3.Cli.Quickstart;

/// <summary>Numbers every update of every stage of a run, for metrics.jsonl.</summary>
internal sealed class Ticker(RunFolder run)
{
    private long tick;

    public RunFolder Run => run;

    public long Next() => ++tick;
}

/// <summary>Progress lines and log of an RA3 arm.</summary>
/// <param name="name">The arm's.</param>
/// <param name="plan">Knows the totals.</param>
/// <param name="ticker">Of the run.</param>
/// <param name="measured">Called after each step of the M-step with the name, the step, all steps and the decoder.</param>
internal sealed class Ra3Progress(string name, QuickstartPlan plan, Ticker ticker, Action<string, NextTokenMetrics, int, Decoder> measured)
    : IMidTrainingObserver, IDisposable
{
    private readonly List<EStepMetrics> eStep = [];
    private ProgressLine? line;

    public IReadOnlyList<EStepMetrics> EStepHistory => eStep;

    /// <inheritdoc/>
    public void EStep(int round, long iteration, EStepMetrics metrics)
    {
        line ??= new ProgressLine(name + " E-step", plan.EStepIterations);
        eStep.Add(metrics);
        ticker.Run.Log(ticker.Next(), metrics.Named());
        line.Report(iteration, eStep.Sum(m => m.TreeTokens), ("reward", metrics.Reward), ("think", metrics.ThinkShare));
        EndAt(iteration, plan.EStepIterations);
    }

    /// <inheritdoc/>
    public void Bootstrap(int round, long documents, long total)
    {
        line ??= new ProgressLine(name + " latents", total);
        line.Report(documents);
        EndAt(documents, total);
    }

    /// <inheritdoc/>
    public void MStep(int round, NextTokenMetrics metrics, Decoder decoder)
    {
        line ??= new ProgressLine(name + " M-step", plan.MidTrainSteps);
        TrainingRun.Log(ticker.Run, ticker.Next(), "mStep.", metrics);
        measured(name, metrics, plan.MidTrainSteps, decoder);
        line.Report(metrics.Step, metrics.Tokens, ("loss", metrics.Loss));
    }

    public void Dispose() => line?.Dispose();

    private void EndAt(long done, long total)
    {
        if (done == total)
        {
            line?.Dispose();
            line = null;
        }
    }
}

/// <summary>Progress line and log of an RLVR run.</summary>
internal sealed class RlvrProgress(string key, string name, int steps, Ticker ticker) : IGrpoObserver, IDisposable
{
    private readonly ProgressLine line = new(name, steps);
    private double passAt1;
    private long tokens;

    /// <inheritdoc/>
    public void Stepped(long step, GrpoMetrics metrics)
    {
        ticker.Run.Log(ticker.Next(), [.. metrics.Named().Select(metric => ($"{key}.{metric.Name}", metric.Value))]);
        tokens += metrics.SampledTokens;
        line.Report(step, tokens, ("reward", metrics.Reward), ("pass@1", passAt1));
    }

    /// <inheritdoc/>
    public void Evaluated(long step, PassAt1Result result)
    {
        passAt1 = result.Rate;
        ticker.Run.Log(ticker.Next(), ($"{key}.rlvr.passAt1", passAt1));
    }

    public void Dispose() => line.Dispose();
}
