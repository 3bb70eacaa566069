using Ra3.Cli.Report;
using Ra3.MidTraining;

namespace Ra3.Cli.Quickstart;

/// <summary>A held-out task as some arms solved it.</summary>
/// <param name="Split">Its split.</param>
/// <param name="Prompt">What they were given.</param>
/// <param name="Answers">By arm: the completion, and whether it passed.</param>
internal sealed record TaskExample(string Split, string Prompt, IReadOnlyDictionary<string, (string Text, bool Passed)> Answers);

/// <summary>What one seed gave.</summary>
internal sealed record SeedResult
{
    public required IReadOnlyDictionary<string, ArmSummary> Arms { get; init; }

    /// <summary>Differences of RA3 and NTP, paired by problem or file.</summary>
    public required IReadOnlyDictionary<string, Estimate> Ra3MinusNtp { get; init; }

    public required IReadOnlyList<EStepMetrics> EStep { get; init; }

    /// <summary>Held-out cross-entropy of real code by curve and million tokens.</summary>
    public required IReadOnlyDictionary<string, List<(double X, double Y)>> Curves { get; init; }

    /// <summary>pass@1 on held-out tasks by arm and RLVR step, with its error over tasks.</summary>
    public required IReadOnlyDictionary<string, List<(double X, Estimate Y)>> RlvrCurves { get; init; }

    /// <summary>Real held-out code as the RA3 model walked through it.</summary>
    public required IReadOnlyList<CodeWalk> Walks { get; init; }

    public required IReadOnlyList<TaskExample> Examples { get; init; }

    public required IReadOnlyDictionary<string, double> Timing { get; init; }

    public required string DataDescription { get; init; }
}
