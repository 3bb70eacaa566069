namespace Ra3.Theory;

/// <summary>The temporal ELBO and its E-step (RA3 §2, properties (a), (c), (d), (e) and (h) of §5) on models small enough to enumerate.</summary>
internal static class LatentBound
{
    /// <summary>Runs the experiment.</summary>
    public static ExperimentResult Run(int seeds, int seed)
    {
        List<Claim> claims = [];
        Bound(seeds, seed, claims);
        Plot em = Em(seeds, seed, claims);
        Divergence(seeds, seed, claims);
        Plot switching = Switching(seeds, seed, claims);
        Plot gradient = Gradient(seeds, seed, claims);
        return new ExperimentResult(claims, [em, switching, gradient]);
    }

    private static void Bound(int seeds, int seed, List<Claim> claims)
    {
        double excess = double.NegativeInfinity, gap = 0, tight = 0, brute = 0, plain = 0;
        for (int i = 0; i < seeds; i++)
        {
            Random random = Sampling.Stream(seed, $"elbo/bound/{i}");
            var chain = LatentChain.Random(random, lines: 4, abstractions: 3, random.NextDouble());
            int[][] paths = chain.Paths();
            double[] joint = [.. paths.Select(chain.LogJoint)];
            double logLikelihood = Sampling.LogSumExp(joint);
            double[][][] q = chain.RandomChain(random);
            double elbo = chain.Elbo(q);
            double divergence = paths.Select((path, j) => (P: LatentChain.PathProbability(q, path), Posterior: joint[j] - logLikelihood))
                .Sum(x => x.P * (Math.Log(x.P) - x.Posterior));
            brute = Math.Max(brute, Math.Abs(chain.LogLikelihood() - logLikelihood));
            excess = Math.Max(excess, elbo - logLikelihood);
            gap = Math.Max(gap, Math.Abs(logLikelihood - elbo - divergence));
            tight = Math.Max(tight, Math.Abs(chain.Elbo(chain.Posterior()) - logLikelihood));
            plain = Math.Max(plain, Math.Abs((chain with { Persistence = 1 }).LogLikelihood() - chain.NextTokenPrediction));
        }

        claims.Add(Claim.Equal("Log-likelihood by recursion minus by enumeration: largest gap", "D", 0, brute));
        claims.Add(Claim.AtMost("ELBO minus log-likelihood, random q: largest", "S", 0, excess));
        claims.Add(Claim.Equal("Log-likelihood − ELBO − KL(q ‖ posterior): largest", "D", 0, gap));
        claims.Add(Claim.Equal("ELBO at the posterior minus log-likelihood: largest gap", "D", 0, tight));
        claims.Add(Claim.Equal("α = 1 is next-token prediction: largest gap of the log-likelihoods", "S", 0, plain));
    }

    private static Plot Em(int seeds, int seed, List<Claim> claims)
    {
        const int Rounds = 15;
        const int Shown = 4;
        const double Persistence = 0.7;
        double least = double.PositiveInfinity, leastGain = double.PositiveInfinity;
        List<Series> series = [];
        for (int i = 0; i < seeds; i++)
        {
            Random random = Sampling.Stream(seed, $"elbo/em/{i}");
            int[][] traces = LatentEm.SampleTraces(random, traces: 30, lines: 8, abstractions: 3, symbols: 5, Persistence);
            double[][] emission = LatentEm.RandomEmission(random, 3, 5);
            List<double> logLikelihood = [LatentEm.LogLikelihood(traces, emission, Persistence)];
            for (int round = 0; round < Rounds; round++)
            {
                emission = LatentEm.Round(traces, emission, Persistence);
                logLikelihood.Add(LatentEm.LogLikelihood(traces, emission, Persistence));
                least = Math.Min(least, logLikelihood[^1] - logLikelihood[^2]);
            }

            leastGain = Math.Min(leastGain, logLikelihood[^1] - logLikelihood[0]);
            if (i < Shown)
            {
                series.Add(new Series($"instance {i + 1}", [.. Enumerable.Range(0, Rounds + 1).Select(r => (double)r)], [.. logLikelihood.Select(l => l / traces.Length)]));
            }
        }

        claims.Add(Claim.AtLeast($"Exact EM never lowers the log-likelihood: least change of a round, {seeds} instances", "D", 0, least));
        return new Plot("elbo-em", "Exact EM: log-likelihood of a trace by round", "EM rounds", "nats per trace",
            "E-step: the exact posterior. M-step: next-token prediction on the traces with their latents. Each curve may only rise.", series);
    }

    private static void Divergence(int seeds, int seed, List<Claim> claims)
    {
        double events = 0, values = 0, excess = 0, cost = 0;
        for (int i = 0; i < seeds; i++)
        {
            Random random = Sampling.Stream(seed, $"elbo/kl/{i}");
            int size = random.Next(2, 9);
            double rho = random.NextDouble();
            double alpha = 0.01 + (0.98 * random.NextDouble());
            double[] any = Sampling.Simplex(random, size);
            double[] others = Sampling.Simplex(random, size - 1);
            events = Math.Max(events, Math.Abs(SwitchPrior.EventForm(rho, alpha, any) - SwitchPrior.EventBruteForce(rho, alpha, any)));
            double brute = SwitchPrior.ValueBruteForce(rho, alpha, others);
            values = Math.Max(values, Math.Abs(SwitchPrior.ValueForm(rho, alpha, others) - brute));

            // The event form read over values: ρ = q(z_t ≠ z_{t−1}) but ln|Z| and 1−α kept as they are.
            double naive = SwitchPrior.EventForm(rho, alpha, [.. others, 0]);
            excess = Math.Max(excess, Math.Abs(naive - brute - SwitchPrior.EventExcess(rho, alpha, size)));

            var chain = LatentChain.Random(random, lines: 5, size, alpha);
            int[] path = [.. Enumerable.Range(0, 5).Select(_ => random.Next(size))];
            double stay = chain.LogPrior(0, 0);
            double viaCost = chain.PathLogProb(path) + (5 * stay) - (LatentChain.Switches(path) * SwitchPrior.Cost(alpha, size));
            cost = Math.Max(cost, Math.Abs(viaCost - chain.LogJoint(path)));
        }

        claims.Add(Claim.Equal("KL = KL(Bern ρ ‖ Bern 1−α) + ρ(ln|Z| − H), a switch being an event: largest gap to brute force", "D", 0, events));
        claims.Add(Claim.Equal("KL over values of z_t, U including the active one: |Z|−1 for |Z|, α+(1−α)/|Z| for α: largest gap", "D", 0, values));
        claims.Add(Claim.Equal("The event form overstates that KL by (1−ρ) ln(1 + (1−α)/(α|Z|)): largest gap", "D", 0, excess));
        claims.Add(Claim.Equal("A fixed path pays c = ln(1 + α|Z|/(1−α)) a switch: largest gap", "D", 0, cost));
    }

    private static Plot Switching(int seeds, int seed, List<Claim> claims)
    {
        double[] costs = [.. Enumerable.Range(0, 41).Select(i => 0.1 * i)];
        double[] alphas = [.. Enumerable.Range(0, 41).Select(i => i / 40.0)];
        double riseBest = double.NegativeInfinity, riseSoft = double.NegativeInfinity, riseAlpha = double.NegativeInfinity;
        double derivative = 0, limit = 0;
        double[] best = new double[costs.Length], soft = new double[costs.Length];
        for (int i = 0; i < seeds; i++)
        {
            var chain = LatentChain.Random(Sampling.Stream(seed, $"elbo/switch/{i}"), lines: 5, abstractions: 3, persistence: 0);
            int[] optimal = [.. costs.Select(c => LatentChain.Switches(BestPath(chain, c)))];
            double[] expected = [.. costs.Select(c => SwitchesUnderReward(chain, c).Mean)];
            double[] posterior = [.. alphas.Select(alpha => PosteriorSwitches(chain with { Persistence = alpha }))];
            riseBest = Math.Max(riseBest, LargestRise([.. optimal.Select(n => (double)n)]));
            riseSoft = Math.Max(riseSoft, LargestRise(expected));
            riseAlpha = Math.Max(riseAlpha, LargestRise(posterior));
            const double H = 1e-4;
            double slope = (SwitchesUnderReward(chain, 1 + H).Mean - SwitchesUnderReward(chain, 1 - H).Mean) / (2 * H);
            derivative = Math.Max(derivative, Math.Abs(slope + SwitchesUnderReward(chain, 1).Variance));

            // No line can gain more than its range, so a dearer switch never pays.
            double dear = chain.LogProb.Sum(row => row.Max() - row.Min()) + 1;
            int[] never = BestPath(chain, dear);
            limit = Math.Max(limit, LatentChain.Switches(never) + Math.Abs(chain.PathLogProb(never) - chain.NextTokenPrediction));
            for (int j = 0; j < costs.Length; j++)
            {
                best[j] += optimal[j] / (double)(chain.Lines * seeds);
                soft[j] += expected[j] / (chain.Lines * seeds);
            }
        }

        claims.Add(Claim.AtMost("Switches of the best q never rise with c: largest rise", "D", 0, riseBest));
        claims.Add(Claim.AtMost("Mean switches of q ∝ exp(Σ log π − c·switches) never rise with c: largest rise", "D", 0, riseSoft));
        claims.Add(Claim.Equal("Their derivative in c is minus their variance: largest gap at c = 1", "D", 0, derivative, 1e-6));
        claims.Add(Claim.AtMost("Mean switches of the posterior never rise with α: largest rise", "D", 0, riseAlpha));
        claims.Add(Claim.Equal("A cost above what lines can gain is next-token prediction: switches plus gap", "S", 0, limit));
        return new Plot("elbo-switching", $"Share of lines that switch, mean over {seeds} instances", "cost of a switch c (nats)", "share of lines",
            "Both can only fall: the best q by exchange of two optima, the soft one because its slope is minus a variance.",
            [new Series("best q (deterministic)", costs, best), new Series("q ∝ exp(reward)", costs, soft)]);
    }

    /// <summary>The latent path with the largest <c>Σ log π − c·switches</c>: what an E-step without entropy converges to.</summary>
    public static int[] BestPath(LatentChain chain, double cost) =>
        chain.Paths().MaxBy(path => chain.PathLogProb(path) - (cost * LatentChain.Switches(path)))!;

    /// <summary>Mean and variance of the number of switches under <c>q ∝ exp(Σ log π − c·switches)</c>.</summary>
    public static (double Mean, double Variance) SwitchesUnderReward(LatentChain chain, double cost)
    {
        int[][] paths = chain.Paths();
        double[] q = Sampling.Softmax([.. paths.Select(path => chain.PathLogProb(path) - (cost * LatentChain.Switches(path)))]);
        double mean = paths.Select((path, i) => q[i] * LatentChain.Switches(path)).Sum();
        return (mean, paths.Select((path, i) => q[i] * Math.Pow(LatentChain.Switches(path) - mean, 2)).Sum());
    }

    /// <summary>Mean number of switches under the exact posterior.</summary>
    public static double PosteriorSwitches(LatentChain chain)
    {
        double[][][] q = chain.Posterior();
        return chain.Paths().Sum(path => LatentChain.PathProbability(q, path) * LatentChain.Switches(path));
    }

    private static double LargestRise(double[] values) => values.Skip(1).Zip(values, (later, earlier) => later - earlier).Max();

    private static Plot Gradient(int seeds, int seed, List<Claim> claims)
    {
        double unbiased = 0, shrunk = 0;
        for (int i = 0; i < seeds; i++)
        {
            // Groups enumerated whole; the default G = 8 once, since 4^8 groups take a moment.
            int group = i == 0 ? 8 : 2 + (i % 3);
            Random random = Sampling.Stream(seed, $"elbo/gradient/exact/{i}");
            var estep = EStepGradient.Random(random, LatentChain.Random(random, lines: 2, abstractions: 2, persistence: 0), cost: 0.5);
            double[] exact = estep.Exact();
            unbiased = Math.Max(unbiased, Planning.Distance(estep.Expected(group, GroupBaseline.LeaveOneOut), exact));
            shrunk = Math.Max(shrunk, Planning.Distance(estep.Expected(group, GroupBaseline.InclusiveMean), [.. exact.Select(g => g * (group - 1) / group)]));
        }

        claims.Add(Claim.Equal("Leave-one-out group gradient minus exact gradient, in expectation: largest gap", "D", 0, unbiased));
        claims.Add(Claim.Equal("Inclusive-mean group gradient minus (G−1)/G of the exact one: largest gap", "D", 0, shrunk));

        int[] groups = [2, 4, 8, 16];
        Random rollouts = Sampling.Stream(seed, "elbo/gradient/sampled");
        var larger = EStepGradient.Random(rollouts, LatentChain.Random(rollouts, lines: 6, abstractions: 4, persistence: 0), cost: 0.5);
        Series leaveOneOut = Scales(larger, groups, GroupBaseline.LeaveOneOut, 100 * seeds, rollouts);
        Series inclusive = Scales(larger, groups, GroupBaseline.InclusiveMean, 100 * seeds, rollouts);
        const int Default = 2;
        claims.Add(Claim.Covers("The same sampled, 6 lines, G = 8: scale of the leave-one-out gradient along the exact one", "D", 1, At(leaveOneOut, Default)));
        claims.Add(Claim.Covers("The same with the inclusive mean: (G−1)/G", "D", 7.0 / 8, At(inclusive, Default)));
        double[] x = [.. groups.Select(g => (double)g)];
        return new Plot("elbo-gradient", "Scale of the sampled E-step gradient along the exact one", "group size G", "⟨ĝ, g⟩ / ⟨g, g⟩",
            "The inclusive mean only shortens the step, most for small groups; the direction is right either way.",
            [leaveOneOut, inclusive, new Series("(G−1)/G", x, [.. x.Select(g => (g - 1) / g)]) { Predicted = true }])
        { LogX = true };
    }

    private static Estimate At(Series series, int index) => new(series.Y[index], series.Low![index], series.High![index]);

    // One independent draw a group: its gradient projected on the exact one, in units of the exact one.
    private static Series Scales(EStepGradient estep, int[] groups, GroupBaseline baseline, int draws, Random random)
    {
        double[] exact = estep.Exact();
        double norm = exact.Sum(g => g * g);
        Estimate[] scales = [.. groups.Select(size => Estimate.Mean([.. Enumerable.Range(0, draws).Select(_ =>
            estep.Estimate([.. Enumerable.Range(0, size).Select(_ => estep.Sample(random))], baseline).Zip(exact, (a, b) => a * b).Sum() / norm)]))];
        string name = baseline == GroupBaseline.LeaveOneOut ? "leave-one-out" : "inclusive mean";
        return new Series(name, [.. groups.Select(g => (double)g)], [.. scales.Select(s => s.Value)], [.. scales.Select(s => s.Low)], [.. scales.Select(s => s.High)]);
    }
}
