using System.Globalization;
using Ra3.PostTraining;
using Ra3.Training.Runs;

namespace Ra3.Cli.Training;

/// <summary>RLVR's log and progress.</summary>
internal sealed class RlvrLog(RunFolder run, GrpoOptions options, long done) : IGrpoObserver, IDisposable
{
    private readonly ProgressLine line = new("rlvr", options.Steps, done);
    private long tokens;

    public void Stepped(long step, GrpoMetrics metrics)
    {
        tokens += metrics.SampledTokens;
        run.Log(step, metrics.Named());
        line.Report(step, tokens, ("reward", metrics.Reward), ("passed", metrics.PassRate), ("entropy", metrics.Entropy));
    }

    public void Evaluated(long step, PassAt1Result result)
    {
        run.Log(step, ("test.passAt1", result.Rate), ("test.standardError", result.StandardError), ("test.dropped", result.Dropped));
        line.Note(string.Create(CultureInfo.InvariantCulture,
            $"step {step}: held-out pass@1 {result.Rate:0.000} ± {result.StandardError:0.000} ({result.Judged} problems, greedy)"));
    }

    public void Dispose() => line.Dispose();
}
