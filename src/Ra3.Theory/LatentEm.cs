namespace Ra3.Theory;

/// <summary>
/// Exact EM on the toy: the lines are symbols, π is a table <c>emission[z][a]</c>, the E-step is the exact posterior and the
/// M-step is next-token prediction on the traces interleaved with it, which for a table is counting.
/// </summary>
internal static class LatentEm
{
    /// <summary>Traces sampled from a random model: an abstraction persists with probability α and prefers some symbols.</summary>
    public static int[][] SampleTraces(Random random, int traces, int lines, int abstractions, int symbols, double persistence)
    {
        double[][] emission = RandomEmission(random, abstractions, symbols);
        return [.. Enumerable.Range(0, traces).Select(_ =>
        {
            int z = 0;
            return Enumerable.Range(0, lines).Select(_ =>
            {
                z = random.NextDouble() < persistence ? z : random.Next(abstractions);
                return Sampling.Index(random, emission[z]);
            }).ToArray();
        })];
    }

    /// <summary>A random table with a few likely symbols a row: a sharpened point of the simplex.</summary>
    public static double[][] RandomEmission(Random random, int abstractions, int symbols) =>
        [.. Enumerable.Range(0, abstractions).Select(_ =>
        {
            double[] row = [.. Sampling.Simplex(random, symbols).Select(p => p * p)];
            double sum = row.Sum();
            return row.Select(p => p / sum).ToArray();
        })];

    /// <summary>The chain of one trace under a table.</summary>
    public static LatentChain Chain(int[] trace, double[][] emission, double persistence) =>
        new([.. trace.Select(symbol => emission.Select(row => Math.Log(row[symbol])).ToArray())], persistence);

    /// <summary>Total log-likelihood of the traces.</summary>
    public static double LogLikelihood(int[][] traces, double[][] emission, double persistence) =>
        traces.Sum(trace => Chain(trace, emission, persistence).LogLikelihood());

    /// <summary>One round: expected counts under the exact posterior, normalised.</summary>
    public static double[][] Round(int[][] traces, double[][] emission, double persistence)
    {
        double[][] counts = [.. emission.Select(row => new double[row.Length])];
        foreach (int[] trace in traces)
        {
            double[][][] q = Chain(trace, emission, persistence).Posterior();
            double[] marginal = new double[emission.Length];
            marginal[0] = 1;
            for (int t = 0; t < trace.Length; t++)
            {
                marginal = [.. Enumerable.Range(0, emission.Length).Select(z => marginal.Select((m, before) => m * q[t][before][z]).Sum())];
                for (int z = 0; z < emission.Length; z++)
                {
                    counts[z][trace[t]] += marginal[z];
                }
            }
        }

        return [.. counts.Select(row => row.Select(c => c / row.Sum()).ToArray())];
    }
}
