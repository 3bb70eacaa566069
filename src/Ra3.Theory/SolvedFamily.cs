namespace Ra3.Theory;

/// <summary>A finite family of random MDPs with the regret of every small retained set planned exactly.</summary>
internal sealed class SolvedFamily
{
    /// <summary>|Z|.</summary>
    public const int Universe = 10;

    /// <summary>K = |Z_ε|, the size of the sets among which the pruner chooses.</summary>
    public const int GoodSize = 3;

    private const int Tasks = 24;

    private readonly double[] weights;

    // [set][task]: V*_M − V*_{M,Z'}, averaged over a uniform start state.
    private readonly double[][] regret;

    private SolvedFamily(double[] taskWeights, double[][] regret, double badShare, double maxValue)
    {
        (this.weights, this.regret, BadShare, MaxValue) = (taskWeights, regret, badShare, maxValue);
        Epsilon = regret.Min(r => r.Max());
    }

    /// <summary>ε.</summary>
    public double Epsilon { get; }

    /// <summary>σ.</summary>
    public double BadShare { get; }

    /// <summary>V_max: the largest optimal value over tasks.</summary>
    public double MaxValue { get; }

    /// <summary>How many sets of K are (ε, σ)-bad.</summary>
    public int BadSets => regret.Count(r => Bad(r, weights, Epsilon) >= BadShare);

    /// <summary>
    /// Draws a family of tasks with random weights over ten abstractions, none of them a token. ε is the least for which
    /// some set of three is good on every task, so that K = |Z_ε| = 3 by construction and Z_ε itself always survives.
    /// </summary>
    public static SolvedFamily Random(Random random, double badShare)
    {
        TabularMdp[] family = RegretDecomposition.Family(random, Tasks, states: 6, tokens: 3, discount: 0.9);
        double[] taskWeights = Sampling.Simplex(random, Tasks);
        ActionAbstraction[] universe = RegretDecomposition.Universe(random, family[0], Universe + family[0].Tokens)[family[0].Tokens..];
        OptionModel[][] models = [.. family.Select(mdp => universe.Select(z => z.Model(mdp)).ToArray())];
        double[] optimum = [.. family.Select(mdp => Planning.Optimal(Planning.TokenModels(mdp)).Value.Average())];
        double[][] regrets = [.. Subsets(Universe, GoodSize).Select(set => family
            .Select((_, m) => optimum[m] - Planning.Optimal([.. set.Select(z => models[m][z])]).Value.Average()).ToArray())];
        return new SolvedFamily(taskWeights, regrets, badShare, optimum.Max());
    }

    /// <summary>Draws <paramref name="samples"/> tasks and prunes, many times over.</summary>
    /// <returns>How often a bad set survived; and over all survivors of the other runs, the largest <c>E[regret] − (ε + σ V_max)</c>.</returns>
    public (int Failures, double Excess) Prune(Random random, int samples, int runs)
    {
        bool[] bad = [.. regret.Select(r => Bad(r, weights, Epsilon) >= BadShare)];
        double[] mean = [.. regret.Select(r => r.Zip(weights, (x, w) => x * w).Sum())];
        int failures = 0;
        double excess = double.NegativeInfinity;
        for (int run = 0; run < runs; run++)
        {
            bool[] seen = new bool[Tasks];
            for (int n = 0; n < samples; n++)
            {
                seen[Sampling.Index(random, weights)] = true;
            }

            bool[] survives = [.. regret.Select(r => !seen.Where((drawn, m) => drawn && r[m] > Epsilon).Any())];
            if (survives.Where((alive, i) => alive && bad[i]).Any())
            {
                failures++;
                continue;
            }

            for (int i = 0; i < survives.Length; i++)
            {
                if (survives[i])
                {
                    excess = Math.Max(excess, mean[i] - (Epsilon + (BadShare * MaxValue)));
                }
            }
        }

        return (failures, excess);
    }

    // The share of tasks on which the regret exceeds ε.
    private static double Bad(double[] regret, double[] weights, double epsilon) =>
        regret.Select((r, m) => r > epsilon ? weights[m] : 0).Sum();

    private static IEnumerable<int[]> Subsets(int count, int size, int start = 0) =>
        size == 0
            ? [[]]
            : Enumerable.Range(start, count - start).SelectMany(first => Subsets(count, size - 1, first + 1).Select(rest => (int[])[first, .. rest]));
}
