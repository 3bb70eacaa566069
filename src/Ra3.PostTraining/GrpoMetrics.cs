namespace Ra3.PostTraining;

/// <summary>What one step did. Shares are over its completions with a verdict unless said otherwise.</summary>
/// <param name="Reward">Mean reward, shaping left out.</param>
/// <param name="PassRate">Share of completions that solve their problem.</param>
/// <param name="SolvedProblems">Share of problems with at least one such completion.</param>
/// <param name="GroupsWithoutSignal">Share of sampled groups whose rewards were all equal.</param>
/// <param name="ResampledGroups">Groups replaced by dynamic sampling.</param>
/// <param name="Dropped">Completions dropped because the judge failed.</param>
/// <param name="Truncated">Share of completions that met the bound on new tokens.</param>
/// <param name="CompletionTokens">Mean tokens of a completion.</param>
/// <param name="ThinkShare">Share of the completions' lines that are comments.</param>
/// <param name="Entropy">Mean −log π over all sampled tokens, in nats: an unbiased estimate of the sampler's entropy at its temperature.</param>
/// <param name="Kl">Mean divergence from the reference per token, in nats; 0 without a reference.</param>
/// <param name="ClippedLow">Share of trained tokens held by the lower clip.</param>
/// <param name="ClippedHigh">Share of trained tokens held by the upper clip.</param>
/// <param name="LogProbMismatch">Largest |log π at sampling − log π in the trainer's forward| of the first update; must be 0 for fresh samples on a CPU.</param>
/// <param name="ImportanceWeight">Mean truncated importance weight.</param>
/// <param name="ImportanceTruncated">Share of trained tokens whose weight met the cap.</param>
/// <param name="Staleness">Steps between the policy that sampled and the one that learnt.</param>
/// <param name="Loss">Loss of the last update.</param>
/// <param name="GradientNorm">Norm of its gradient before clipping; 0 where there was nothing to learn.</param>
/// <param name="LearningRate">Learning rate.</param>
/// <param name="SampledTokens">Tokens sampled in the step, resampled groups included.</param>
/// <param name="TrainedTokens">Tokens in the loss.</param>
/// <param name="SampleSeconds">Time spent sampling and judging (asynchronous: waiting for it).</param>
/// <param name="UpdateSeconds">Time spent learning.</param>
/// <param name="Verdicts">Completions by verdict, over all sampled ones.</param>
public sealed record GrpoMetrics(
    double Reward, double PassRate, double SolvedProblems, double GroupsWithoutSignal, double ResampledGroups, double Dropped,
    double Truncated, double CompletionTokens, double ThinkShare, double Entropy, double Kl, double ClippedLow, double ClippedHigh,
    double LogProbMismatch, double ImportanceWeight, double ImportanceTruncated, double Staleness, double Loss, double GradientNorm,
    double LearningRate, long SampledTokens, long TrainedTokens, double SampleSeconds, double UpdateSeconds,
    IReadOnlyDictionary<string, int> Verdicts)
{
    /// <summary>Every value under its name in metrics.jsonl.</summary>
    public (string Name, double Value)[] Named() =>
    [
        ("rlvr.reward", Reward), ("rlvr.passRate", PassRate), ("rlvr.solvedProblems", SolvedProblems),
        ("rlvr.groupsWithoutSignal", GroupsWithoutSignal), ("rlvr.resampledGroups", ResampledGroups), ("rlvr.dropped", Dropped),
        ("rlvr.truncated", Truncated), ("rlvr.completionTokens", CompletionTokens), ("rlvr.thinkShare", ThinkShare),
        ("rlvr.entropy", Entropy), ("rlvr.kl", Kl), ("rlvr.clippedLow", ClippedLow), ("rlvr.clippedHigh", ClippedHigh),
        ("rlvr.logProbMismatch", LogProbMismatch), ("rlvr.importanceWeight", ImportanceWeight),
        ("rlvr.importanceTruncated", ImportanceTruncated), ("rlvr.staleness", Staleness), ("rlvr.loss", Loss),
        ("rlvr.gradientNorm", GradientNorm), ("rlvr.learningRate", LearningRate), ("rlvr.sampledTokens", SampledTokens),
        ("rlvr.trainedTokens", TrainedTokens), ("rlvr.sampleSeconds", SampleSeconds), ("rlvr.updateSeconds", UpdateSeconds),
        .. Verdicts.Select(verdict => ("rlvr.verdict." + verdict.Key, (double)verdict.Value)),
    ];
}
