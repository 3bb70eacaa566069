using MathNet.Numerics;

namespace Ra3.Theory;

/// <summary>
/// How many expert samples rule out every bad retained set. One expert sample is a task M ~ p(M) with its optimal expert; it
/// rules out Z' when <c>V*_M − V*_{M,Z'} &gt; ε</c>. Z' is (ε, σ)-bad when that happens on at least a share σ of tasks.
/// Standing S: <c>|D_E| = Θ(|Z_ε| log(|Z|/δ)/σ)</c>; the concrete bound checked here is the derived one,
/// <c>n ≥ (K ln|Z| + ln(1/δ))/σ</c> with K = |Z_ε|.
/// </summary>
internal static class Pruning
{
    private static readonly int[] Universes = [8, 16, 32, 64];
    private static readonly int[] GoodSizes = [1, 2, 3, 4];
    private static readonly double[] BadShares = [0.1, 0.2, 0.3];
    private static readonly double[] Deltas = [0.2, 0.05];

    /// <summary><c>(K ln|Z| + ln(1/δ))/σ</c> (standing D): a bad set survives n samples with probability at most <c>(1−σ)^n ≤ e^{−σn}</c>, and there are at most |Z|^K sets.</summary>
    public static int Bound(int goodSize, int abstractions, double badShare, double delta) =>
        (int)Math.Ceiling(((goodSize * Math.Log(abstractions)) + Math.Log(1 / delta)) / badShare);

    /// <summary>Runs the experiment.</summary>
    public static ExperimentResult Run(int seeds, int seed)
    {
        int trials = 20 * seeds;
        var samples = new Dictionary<(int Z, int K, double Sigma), int[]>();
        foreach (int z in Universes)
        {
            foreach (int k in GoodSizes)
            {
                foreach (double sigma in BadShares)
                {
                    samples[(z, k, sigma)] = SamplesUntilPruned(z, k, sigma, trials, seed);
                }
            }
        }

        List<Claim> claims = [.. Deltas.Select(delta => WorstFailure(samples, delta)), .. Slopes(samples), ExactMaximum(samples)];
        claims.AddRange(SolvedFamilies(seeds, seed));
        return new ExperimentResult(claims, Plots(samples));
    }

    /// <summary>The number of samples after which every bad set is gone, once per trial, in increasing order.</summary>
    public static int[] SamplesUntilPruned(int abstractions, int goodSize, double badShare, int trials, int seed)
    {
        // The bound at δ = 1e-9 is enough for every trial, or else the bound is wrong and the run stops.
        int limit = Bound(goodSize, abstractions, badShare, 1e-9);
        var family = new PlantedFamily(abstractions, goodSize, badShare);
        int[] samples = new int[trials];
        Random random = Sampling.Stream(seed, $"pruning/{abstractions}/{goodSize}/{badShare}");
        for (int i = 0; i < trials; i++)
        {
            samples[i] = family.SamplesUntilPruned(family.Draw(random, limit));
        }

        Array.Sort(samples);
        return samples;
    }

    /// <summary>The share of trials in which some bad set outlives <paramref name="n"/> samples.</summary>
    public static Estimate FailureProbability(int[] samplesUntilPruned, int n, double level = Estimate.Level) =>
        Estimate.Proportion(samplesUntilPruned.Count(s => s > n), samplesUntilPruned.Length, level);

    private static Claim WorstFailure(Dictionary<(int Z, int K, double Sigma), int[]> samples, double delta)
    {
        // One interval for each cell of the grid, so each at a level that leaves the family at 99.9 %.
        double level = 1 - ((1 - Estimate.Level) / samples.Count);
        Estimate worst = samples
            .Select(cell => FailureProbability(cell.Value, Bound(cell.Key.K, cell.Key.Z, cell.Key.Sigma, delta), level))
            .MaxBy(estimate => estimate.Low);
        return Claim.NotAbove($"Probability that a bad set outlives n = (K ln|Z| + ln 1/δ)/σ samples, δ = {delta}: worst of {samples.Count} cells", "D", delta, worst);
    }

    private static IEnumerable<Claim> Slopes(Dictionary<(int Z, int K, double Sigma), int[]> samples)
    {
        const double Sigma = 0.1;
        const int Retained = 3;
        const int Universe = 32;
        yield return Growth(
            $"log|Z| (K = {Retained}, σ = {Sigma})", [.. Universes.Select(z => (Math.Log(z), (z, Retained, Sigma)))], Retained / Sigma);
        yield return Growth(
            $"|Z_ε| (|Z| = {Universe}, σ = {Sigma})", [.. GoodSizes.Select(k => ((double)k, (Universe, k, Sigma)))], Math.Log(Universe) / Sigma);
        yield return Growth(
            $"1/σ (|Z| = {Universe}, K = {Retained})", [.. BadShares.Select(s => (1 / s, (Universe, Retained, s)))], Retained * Math.Log(Universe));

        Claim Growth(string what, (double X, (int Z, int K, double Sigma) Cell)[] design, double boundSlope)
        {
            var draws = design.SelectMany(d => samples[d.Cell].Select(n => (d.X, Y: (double)n))).ToList();
            double predicted = Estimate.Slope([.. design.Select(d => d.X)], [.. design.Select(d => FirstMoment(d.Cell.Z, d.Cell.K, d.Cell.Sigma))]).Value;
            return Claim.Above(
                $"Samples needed grow with {what}: slope (first moment: {predicted:0.0}; the bound's: {boundSlope:0.0})", "S", 0,
                Estimate.Slope([.. draws.Select(d => d.X)], [.. draws.Select(d => d.Y)]));
        }
    }

    /// <summary>
    /// When the expected number of surviving sets without planted members falls to one, <c>C(|Z|−K, K)(1−σ)^n = 1</c>: a
    /// prediction for the planted family, not a bound.
    /// </summary>
    public static double FirstMoment(int abstractions, int goodSize, double badShare) =>
        SpecialFunctions.BinomialLn(abstractions - goodSize, goodSize) / -Math.Log(1 - badShare);

    // With K = 1 the |Z| − 1 bad sets fail independently, so the mean is known exactly: E max of geometric variables.
    private static Claim ExactMaximum(Dictionary<(int Z, int K, double Sigma), int[]> samples)
    {
        const int Universe = 64;
        const double Sigma = 0.1;
        double exact = 0;
        for (int n = 0; n < 2000; n++)
        {
            exact += 1 - Math.Pow(1 - Math.Pow(1 - Sigma, n), Universe - 1);
        }

        return Claim.Covers(
            $"Mean samples needed with K = 1, |Z| = {Universe}, σ = {Sigma}, beside its exact value", "D", exact,
            Estimate.Mean([.. samples[(Universe, 1, Sigma)].Select(n => (double)n)]));
    }

    // The same bound on random families of MDPs, where every V*_{M,Z'} is planned exactly and Z_ε is found by enumeration.
    private static IEnumerable<Claim> SolvedFamilies(int seeds, int seed)
    {
        const double Sigma = 0.1;
        const double Delta = 0.1;
        int families = Math.Max(2, seeds / 5);
        int runs = 20 * seeds;
        double level = 1 - ((1 - Estimate.Level) / families);
        Estimate worst = default;
        double worstExcess = double.NegativeInfinity;
        for (int f = 0; f < families; f++)
        {
            var family = SolvedFamily.Random(Sampling.Stream(seed, $"pruning/solved/{f}"), Sigma);
            int n = Bound(SolvedFamily.GoodSize, SolvedFamily.Universe, Sigma, Delta);
            var (failures, excess) = family.Prune(Sampling.Stream(seed, $"pruning/solved/{f}/tasks"), n, runs);
            Estimate failure = Estimate.Proportion(failures, runs, level);
            worst = failure.Low >= worst.Low ? failure : worst;
            worstExcess = Math.Max(worstExcess, excess);
        }

        yield return Claim.NotAbove(
            $"The same on {families} random MDP families with every set planned exactly (σ = {Sigma}, δ = {Delta}): worst", "D", Delta, worst);
        yield return Claim.AtMost(
            "Survivors of a successful pruning: E[V*_M − V*_{M,Z'}] − (ε + σ·V_max), largest", "D", 0, worstExcess);
    }

    private static List<Plot> Plots(Dictionary<(int Z, int K, double Sigma), int[]> samples)
    {
        const double Sigma = 0.1;
        const double Delta = 0.05;
        double Needed(int z, int k, double sigma)
        {
            // The smallest n after which at most a share δ of the trials still has a bad set.
            int[] sorted = samples[(z, k, sigma)];
            return sorted[(int)Math.Ceiling((1 - Delta) * sorted.Length) - 1];
        }

        List<Series> overUniverse = [], overShare = [];
        foreach (int k in (int[])[1, 2, 4])
        {
            double[] z = [.. Universes.Select(u => (double)u)];
            overUniverse.Add(new Series($"measured, |Zε| = {k}", z, [.. Universes.Select(u => Needed(u, k, Sigma))]));
            overUniverse.Add(new Series($"bound, |Zε| = {k}", z, [.. Universes.Select(u => (double)Bound(k, u, Sigma, Delta))]) { Predicted = true });
        }

        foreach (int z in (int[])[8, 64])
        {
            double[] x = [.. BadShares.Select(s => 1 / s)];
            overShare.Add(new Series($"measured, |Z| = {z}", x, [.. BadShares.Select(s => Needed(z, 3, s))]));
            overShare.Add(new Series($"bound, |Z| = {z}", x, [.. BadShares.Select(s => (double)Bound(3, z, s, Delta))]) { Predicted = true });
        }

        return
        [
            new Plot("pruning-universe", $"Expert samples that rule out every bad set with probability {1 - Delta} (σ = {Sigma})", "abstractions |Z|", "expert samples",
                "The planted family, where badness is known in closed form. Measured: the smallest number after which at most 5 % of the trials still had a bad set.", overUniverse) { LogX = true },
            new Plot("pruning-share", $"The same over the share of tasks on which a bad set fails (|Zε| = 3)", "1/σ", "expert samples",
                "A bad set that fails on fewer tasks takes longer to be caught.", overShare),
        ];
    }
}
