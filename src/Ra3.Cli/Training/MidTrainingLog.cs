using Ra3.MidTraining;
using Ra3.Models;
using Ra3.Training;
using Ra3.Training.Runs;

namespace Ra3.Cli.Training;

/// <summary>RA3's log and progress. Steps of the log count E-step iterations and M-step steps of all rounds, so that a
/// phase's checkpoint says where the log stands.</summary>
internal sealed class MidTrainingLog(MidTrainingOptions options, RunFolder run) : IMidTrainingObserver, IDisposable
{
    private readonly StepsWithoutSignal silent = new("E-step iteration");
    private ProgressLine? line;
    private long tokens;
    private long earlier; // what an earlier sitting did of the phase
    private long step = StepOf(run.FolderPath);
    private long offset; // steps of the log before the phase

    /// <summary>The log's step as of the checkpoints in a run: what its phases really did, whatever the recipe says by now.</summary>
    public static long StepOf(string folder)
    {
        long steps = 0;
        for (var round = 1; Directory.Exists(Path.Combine(folder, $"round-{round}")); round++)
        {
            steps += StepsIn(Path.Combine(folder, $"round-{round}", "e-step")) + StepsIn(Path.Combine(folder, $"round-{round}", "m-step"));
        }

        return steps;

        static long StepsIn(string checkpoint) => Checkpoint.Exists(checkpoint) ? Checkpoint.ReadState(checkpoint).Step : 0;
    }

    public void Begin(int round, MidTrainingPhase phase, long total, long done)
    {
        line?.Dispose();
        (line, tokens, earlier) = (new ProgressLine($"round {round} {Name(phase)}", total, done), 0, done);
        offset = step - (phase == MidTrainingPhase.Bootstrap ? 0 : done); // drawing thoughts logs nothing
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
        step = offset + iteration;
        run.Log(step, metrics.Named());
        line!.Report(iteration, tokens, ("reward", metrics.Reward), ("think", metrics.ThinkShare));
        if (silent.After(iteration, metrics.GroupsWithoutSignal, metrics.ThinkShare == 0
            ? "The model never thinks by itself: ra3.eStep.exploration above 0 lets it try."
            : "Raise ra3.eStep.groupSize or ra3.latents.temperature.") is { } note)
        {
            line.Note(note);
        }
    }

    public void Bootstrap(int round, long tokens, long total) => line!.Report(tokens, tokens - earlier);

    public void MStep(int round, NextTokenMetrics metrics, Decoder decoder)
    {
        tokens += (long)options.MStep.BatchRows * options.MStep.WindowTokens;
        step = offset + metrics.Step;
        run.Log(step, TrainingRun.Named(metrics, "mStep."));
        line!.Report(metrics.Step, tokens, ("loss", metrics.Loss));
    }

    public void Dispose()
    {
        line?.Dispose();
        if (silent.AtEnd() is { } note)
        {
            line?.Note(note);
        }
    }
}
