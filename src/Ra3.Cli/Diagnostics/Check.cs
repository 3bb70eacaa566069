namespace Ra3.Cli.Diagnostics;

/// <summary>How a check came out.</summary>
internal enum CheckState
{
    /// <summary>There, or fast enough.</summary>
    Ok,

    /// <summary>Not there; everything still runs, slower or with less protection.</summary>
    Absent,

    /// <summary>Not there, and the main job cannot run without it.</summary>
    Missing,
}

/// <summary>One thing that `ra3 doctor` looked at.</summary>
/// <param name="Name">What was looked at.</param>
/// <param name="State">How it came out.</param>
/// <param name="Found">What was found.</param>
/// <param name="Advice">What to do; null where nothing need be done.</param>
internal sealed record Check(string Name, CheckState State, string Found, string? Advice = null);
