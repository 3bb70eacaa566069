namespace Ra3.Theory;

/// <summary>A part of the theory turned into an experiment that runs in seconds on one core.</summary>
public sealed class Experiment
{
    /// <summary>Fewer independent instances than this leave the 99.9 % intervals too wide to say anything.</summary>
    public const int FewestSeeds = 10;

    private readonly Func<int, int, ExperimentResult> body;

    private Experiment(string name, string title, Func<int, int, ExperimentResult> body) =>
        (Name, Title, this.body) = (name, title, body);

    /// <summary>Every experiment, in the order in which the theory unfolds.</summary>
    public static IReadOnlyList<Experiment> All { get; } =
    [
        new("regret", "Post-training regret splits into pruning error and RL error", RegretDecomposition.Run),
        new("pruning", "Expert samples that rule out every bad retained set", Pruning.Run),
        new("convergence", "Abstractions shorten the horizon of planning and of learning", Convergence.Run),
        new("tradeoff", "Between tokens and whole programs: total regret against granularity", AbstractionTradeOff.Run),
        new("elbo", "The temporal ELBO on a toy latent-variable model", LatentBound.Run),
    ];

    /// <summary>What the command line calls it.</summary>
    public string Name { get; }

    /// <summary>What it is about, in one line.</summary>
    public string Title { get; }

    /// <summary>Runs it: the same arguments always give the same result.</summary>
    /// <param name="seeds">Independent random instances; Monte-Carlo trials grow in proportion.</param>
    /// <param name="seed">Where the seeds start.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than <see cref="FewestSeeds"/> seeds.</exception>
    public ExperimentResult Run(int seeds, int seed = 0)
    {
        if (seeds < FewestSeeds)
        {
            throw new ArgumentOutOfRangeException(nameof(seeds), $"{seeds} seeds are too few for confidence intervals; use at least {FewestSeeds}.");
        }

        return body(seeds, seed);
    }
}
