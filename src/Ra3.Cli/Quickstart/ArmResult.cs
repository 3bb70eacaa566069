using System.Text.Json.Serialization;
using Ra3.MidTraining;
using Ra3.Models;
using Ra3.PostTraining;

namespace Ra3.Cli.Quickstart;

/// <summary>An arm of one seed, filled in as its stages are done.</summary>
/// <param name="name">For people.</param>
/// <param name="folder">Its model, seen from the seed's folder.</param>
/// <param name="tokens">Next-token training in its own stage.</param>
/// <param name="seconds">Time of its own stage.</param>
internal sealed class ArmResult(string name, string folder, long tokens, double seconds)
{
    public string Name => name;

    public string Folder => folder;

    public long Tokens => tokens;

    public double Seconds => seconds;

    [JsonIgnore]
    public CodeLikelihood? Likelihood { get; set; }

    [JsonIgnore]
    public CodeLikelihood? Thinking { get; set; }

    [JsonIgnore]
    public CodeLikelihood? ThinkingBaseline { get; set; }

    [JsonIgnore]
    public LatentCounts? Latents { get; set; }

    /// <summary>Of the thoughts that its M-step learnt from; null where there were none.</summary>
    public ThoughtAccuracy? Thoughts { get; set; }

    /// <summary>Both jargon splits before RLVR; null where nothing could be judged.</summary>
    [JsonIgnore]
    public PassAt1Result? Jargon { get; set; }

    [JsonIgnore]
    public PassAt1Result? Plain { get; set; }

    public GrpoResult? Rlvr { get; set; }

    public ArmSummary Summary(TaskSplits problems, double? ntpFinal)
    {
        var final = Rlvr?.Evaluations.Values.Last();
        return new ArmSummary
        {
            ActionCrossEntropy = Likelihood!.ActionCrossEntropy,
            BitsPerByte = Likelihood.BitsPerByte,
            ThinkingCrossEntropy = Thinking!.ActionCrossEntropy,
            ThinkingBaseline = ThinkingBaseline!.ActionCrossEntropy,
            ThinkShare = Latents!.ThinkShare,
            LinesPerAbstraction = Latents.Thoughts > 0 ? Latents.LinesPerAbstraction : null,
            MeanLatentTokens = Latents.MeanLatentTokens,
            Thoughts = Thoughts,
            TrainedTokens = tokens,
            Seconds = seconds,
            Tasks = Jargon is null ? null : Scores(Jargon, problems) with { Plain = Rate(Plain!, 0, problems.Plain.Count) },
            AfterRlvr = final is null ? null : Scores(final, problems),
            RlvrStepsToNtpFinal = ntpFinal is not > 0 ? null : Rlvr?.Evaluations.Where(evaluation => evaluation.Value.Rate >= ntpFinal)
                .Select(evaluation => (double?)evaluation.Key).FirstOrDefault(),
            RlvrTokens = Rlvr?.State.Tokens ?? 0,
            RlvrSeconds = Rlvr?.State.Seconds ?? 0,
            TaskThoughts = Jargon is null ? null : CommentLines(Jargon),
            TaskThoughtsAfterRlvr = final is null ? null : CommentLines(final),
        };
    }

    /// <summary>Mean difference of a stretch of problems, with its standard error over the problems both were judged on.</summary>
    public static Estimate Paired(PassAt1Result a, PassAt1Result b, int first, int count)
    {
        int[] both = [.. Enumerable.Range(first, count).Where(i => a.Passed[i] is not null && b.Passed[i] is not null)];
        var onlyA = both.Count(i => a.Passed[i] == true && b.Passed[i] == false);
        var onlyB = both.Count(i => a.Passed[i] == false && b.Passed[i] == true);
        var error = Proportion.PairedStandardError(onlyA, onlyB, both.Length);
        return new Estimate((onlyA - onlyB) / (double)both.Length, error);
    }

    private static TaskScores Scores(PassAt1Result result, TaskSplits problems) => new(
        Rate(result, 0, problems.Jargon.Count), Rate(result, 0, problems.Seen.Count), Rate(result, problems.Seen.Count, problems.Never.Count), null);

    private static Estimate Rate(PassAt1Result result, int first, int count)
    {
        var part = result with { Passed = [.. result.Passed.Skip(first).Take(count)] };
        return new Estimate(part.Rate, part.StandardError);
    }

    /// <summary>Comment lines of an answer.</summary>
    private static double CommentLines(PassAt1Result result) =>
        result.Completions.Average(text => text.Split('\n').Count(line => line.AsSpan().TrimStart().StartsWith("#")));
}
