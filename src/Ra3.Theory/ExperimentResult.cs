namespace Ra3.Theory;

/// <summary>How a measured figure must stand to its bound.</summary>
public enum Relation
{
    /// <summary>measured ≤ bound.</summary>
    AtMost,

    /// <summary>measured ≥ bound.</summary>
    AtLeast,

    /// <summary>measured &gt; bound.</summary>
    Above,

    /// <summary>measured = bound, to rounding or within the confidence interval.</summary>
    Equal,
}

/// <summary>One statement of the theory, what it predicts, and what was measured.</summary>
/// <param name="Statement">The claim in one line.</param>
/// <param name="Standing">P paper, S careful secondary notes, D derived here, C choice.</param>
/// <param name="Relation">How <paramref name="Measured"/> must stand to <paramref name="Bound"/>.</param>
/// <param name="Bound">The predicted figure.</param>
/// <param name="Measured">The measured figure; over many instances, the worst one.</param>
/// <param name="Low">Lower end of its confidence interval, when it is a Monte-Carlo figure.</param>
/// <param name="High">Upper end, likewise.</param>
/// <param name="Holds">Whether the claim stands.</param>
public sealed record Claim(
    string Statement, string Standing, Relation Relation, double Bound, double Measured, double? Low, double? High, bool Holds)
{
    /// <summary>Rounding allowed where two exact computations are compared.</summary>
    internal const double Rounding = 1e-9;

    internal static Claim AtMost(string statement, string standing, double bound, double measured) =>
        new(statement, standing, Relation.AtMost, bound, measured, null, null, measured <= bound + Rounding);

    internal static Claim AtLeast(string statement, string standing, double bound, double measured) =>
        new(statement, standing, Relation.AtLeast, bound, measured, null, null, measured >= bound - Rounding);

    internal static Claim Equal(string statement, string standing, double bound, double measured, double tolerance = Rounding) =>
        new(statement, standing, Relation.Equal, bound, measured, null, null, Math.Abs(measured - bound) <= tolerance);

    /// <summary>Fails only when the data refute it: the whole interval lies above the bound.</summary>
    internal static Claim NotAbove(string statement, string standing, double bound, Estimate measured) =>
        new(statement, standing, Relation.AtMost, bound, measured.Value, measured.Low, measured.High, measured.Low <= bound);

    /// <summary>Holds only when the data show it: the whole interval lies above the bound.</summary>
    internal static Claim Above(string statement, string standing, double bound, Estimate measured) =>
        new(statement, standing, Relation.Above, bound, measured.Value, measured.Low, measured.High, measured.Low > bound);

    /// <summary>Holds when the interval covers the predicted value.</summary>
    internal static Claim Covers(string statement, string standing, double bound, Estimate measured) =>
        new(statement, standing, Relation.Equal, bound, measured.Value, measured.Low, measured.High, measured.Low <= bound && bound <= measured.High);
}

/// <summary>One line of a plot.</summary>
/// <param name="Name">What the legend says.</param>
/// <param name="X">Abscissae.</param>
/// <param name="Y">Ordinates, as many.</param>
/// <param name="Low">Lower ends of confidence intervals, when there are any.</param>
/// <param name="High">Upper ends, likewise.</param>
public sealed record Series(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y, IReadOnlyList<double>? Low = null, IReadOnlyList<double>? High = null)
{
    /// <summary>Whether the theory says it, rather than a measurement; drawn dashed.</summary>
    public bool Predicted { get; init; }
}

/// <summary>A plot, ready for drawing.</summary>
/// <param name="Name">Short name, fit for a file name.</param>
/// <param name="Title">What it shows.</param>
/// <param name="XLabel">Label of the abscissa, with its unit.</param>
/// <param name="YLabel">Label of the ordinate, with its unit.</param>
/// <param name="Caption">What to see in it, and what not to conclude.</param>
/// <param name="Series">Its lines.</param>
public sealed record Plot(string Name, string Title, string XLabel, string YLabel, string Caption, IReadOnlyList<Series> Series)
{
    /// <summary>Whether the abscissa is logarithmic.</summary>
    public bool LogX { get; init; }

    /// <summary>Whether the ordinate is logarithmic.</summary>
    public bool LogY { get; init; }
}

/// <summary>What an experiment found.</summary>
/// <param name="Claims">Claim, bound, measured, holds.</param>
/// <param name="Plots">Named series for drawing.</param>
public sealed record ExperimentResult(IReadOnlyList<Claim> Claims, IReadOnlyList<Plot> Plots);
