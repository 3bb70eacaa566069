namespace Ra3.Theory;

/// <summary>
/// A toy of the temporal latent-variable model, small enough to enumerate: at each of T lines an abstraction z_t from Z is
/// active, with prior <c>p(z_t | z_{t−1}) = α·1[z_t = z_{t−1}] + (1−α)/|Z|</c> (standing S), and the line that was written
/// there has log-probability <c>logProb[t][z]</c> under it. z_0 is abstraction 0: plain next-token prediction.
/// </summary>
/// <param name="LogProb"><c>[t][z]</c>: log π(a_t | s_t, z), in nats.</param>
/// <param name="Persistence">α in [0, 1].</param>
internal sealed record LatentChain(double[][] LogProb, double Persistence)
{
    public int Lines => LogProb.Length;

    public int Abstractions => LogProb[0].Length;

    /// <summary><c>Σ_t log π(a_t | s_t, z_0)</c>: the log-likelihood without latents.</summary>
    public double NextTokenPrediction => LogProb.Sum(row => row[0]);

    /// <summary>Random log-probabilities: standard normal, minus 2.</summary>
    public static LatentChain Random(Random random, int lines, int abstractions, double persistence) =>
        new([.. Enumerable.Range(0, lines).Select(_ => Enumerable.Range(0, abstractions)
            .Select(_ => MathNet.Numerics.Distributions.Normal.Sample(random, -2, 1)).ToArray())], persistence);

    /// <summary><c>ln p(z_t | z_{t−1})</c>.</summary>
    public double LogPrior(int previous, int current) =>
        Math.Log((current == previous ? Persistence : 0) + ((1 - Persistence) / Abstractions));

    /// <summary><c>ln Σ_z p(z) Π_t π(a_t | s_t, z_t)</c>, by the forward recursion.</summary>
    public double LogLikelihood()
    {
        double[] forward = [.. Enumerable.Range(0, Abstractions).Select(z => LogPrior(0, z) + LogProb[0][z])];
        for (int t = 1; t < Lines; t++)
        {
            double[] previous = forward;
            forward = [.. Enumerable.Range(0, Abstractions).Select(z =>
                LogProb[t][z] + Sampling.LogSumExp([.. previous.Select((f, before) => f + LogPrior(before, z))]))];
        }

        return Sampling.LogSumExp(forward);
    }

    /// <summary>All <c>|Z|^T</c> latent paths.</summary>
    public int[][] Paths() => Enumerate(Lines, Abstractions);

    /// <summary>All sequences of <paramref name="length"/> numbers below <paramref name="symbols"/>.</summary>
    public static int[][] Enumerate(int length, int symbols)
    {
        IEnumerable<int[]> paths = [[]];
        for (int t = 0; t < length; t++)
        {
            paths = paths.SelectMany(path => Enumerable.Range(0, symbols).Select(z => (int[])[.. path, z]));
        }

        return [.. paths];
    }

    /// <summary><c>ln p(z, a)</c> of a path.</summary>
    public double LogJoint(int[] path)
    {
        double sum = 0;
        int previous = 0;
        for (int t = 0; t < Lines; t++)
        {
            sum += LogPrior(previous, path[t]) + LogProb[t][path[t]];
            previous = path[t];
        }

        return sum;
    }

    /// <summary><c>Σ_t log π(a_t | s_t, z_t)</c> of a path.</summary>
    public double PathLogProb(int[] path) => path.Select((z, t) => LogProb[t][z]).Sum();

    /// <summary>How often a path switches, starting from z_0 = 0.</summary>
    public static int Switches(int[] path) => path.Select((z, t) => z != (t == 0 ? 0 : path[t - 1]) ? 1 : 0).Sum();

    /// <summary>
    /// The temporal ELBO (standing S), line by line: <c>E_q[Σ_t log π(a_t | s_t, z_t) − KL(q(z_t | t, z_{t−1}) ‖ p(z_t | z_{t−1}))]</c>.
    /// </summary>
    /// <param name="q"><c>[t][z_{t−1}][z_t]</c>.</param>
    public double Elbo(double[][][] q)
    {
        double sum = 0;
        double[] marginal = new double[Abstractions];
        marginal[0] = 1;
        for (int t = 0; t < Lines; t++)
        {
            double[] next = new double[Abstractions];
            for (int before = 0; before < Abstractions; before++)
            {
                for (int z = 0; z < Abstractions; z++)
                {
                    double p = q[t][before][z];
                    if (p > 0 && marginal[before] > 0)
                    {
                        sum += marginal[before] * p * (LogProb[t][z] - (Math.Log(p) - LogPrior(before, z)));
                        next[z] += marginal[before] * p;
                    }
                }
            }

            marginal = next;
        }

        return sum;
    }

    /// <summary>The exact posterior as such a chain, by the backward recursion: <c>p(z_t | z_{t−1}, a_{t..T})</c>.</summary>
    public double[][][] Posterior()
    {
        double[][][] q = new double[Lines][][];
        double[] backward = new double[Abstractions];
        for (int t = Lines - 1; t >= 0; t--)
        {
            double[] after = backward;
            double[][] scores = [.. Enumerable.Range(0, Abstractions).Select(before => Enumerable.Range(0, Abstractions)
                .Select(z => LogPrior(before, z) + LogProb[t][z] + after[z]).ToArray())];
            q[t] = [.. scores.Select(row => Sampling.Softmax(row))];
            backward = [.. scores.Select(row => Sampling.LogSumExp(row))];
        }

        return q;
    }

    /// <summary>The probability of a path under a chain <c>q[t][z_{t−1}][z_t]</c>.</summary>
    public static double PathProbability(double[][][] q, int[] path) =>
        path.Select((z, t) => q[t][t == 0 ? 0 : path[t - 1]][z]).Aggregate(1.0, (product, p) => product * p);

    /// <summary>A random chain.</summary>
    public double[][][] RandomChain(Random random) =>
        [.. Enumerable.Range(0, Lines).Select(_ => Enumerable.Range(0, Abstractions).Select(_ => Sampling.Simplex(random, Abstractions)).ToArray())];
}
