using System.Globalization;
using Ra3.PostTraining;
using Ra3.Training.Runs;

namespace Ra3.Cli.Training;

/// <summary>RLVR's log and progress.</summary>
internal sealed class RlvrLog(RunFolder run, GrpoOptions options, long done) : IGrpoObserver, IDisposable
{
    private readonly ProgressLine line = new("rlvr", options.Steps, done);
    private readonly StepsWithoutSignal silent = new("step");
    private long tokens;

    public void Stepped(long step, GrpoMetrics metrics)
    {
        tokens += metrics.SampledTokens;
        run.Log(step, metrics.Named());
        line.Report(step, tokens, ("reward", metrics.Reward), ("passed", metrics.PassRate), ("entropy", metrics.Entropy));
        if (silent.After(step, metrics.GroupsWithoutSignal, Remedy(metrics)) is { } note)
        {
            line.Note(note);
        }
    }

    public void Evaluated(long step, PassAt1Result result)
    {
        run.Log(step, ("test.passAt1", result.Rate), ("test.standardError", result.StandardError), ("test.dropped", result.Dropped));
        line.Note(string.Create(CultureInfo.InvariantCulture,
            $"step {step}: held-out pass@1 {result.Rate:0.000} ± {result.StandardError:0.000} ({result.Judged} problems, greedy)"));
    }

    public void Dispose()
    {
        line.Dispose();
        if (silent.AtEnd() is { } note)
        {
            line.Note(note);
        }
    }

    private static string Remedy(GrpoMetrics metrics) => metrics.PassRate switch
    {
        0 => "Nothing passes: take easier problems or a better model, or raise grpo.groupSize; "
            + "python.credit=share-of-tests pays for a part.",
        1 => "Everything passes: take harder problems.",
        _ => "Raise grpo.groupSize or grpo.temperature, or let grpo.maxResampling replace such groups.",
    };
}
