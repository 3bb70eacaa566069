using Ra3.MidTraining;
using Ra3.Models;
using Ra3.Training;
using Ra3.Training.Runs;

namespace Ra3.Cli.Training;

/// <summary>RA3's log and progress. Steps of the log count E-step iterations and M-step steps of all rounds, so that a
/// phase's checkpoint says where the log stands.</summary>
internal sealed class MidTrainingLog(MidTrainingOptions options, RunFolder run) : IMidTrainingObserver, IDisposable
{
    private ProgressLine? line;
    private long tokens;
    private long earlier; // what an earlier sitting did of the phase

    /// <summary>The log's step as of the newest checkpoint in a run.</summary>
    public static long StepOf(MidTrainingOptions options, string folder)
    {
        long step = 0;
        for (var round = 1; round <= options.Rounds; round++)
        {
            var (eStep, mStep) = (Path.Combine(folder, $"round-{round}", "e-step"), Path.Combine(folder, $"round-{round}", "m-step"));
            if (Checkpoint.Exists(mStep))
            {
                step = Offset(options, round) + Iterations(options) + Checkpoint.ReadState(mStep).Step;
            }
            else if (Checkpoint.Exists(eStep))
            {
                step = Offset(options, round) + Checkpoint.ReadState(eStep).Step;
            }
        }

        return step;
    }

    public void Begin(int round, MidTrainingPhase phase, long total, long done)
    {
        line?.Dispose();
        (line, tokens, earlier) = (new ProgressLine($"round {round} {Name(phase)}", total, done), 0, done);
    }

    /// <summary>A phase's name for people.</summary>
    public static string Name(MidTrainingPhase phase) => phase switch
    {
        MidTrainingPhase.EStep => "E-step",
        MidTrainingPhase.Bootstrap => "thoughts",
        _ => "M-step",
    };

    public void EStep(int round, long iteration, EStepMetrics metrics)
    {
        tokens += metrics.TreeTokens;
        run.Log(Offset(options, round) + iteration, metrics.Named());
        line!.Report(iteration, tokens, ("reward", metrics.Reward), ("think", metrics.ThinkShare));
    }

    public void Bootstrap(int round, long tokens, long total) => line!.Report(tokens, tokens - earlier);

    public void MStep(int round, NextTokenMetrics metrics, Decoder decoder)
    {
        tokens += (long)options.MStep.BatchRows * options.MStep.WindowTokens;
        run.Log(Offset(options, round) + Iterations(options) + metrics.Step, TrainingRun.Named(metrics, "mStep."));
        line!.Report(metrics.Step, tokens, ("loss", metrics.Loss));
    }

    public void Dispose() => line?.Dispose();

    private static long Offset(MidTrainingOptions options, int round) => (round - 1L) * (Iterations(options) + options.MStep.Steps);

    private static long Iterations(MidTrainingOptions options) =>
        options.LearnsThoughts ? options.EStep.Iterations : 0;
}
