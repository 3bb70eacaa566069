using System.Text.Json.Serialization;
using Ra3.PostTraining.Tasks;

namespace Ra3.Cli.Quickstart;

/// <summary>A mean with its standard error: over seeds where there are several, else over the problems or files measured.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="StandardError">Its standard error.</param>
internal sealed record Estimate(double Mean, double StandardError)
{
    /// <summary>Whether it lies more than two standard errors from 0.</summary>
    [JsonIgnore]
    public bool IsClear => Math.Abs(Mean) > 2 * StandardError;

    /// <summary>Mean and standard error of independent values.</summary>
    public static Estimate Of(IReadOnlyList<double> values)
    {
        if (values.Count == 0)
        {
            return new Estimate(double.NaN, double.NaN);
        }

        var mean = values.Average();
        return new Estimate(mean, Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / Math.Max(1, values.Count - 1) / values.Count));
    }

    /// <summary>The mean over seeds; of a single seed, what it measured itself. Seeds that agree to the digit (0 of 80 each) do not make it
    /// certain: then its error is that of what each measured.</summary>
    public static Estimate Over(IReadOnlyList<Estimate> seeds)
    {
        var over = Of([.. seeds.Select(seed => seed.Mean)]);
        return seeds.Count == 1 ? seeds[0]
            : over.StandardError > 0 ? over
            : over with { StandardError = Math.Sqrt(seeds.Sum(seed => seed.StandardError * seed.StandardError)) / seeds.Count };
    }
}

/// <summary>Greedy pass@1 on held-out tasks.</summary>
/// <param name="All">Both jargon splits together.</param>
/// <param name="Seen">Jargon, bridged operations only.</param>
/// <param name="Never">Jargon, at least one operation never bridged.</param>
/// <param name="Plain">English; null where it was not measured.</param>
internal sealed record TaskScores(Estimate All, Estimate Seen, Estimate Never, Estimate? Plain);

/// <summary>One arm's numbers; see docs/metrics.md. summary.json is made of these. Over several seeds: means.</summary>
internal sealed record ArmSummary
{
    /// <summary>Nats per token of held-out source, no latents.</summary>
    public required double ActionCrossEntropy { get; init; }

    /// <summary>Bits per byte of held-out source, no latents.</summary>
    public required double BitsPerByte { get; init; }

    /// <summary>Nats per source token on a part of the held-out source, given latents the model drew itself.</summary>
    public required double ThinkingCrossEntropy { get; init; }

    /// <summary>The same part without latents.</summary>
    public required double ThinkingBaseline { get; init; }

    /// <summary>Share of possible places where the model thought on held-out source.</summary>
    public required double ThinkShare { get; init; }

    /// <summary>Lines per thought; null without thoughts.</summary>
    public required double? LinesPerAbstraction { get; init; }

    /// <summary>Content tokens of a thought.</summary>
    public required double MeanLatentTokens { get; init; }

    /// <summary>How right the thoughts were that its M-step learnt from; null where there were none.</summary>
    public ThoughtAccuracy? Thoughts { get; init; }

    /// <summary>Tokens of next-token training in this arm's own stage.</summary>
    public required long TrainedTokens { get; init; }

    /// <summary>Time of this arm's own stage, E-step and sampling included.</summary>
    public required double Seconds { get; init; }

    /// <summary>Greedy pass@1 on both jargon splits; null where no sandbox can be had.</summary>
    public double? PassAt1 => Tasks?.All.Mean;

    /// <summary>Standard error of <see cref="PassAt1"/>.</summary>
    public double? PassAt1StandardError => Tasks?.All.StandardError;

    /// <summary>Greedy pass@1 by split.</summary>
    public required TaskScores? Tasks { get; init; }

    /// <summary>Comment lines of an answer to a jargon task.</summary>
    public double? TaskThoughts { get; init; }

    /// <summary>The same after RLVR.</summary>
    public double? TaskThoughtsAfterRlvr { get; init; }

    /// <summary>Greedy pass@1 after RLVR; null for arms that had none.</summary>
    public double? PassAt1AfterRlvr => AfterRlvr?.All.Mean;

    /// <summary>Standard error of <see cref="PassAt1AfterRlvr"/>.</summary>
    public double? PassAt1AfterRlvrStandardError => AfterRlvr?.All.StandardError;

    /// <summary>Greedy pass@1 by split after RLVR.</summary>
    public TaskScores? AfterRlvr { get; init; }

    /// <summary>RLVR steps until the arm's pass@1 reached where NTP's ended; null if it never did in every seed.</summary>
    public double? RlvrStepsToNtpFinal { get; init; }

    /// <summary>Tokens that RLVR sampled.</summary>
    public long RlvrTokens { get; init; }

    /// <summary>Time of RLVR.</summary>
    public double RlvrSeconds { get; init; }
}

/// <summary>The E-step in numbers; first and last are means over a tenth of the iterations.</summary>
internal sealed record EStepSummary(
    int Iterations, double RewardFirst, double RewardLast, double ThoughtGainFirst, double ThoughtGainLast, double ThinkShareFirst, double ThinkShareLast,
    double MeanLatentTokens, double GroupsWithoutSignal, double LogProbMismatch, long TreeTokens,
    double GenerateSeconds, double ScoreSeconds, double UpdateSeconds);

/// <summary>What was measured on how much.</summary>
/// <param name="Seen">Tasks of the split, for each seed.</param>
/// <param name="Never">Tasks of the split, for each seed.</param>
/// <param name="Plain">Tasks of the split, for each seed.</param>
/// <param name="Snippets">Snippets of held-out real code.</param>
/// <param name="Sandbox">The tier that judged; null where none could be had and no program was run.</param>
internal sealed record EvaluationSummary(int Seen, int Never, int Plain, int Snippets, string? Sandbox);

/// <summary>What the quickstart found: the contract for scripts.</summary>
internal sealed record QuickstartSummary
{
    public required long Seed { get; init; }

    public required int Seeds { get; init; }

    /// <summary>Whether the base came with the program.</summary>
    public required bool ShippedBase { get; init; }

    /// <summary>The part of the tasks that was measured.</summary>
    public required TaskPart Split { get; init; }

    public required IReadOnlyDictionary<string, ArmSummary> Arms { get; init; }

    public required EStepSummary EStep { get; init; }

    public required IReadOnlyDictionary<string, double> Timing { get; init; }

    /// <summary>Tokens that RLVR sampled, all arms and seeds together.</summary>
    public required long RlvrTokens { get; init; }

    public required EvaluationSummary Evaluation { get; init; }

    /// <summary>Differences of RA3 and NTP, paired by problem or file.</summary>
    public required IReadOnlyDictionary<string, Estimate> Ra3MinusNtp { get; init; }

    /// <summary>What each seed did.</summary>
    public required QuickstartPlan Plan { get; init; }

    /// <summary>Each seed's arms by themselves.</summary>
    public required IReadOnlyList<IReadOnlyDictionary<string, ArmSummary>> SeedArms { get; init; }

    /// <summary>The mean of an arm over seeds.</summary>
    public static ArmSummary Mean(IReadOnlyList<ArmSummary> seeds) => seeds.Count == 1 ? seeds[0] : new ArmSummary
    {
        ActionCrossEntropy = seeds.Average(arm => arm.ActionCrossEntropy),
        BitsPerByte = seeds.Average(arm => arm.BitsPerByte),
        ThinkingCrossEntropy = seeds.Average(arm => arm.ThinkingCrossEntropy),
        ThinkingBaseline = seeds.Average(arm => arm.ThinkingBaseline),
        ThinkShare = seeds.Average(arm => arm.ThinkShare),
        LinesPerAbstraction = seeds.Average(arm => arm.LinesPerAbstraction),
        MeanLatentTokens = seeds.Average(arm => arm.MeanLatentTokens),
        Thoughts = seeds.Any(arm => arm.Thoughts is null) ? null : new ThoughtAccuracy(
            seeds.Average(arm => arm.Thoughts!.Right), seeds.Average(arm => arm.Thoughts!.Wrong), seeds.Average(arm => arm.Thoughts!.None)),
        TrainedTokens = (long)seeds.Average(arm => arm.TrainedTokens),
        Seconds = seeds.Average(arm => arm.Seconds),
        Tasks = Mean([.. seeds.Select(arm => arm.Tasks)]),
        AfterRlvr = Mean([.. seeds.Select(arm => arm.AfterRlvr)]),
        TaskThoughts = seeds.Average(arm => arm.TaskThoughts),
        TaskThoughtsAfterRlvr = seeds.Average(arm => arm.TaskThoughtsAfterRlvr),
        RlvrStepsToNtpFinal = seeds.All(arm => arm.RlvrStepsToNtpFinal is not null) ? seeds.Average(arm => arm.RlvrStepsToNtpFinal) : null,
        RlvrTokens = (long)seeds.Average(arm => arm.RlvrTokens),
        RlvrSeconds = seeds.Average(arm => arm.RlvrSeconds),
    };

    private static TaskScores? Mean(IReadOnlyList<TaskScores?> seeds) => seeds.Any(scores => scores is null) ? null : new TaskScores(
        Estimate.Over([.. seeds.Select(scores => scores!.All)]), Estimate.Over([.. seeds.Select(scores => scores!.Seen)]),
        Estimate.Over([.. seeds.Select(scores => scores!.Never)]),
        seeds.Any(scores => scores!.Plain is null) ? null : Estimate.Over([.. seeds.Select(scores => scores!.Plain!)]));
}
