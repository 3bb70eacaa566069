namespace Ra3.Theory;

/// <summary>
/// Value iteration among abstractions contracts by <c>γ̄ = sup E[γ^τ]</c> and needs at most
/// <c>1/(1−γ̄) · ln(R_max/(ε(1−γ̄)))</c> sweeps (standing S). For a learner that samples, the theory gives only the direction.
/// </summary>
internal static class Convergence
{
    private static readonly int[] Durations = [1, 2, 5, 10];
    private static readonly int[] CorridorDurations = [1, 2, 4, 8];

    /// <summary>Runs the experiment.</summary>
    public static ExperimentResult Run(int seeds, int seed)
    {
        List<Claim> claims = [];
        List<Series> sweepSeries = Sweeps(seeds, seed, claims);
        WorstCase(claims);
        Series[] learning = Learner(seeds, seed, claims);
        return new ExperimentResult(
            claims,
            [
                new Plot("convergence-sweeps", "Value-iteration sweeps to ε = 0.01, rewards of one decision at most 1 (γ = 0.95)", "duration τ of every abstraction (tokens)", "sweeps",
                    $"Over {seeds} random processes of 15 states and 5 abstractions.", sweepSeries),
                new Plot("convergence-learner", "Q-learning in a corridor: work until the greedy policy is within 5 % of the optimum", "duration τ of every abstraction (tokens)", "count",
                    $"Median of {4 * seeds} runs. Longer abstractions save decisions; in tokens the gain shrinks again as abstractions overshoot. The theory gives only the direction.", learning) { LogY = true },
            ]);
    }

    /// <summary>
    /// The largest ratio <c>‖TV − TU‖ / ‖V − U‖</c> over pairs: random ones, and one shifted by a large constant, which
    /// attains the supremum as the shift grows.
    /// </summary>
    public static double MeasuredContraction(Random random, IReadOnlyList<OptionModel> models)
    {
        int states = models[0].Reward.Length;
        double worst = 0;
        for (int pair = 0; pair < 20; pair++)
        {
            double[] v = [.. Enumerable.Range(0, states).Select(_ => 10 * random.NextDouble())];
            double[] u = pair == 0 ? [.. v.Select(x => x + 1e6)] : [.. v.Select(_ => 10 * random.NextDouble())];
            worst = Math.Max(worst, Planning.Distance(Planning.Sweep(models, v), Planning.Sweep(models, u)) / Planning.Distance(v, u));
        }

        return worst;
    }

    /// <summary>Scales the rewards of <paramref name="mdp"/> so that the largest reward of one decision, in absolute value, is 1.</summary>
    public static OptionModel[] UnitDecisionReward(TabularMdp mdp, IReadOnlyList<ActionAbstraction> abstractions)
    {
        double largest = abstractions.Max(z => z.Model(mdp).Reward.Max(Math.Abs));
        TabularMdp scaled = mdp.ScaleRewards(1 / largest);
        return [.. abstractions.Select(z => z.Model(scaled))];
    }

    private static List<Series> Sweeps(int seeds, int seed, List<Claim> claims)
    {
        const double Discount = 0.95;
        const double Epsilon = 0.01;
        List<double> mean = [], most = [], bounds = [];
        foreach (int k in Durations)
        {
            double contraction = 0;
            List<double> needed = [];
            for (int i = 0; i < seeds; i++)
            {
                Random random = Sampling.Stream(seed, $"convergence/fixed/{k}/{i}");
                TabularMdp mdp = TabularMdp.Random(random, states: 15, tokens: 3, Discount);
                OptionModel[] models = UnitDecisionReward(mdp, [.. Enumerable.Range(0, 5).Select(_ => ActionAbstraction.RandomFixed(random, mdp, k))]);
                contraction = Math.Max(contraction, MeasuredContraction(random, models));
                needed.Add(Planning.SweepsNeeded(models, Epsilon));
            }

            double bound = Math.Ceiling(Planning.SweepBound(Math.Pow(Discount, k), 1, Epsilon));
            claims.Add(Claim.Equal($"Contraction factor, every duration {k}: γ^{k}, largest of {seeds} processes", "S", Math.Pow(Discount, k), contraction));
            claims.Add(Claim.AtMost($"Value-iteration sweeps to ε = {Epsilon}, every duration {k}: most", "S", bound, needed.Max()));
            mean.Add(needed.Average());
            most.Add(needed.Max());
            bounds.Add(bound);
        }

        double excessContraction = double.NegativeInfinity, excessSweeps = double.NegativeInfinity, least = double.PositiveInfinity;
        for (int i = 0; i < seeds; i++)
        {
            Random random = Sampling.Stream(seed, $"convergence/random/{i}");
            TabularMdp mdp = TabularMdp.Random(random, states: 15, tokens: 3, Discount);
            OptionModel[] models = UnitDecisionReward(mdp, [.. Enumerable.Range(0, 5).Select(_ => ActionAbstraction.RandomStopping(random, mdp))]);
            double meanDiscount = Planning.MeanDiscount(models);
            double measured = MeasuredContraction(random, models);
            excessContraction = Math.Max(excessContraction, measured - meanDiscount);
            least = Math.Min(least, measured / meanDiscount);
            excessSweeps = Math.Max(excessSweeps, Planning.SweepsNeeded(models, Epsilon) - Math.Ceiling(Planning.SweepBound(meanDiscount, 1, Epsilon)));
        }

        claims.Add(Claim.AtMost("Contraction factor minus γ̄, random durations: largest", "S", 0, excessContraction));
        claims.Add(Claim.AtLeast("γ̄ is attained: least ratio of the measured factor to γ̄", "D", 0.999, least));
        claims.Add(Claim.AtMost("Sweeps minus the bound, random durations: largest", "S", 0, excessSweeps));

        double[] x = [.. Durations.Select(k => (double)k)];
        return [new Series("bound", x, bounds) { Predicted = true }, new Series("most", x, most), new Series("mean", x, mean)];
    }

    /// <summary>One state that returns to itself with the same reward for ever: the slowest process there is.</summary>
    /// <param name="duration">τ in tokens.</param>
    /// <param name="discount">γ.</param>
    /// <param name="tokenReward">Reward of each token.</param>
    public static OptionModel Loop(int duration, double discount, double tokenReward) =>
        ActionAbstraction.Sequence(new int[duration], states: 1)
            .Model(new TabularMdp([new double[,] { { 1 } }], new double[,] { { tokenReward } }, discount));

    // The figures of the bound for γ = 0.99, ε = 0.01, and the reading of R_max that they need.
    private static void WorstCase(List<Claim> claims)
    {
        const double Discount = 0.99;
        const double Epsilon = 0.01;
        foreach (int k in (int[])[1, 5])
        {
            double meanDiscount = Math.Pow(Discount, k);
            double perDecision = (1 - meanDiscount) / (1 - Discount);
            claims.Add(Claim.AtMost(
                $"Slowest process, γ = {Discount}, τ = {k}, reward 1 a decision: sweeps", "D",
                Math.Ceiling(Planning.SweepBound(meanDiscount, 1, Epsilon)),
                Planning.SweepsNeeded([Loop(k, Discount, 1 / perDecision)], Epsilon)));
        }

        double gamma5 = Math.Pow(Discount, 5);
        claims.Add(Claim.AtMost(
            $"With R_max per token the log takes 1−γ, not 1−γ̄: sweeps for τ = 5, reward 1 a token (the other reading allows {Math.Ceiling(Planning.SweepBound(gamma5, 1, Epsilon))})", "D",
            Math.Ceiling(Math.Log(1 / (Epsilon * (1 - Discount))) / (1 - gamma5)),
            Planning.SweepsNeeded([Loop(5, Discount, 1)], Epsilon)));
    }

    private static Series[] Learner(int seeds, int seed, List<Claim> claims)
    {
        // Learning times have a heavy tail (now and then an early wrong preference holds for long), so runs are compared by
        // who is faster and plotted by their median: means would rest on a few runs.
        int runs = 4 * seeds;
        var decisions = new List<Estimate>();
        var tokens = new List<Estimate>();
        int[] single = [];
        foreach (int k in CorridorDurations)
        {
            var learned = Enumerable.Range(0, runs)
                .Select(i => Corridor.Learn(Sampling.Stream(seed, $"convergence/corridor/{k}/{i}"), k)).ToList();
            int[] spent = [.. learned.Select(r => r.Decisions)];
            decisions.Add(Estimate.Median([.. spent.Select(d => (double)d)]));
            tokens.Add(Estimate.Median([.. learned.Select(r => (double)r.Tokens)]));
            if (k == 1)
            {
                single = spent;
                continue;
            }

            claims.Add(Claim.Above(
                $"Q-learning needs fewer decisions with abstractions of {k} tokens than with tokens: share of {runs} pairs of runs", "S", 0.5,
                Estimate.Proportion(single.Zip(spent, (slow, fast) => fast < slow).Count(faster => faster), runs)));
        }

        double[] x = [.. CorridorDurations.Select(k => (double)k)];
        return
        [
            new Series("decisions", x, [.. decisions.Select(e => e.Value)], [.. decisions.Select(e => e.Low)], [.. decisions.Select(e => e.High)]),
            new Series("tokens", x, [.. tokens.Select(e => e.Value)], [.. tokens.Select(e => e.Low)], [.. tokens.Select(e => e.High)]),
        ];
    }
}
