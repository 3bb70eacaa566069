using System.Text.Json;
using Ra3.Cli.Training;
using Ra3.MidTraining;
using Ra3.Training;
using Ra3.Training.Runs;

namespace Ra3.Tests;

public sealed class MidTrainingLogTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ra3-midlog-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Steps_of_the_log_follow_what_the_phases_did_not_what_the_recipe_says_by_now()
    {
        RunFolder.Create(folder, "").Dispose();
        Done(1, "e-step", 3);
        Done(1, "m-step", 4);
        Done(2, "e-step", 2);
        MidTrainingLog.StepOf(folder).Should().Be(9);

        // Resumed with more iterations than the first round had: the rest of round 2 goes on behind step 9.
        var options = new MidTrainingOptions { Rounds = 2 };
        options = options with { EStep = options.EStep with { Iterations = 30 }, MStep = options.MStep with { Steps = 40 } };
        using (var run = RunFolder.Resume(folder, MidTrainingLog.StepOf(folder)))
        using (var log = new MidTrainingLog(options, run))
        {
            log.Begin(2, MidTrainingPhase.EStep, 30, 2);
            log.EStep(2, 3, Iteration());
            log.Begin(2, MidTrainingPhase.Bootstrap, 100, 50);
            log.Begin(2, MidTrainingPhase.MStep, 40, 0);
            log.MStep(2, Step(1), null!);
            log.MStep(2, Step(2), null!);
        }

        RunFolder.ReadMetrics(folder).Select(line => line.Step).Should().Equal(10, 11, 12);

        // And once more, in the M-step.
        Done(2, "e-step", 3);
        Done(2, "m-step", 1);
        using (var run = RunFolder.Resume(folder, MidTrainingLog.StepOf(folder)))
        using (var log = new MidTrainingLog(options, run))
        {
            log.Begin(2, MidTrainingPhase.EStep, 30, 3);
            log.Begin(2, MidTrainingPhase.MStep, 40, 1);
            log.MStep(2, Step(2), null!);
        }

        RunFolder.ReadMetrics(folder).Select(line => line.Step).Should().Equal(10, 11, 12);
    }

    private void Done(int round, string phase, long steps)
    {
        var path = Directory.CreateDirectory(Path.Combine(folder, $"round-{round}", phase)).FullName;
        File.WriteAllText(Path.Combine(path, "training.json"), JsonSerializer.Serialize(new TrainingState(steps, 0, 0)));
    }

    private static NextTokenMetrics Step(long step) => new(step, 1, 1, 1, 1, 1);

    private static EStepMetrics Iteration() => (EStepMetrics)System.Runtime.CompilerServices.RuntimeHelpers.GetUninitializedObject(typeof(EStepMetrics));
}
