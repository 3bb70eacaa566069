using Ra3.MidTraining;

namespace Ra3.Cli.Quickstart;

/// <summary>What an arm learns from in mid-training.</summary>
internal enum ArmSource
{
    /// <summary>Nothing: the base.</summary>
    None,

    /// <summary>The corpus as it is, by next-token prediction.</summary>
    Corpus,

    /// <summary>The same for as long as all of RA3 took.</summary>
    EqualTime,

    /// <summary>The corpus with RA3's own thoughts, each at another's place.</summary>
    Shuffled,

    /// <summary>The corpus with the right comments.</summary>
    Oracle,

    /// <summary>E-step, thoughts, M-step.</summary>
    Thoughts,
}

/// <summary>One arm of the comparison: everything that is said of it, in one place.</summary>
/// <param name="Key">In summary.json, logs and folders.</param>
/// <param name="Name">For people.</param>
/// <param name="Source">What it learns from.</param>
/// <param name="Change">What differs from RA3's options, where it learns from thoughts.</param>
/// <param name="Rounds">Of the EM loop.</param>
internal sealed record QuickstartArm(
    string Key, string Name, ArmSource Source, Func<MidTrainingOptions, MidTrainingOptions>? Change = null, int Rounds = 1)
{
    /// <summary>The base, the two methods, and the controls.</summary>
    public static IReadOnlyList<QuickstartArm> All { get; } =
    [
        new("base", "base", ArmSource.None),
        new("ntp", "NTP", ArmSource.Corpus),
        new("ra3", "RA3", ArmSource.Thoughts),
        new("ntpEqualTime", "NTP, RA3's time", ArmSource.EqualTime),
        new("untrained", "untrained thoughts", ArmSource.Thoughts, EStep(e => e with { Kind = EStepKind.None })),
        new("shuffled", "shuffled thoughts", ArmSource.Shuffled),
        new("oracle", "oracle comments", ArmSource.Oracle),
        new("bestOfGroup", "best of 8 thoughts", ArmSource.Thoughts, EStep(e => e with { Kind = EStepKind.BestOfGroup })),
        new("ra3BestOfGroup", "RA3, best of 8 thoughts kept", ArmSource.Thoughts, EStep(e => e with { Kind = EStepKind.RlBestOfGroup })),
        new("ra3KeepGaining", "RA3, gaining thoughts kept", ArmSource.Thoughts, options => options with { Keep = ThoughtFilter.Gaining }),
        new("ra3GroupBaseline", "RA3, group baseline", ArmSource.Thoughts, EStep(e => e with { ContentBaseline = ContentBaseline.Group })),
        new("ra3Horizon1", "RA3, horizon 1 (BRiTE)", ArmSource.Thoughts, EStep(e => e with { Horizon = 1 })),
        new("ra3TwoRounds", "RA3, two rounds", ArmSource.Thoughts, Rounds: 2),
        new("ra3LowCost", "RA3, c = 0.01", ArmSource.Thoughts, EStep(e => e with { SwitchCost = 0.01 })),
        new("ra3HighCost", "RA3, c = 0.2", ArmSource.Thoughts, EStep(e => e with { SwitchCost = 0.2 })),
    ];

    /// <summary>Whether its E-step is RA3's own, which is taken over: it differs only in what the M-step learns from.</summary>
    public bool SharesEStep => Key is "ra3BestOfGroup" or "ra3KeepGaining";

    /// <summary>Whether it is post-trained by RLVR and shown first; the rest are controls.</summary>
    public bool IsMain => Key is "base" or "ntp" or "ra3";

    /// <summary>The stage that its time is booked on.</summary>
    public string Stage => IsMain ? Key : "controls";

    /// <summary>The arm of a key.</summary>
    public static QuickstartArm Of(string key) => All.Single(arm => arm.Key == key);

    private static Func<MidTrainingOptions, MidTrainingOptions> EStep(Func<EStepOptions, EStepOptions> change) =>
        options => options with { EStep = change(options.EStep) };
}
