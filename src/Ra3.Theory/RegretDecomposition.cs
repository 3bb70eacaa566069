namespace Ra3.Theory;

/// <summary>
/// For any retained set Z' (standing S): <c>E[V*_M − V^π_M] = E[V*_M − V*_{M,Z'}] + E[V*_{M,Z'} − V^π_M]</c>.
/// The left side is computed token by token, the right side among abstractions, so the identity also checks the option models.
/// </summary>
internal static class RegretDecomposition
{
    /// <summary>The three terms for one policy: every one an average over tasks and over a uniform start state.</summary>
    public readonly record struct Terms(double Total, double Pruning, double Learning);

    private const int TasksPerFamily = 5;
    private const int States = 8;
    private const int TokenCount = 3;
    private const double Discount = 0.9;

    /// <summary>Runs the experiment.</summary>
    public static ExperimentResult Run(int seeds, int seed)
    {
        int universe = TokenCount + 5;
        double worstIdentity = 0, leastPruning = double.PositiveInfinity, leastLearning = double.PositiveInfinity;
        double worstGrowth = double.NegativeInfinity, worstAllTokens = 0;
        double[] pruningSum = new double[universe], untrainedSum = new double[universe], halfTrainedSum = new double[universe];
        for (int i = 0; i < seeds; i++)
        {
            Random random = Sampling.Stream(seed, $"regret/{i}");
            TabularMdp[] family = Family(random, TasksPerFamily, States, TokenCount, Discount);
            double[] weights = Sampling.Simplex(random, TasksPerFamily);
            ActionAbstraction[] all = Universe(random, family[0], universe);
            random.Shuffle(all);
            double previous = double.PositiveInfinity;
            for (int size = 1; size <= universe; size++)
            {
                ActionAbstraction[] retained = all[..size];
                Terms untrained = Decompose(family, weights, retained, temperature: double.PositiveInfinity);
                Terms halfTrained = Decompose(family, weights, retained, temperature: 0.1);
                foreach (Terms t in (Terms[])[untrained, halfTrained])
                {
                    worstIdentity = Math.Max(worstIdentity, Math.Abs(t.Total - (t.Pruning + t.Learning)));
                    leastPruning = Math.Min(leastPruning, t.Pruning);
                    leastLearning = Math.Min(leastLearning, t.Learning);
                }

                worstGrowth = Math.Max(worstGrowth, untrained.Pruning - previous);
                previous = untrained.Pruning;
                pruningSum[size - 1] += untrained.Pruning / seeds;
                untrainedSum[size - 1] += untrained.Learning / seeds;
                halfTrainedSum[size - 1] += halfTrained.Learning / seeds;
            }

            worstAllTokens = Math.Max(worstAllTokens, previous);
        }

        double[] sizes = [.. Enumerable.Range(1, universe).Select(size => (double)size)];
        return new ExperimentResult(
            [
                Claim.Equal("Total regret, token by token, minus (pruning + RL error) among abstractions: largest gap", "S", 0, worstIdentity),
                Claim.AtLeast("Pruning error is never negative: least", "D", 0, leastPruning),
                Claim.AtLeast("RL error is never negative: least", "D", 0, leastLearning),
                Claim.AtMost("Pruning error never grows as the retained set grows: largest rise", "D", 0, worstGrowth),
                Claim.Equal("Pruning error with every token retained: largest", "D", 0, worstAllTokens),
            ],
            [
                new Plot(
                    "regret-size",
                    $"Both parts of the regret, mean over {seeds} random families",
                    "abstractions retained, in random order",
                    "regret",
                    "More abstractions leave less to prune away and more to learn. What remains to be learned depends on the learner: two of them here.",
                    [
                        new Series("pruning error", sizes, pruningSum),
                        new Series("RL error, untrained (uniform)", sizes, untrainedSum),
                        new Series("RL error, half trained (softmax of Q*)", sizes, halfTrainedSum),
                    ]),
            ]);
    }

    /// <summary>Tasks that share states and tokens.</summary>
    public static TabularMdp[] Family(Random random, int tasks, int states, int tokens, double discount) =>
        [.. Enumerable.Range(0, tasks).Select(_ => TabularMdp.Random(random, states, tokens, discount))];

    /// <summary>Every token, then random abstractions, half of fixed and half of random duration.</summary>
    public static ActionAbstraction[] Universe(Random random, TabularMdp mdp, int size) =>
        [.. Enumerable.Range(0, size).Select(i =>
            i < mdp.Tokens ? ActionAbstraction.Token(i, mdp.States)
            : i % 2 == 0 ? ActionAbstraction.RandomFixed(random, mdp, random.Next(2, 5))
            : ActionAbstraction.RandomStopping(random, mdp))];

    /// <summary>
    /// The terms for the policy that plays <c>softmax(Q*_{M,Z'}(s, ·) / temperature)</c> in each task: uniform when the
    /// temperature is infinite, optimal within Z' as it goes to zero.
    /// </summary>
    public static Terms Decompose(TabularMdp[] family, double[] weights, ActionAbstraction[] retained, double temperature)
    {
        Terms sum = default;
        for (int m = 0; m < family.Length; m++)
        {
            TabularMdp mdp = family[m];
            OptionModel[] models = [.. retained.Select(z => z.Model(mdp))];
            double[] retainedOptimum = Planning.Optimal(models).Value;
            double[][] policy = [.. Enumerable.Range(0, mdp.States).Select(s =>
                Sampling.Softmax([.. models.Select(model => model.Value(s, retainedOptimum) / temperature)]))];
            double optimum = Planning.Optimal(Planning.TokenModels(mdp)).Value.Average();
            double attained = Planning.EvaluateTokenByToken(mdp, retained, policy).Average();
            double attainedAmong = Planning.Evaluate(models, policy).Average();
            sum = new Terms(
                sum.Total + (weights[m] * (optimum - attained)),
                sum.Pruning + (weights[m] * (optimum - retainedOptimum.Average())),
                sum.Learning + (weights[m] * (retainedOptimum.Average() - attainedAmong)));
        }

        return sum;
    }
}
