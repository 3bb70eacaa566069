using Ra3.Cli.Training;
using Ra3.MidTraining;
using Ra3.Models;
using Ra3.PostTraining;
using Ra3.Training.Runs;

namespace Ra3.Cli.Quickstart;

/// <summary>The log of a run with many stages: steps count the updates of all, and a name begins with its seed (where there
/// are several) and arm.</summary>
/// <param name="run">The run.</param>
/// <param name="step">Steps it holds already.</param>
internal sealed class StageLog(RunFolder run, long step)
{
    /// <summary>Steps logged.</summary>
    public long Step { get; private set; } = step;

    /// <summary>Put before every name.</summary>
    public string Prefix { get; set; } = "";

    /// <summary>An update of a stage.</summary>
    public void Log(string stage, params ReadOnlySpan<(string Name, double Value)> values)
    {
        var named = values.ToArray();
        for (var i = 0; i < named.Length; i++)
        {
            named[i].Name = $"{Prefix}{stage}.{named[i].Name}";
        }

        run.Log(++Step, named);
    }
}

/// <summary>Progress lines and log of an RA3 arm.</summary>
/// <param name="key">The arm's name in the log.</param>
/// <param name="name">Its name for people.</param>
/// <param name="options">Know the totals of a round.</param>
/// <param name="log">Of the run.</param>
/// <param name="eStep">Takes the metrics of each iteration; may hold those of an earlier sitting.</param>
/// <param name="eStepDone">Called when the E-step has left its checkpoint.</param>
/// <param name="measured">Called after each step of an M-step with the step (its tokens those of all rounds), the steps of a round and the decoder.</param>
internal sealed class Ra3Progress(
    string key, string name, MidTrainingOptions options, StageLog log, List<EStepMetrics> eStep, Action eStepDone, Action<NextTokenMetrics, int, Decoder> measured)
    : IMidTrainingObserver, IDisposable
{
    private ProgressLine? line;
    private long tokens; // of the present line
    private long earlier; // what an earlier sitting did of the phase

    /// <inheritdoc/>
    public void Begin(int round, MidTrainingPhase phase, long total, long done)
    {
        if (phase == MidTrainingPhase.Bootstrap && eStep.Count > 0)
        {
            eStepDone();
        }

        line?.Dispose();
        (line, tokens, earlier) = (new ProgressLine($"{name} {MidTrainingLog.Name(phase)}", total, done), 0, done);
    }

    /// <inheritdoc/>
    public void EStep(int round, long iteration, EStepMetrics metrics)
    {
        eStep.Add(metrics);
        log.Log(key, metrics.Named());
        tokens += metrics.TreeTokens;
        line!.Report(iteration, tokens, ("reward", metrics.Reward), ("think", metrics.ThinkShare));
    }

    /// <inheritdoc/>
    public void Bootstrap(int round, long tokens, long total) => line!.Report(tokens, tokens - earlier);

    /// <inheritdoc/>
    public void MStep(int round, NextTokenMetrics metrics, Decoder decoder)
    {
        log.Log(key + ".mStep", TrainingRun.Named(metrics));
        var perStep = (long)options.MStep.BatchRows * options.MStep.WindowTokens;
        var before = (round - 1L) * options.MStep.Steps * perStep;
        measured(metrics with { Tokens = before + metrics.Tokens }, options.MStep.Steps, decoder);
        tokens += perStep;
        line!.Report(metrics.Step, tokens, ("loss", metrics.Loss));
    }

    public void Dispose() => line?.Dispose();
}

/// <summary>Progress line and log of an RLVR run.</summary>
internal sealed class RlvrProgress(string key, string name, int steps, StageLog log) : IGrpoObserver, IDisposable
{
    private readonly ProgressLine line = new(name, steps);
    private double passAt1;
    private long tokens;

    /// <inheritdoc/>
    public void Stepped(long step, GrpoMetrics metrics)
    {
        log.Log(key, metrics.Named());
        tokens += metrics.SampledTokens;
        line.Report(step, tokens, ("reward", metrics.Reward), ("pass@1", passAt1));
    }

    /// <inheritdoc/>
    public void Evaluated(long step, PassAt1Result result)
    {
        passAt1 = result.Rate;
        log.Log(key, ("rlvr.passAt1", passAt1));
    }

    public void Dispose() => line.Dispose();
}
