using System.Text.Json.Serialization;

namespace Ra3.Cli.Quickstart;

/// <summary>One arm's numbers; see docs/metrics.md. summary.json is made of these.</summary>
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

    /// <summary>Tokens of next-token training in this arm's own stage.</summary>
    public required long TrainedTokens { get; init; }

    /// <summary>Time of this arm's own stage, E-step and sampling included.</summary>
    public required double Seconds { get; init; }
}

/// <summary>The E-step in numbers; first and last are means over a tenth of the iterations.</summary>
internal sealed record EStepSummary(
    int Iterations, double RewardFirst, double RewardLast, double ThinkShareFirst, double ThinkShareLast,
    double MeanLatentTokens, double GroupsWithoutSignal, double LogProbMismatch, long TreeTokens,
    double GenerateSeconds, double ScoreSeconds, double UpdateSeconds);

/// <summary>A difference of two arms' cross-entropy with its standard error over held-out files.</summary>
internal sealed record Difference(double Nats, double StandardError)
{
    /// <summary>Whether it is larger than twice its standard error.</summary>
    [JsonIgnore]
    public bool IsClear => Math.Abs(Nats) > 2 * StandardError;
}

/// <summary>What the quickstart found: the contract for scripts.</summary>
internal sealed record QuickstartSummary
{
    public required long Seed { get; init; }

    public required double Minutes { get; init; }

    public required IReadOnlyDictionary<string, ArmSummary> Arms { get; init; }

    public required EStepSummary EStep { get; init; }

    public required IReadOnlyDictionary<string, double> Timing { get; init; }

    public required Difference Ra3MinusNtp { get; init; }

    public required QuickstartPlan Plan { get; init; }
}
