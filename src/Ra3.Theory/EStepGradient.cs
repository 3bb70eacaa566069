namespace Ra3.Theory;

/// <summary>How the return of a rollout is centred within its group.</summary>
internal enum GroupBaseline
{
    /// <summary>Mean return of the other rollouts: unbiased.</summary>
    LeaveOneOut,

    /// <summary>Mean return of the whole group: shrinks the gradient by (G−1)/G.</summary>
    InclusiveMean,
}

/// <summary>
/// The RL E-step on the toy (standing S): q is softmax tables <c>logits[t][z_{t−1}][z_t]</c>, the reward of a line is
/// <c>r_t = log π(a_t | s_t, z_t) − c·1[z_t ≠ z_{t−1}]</c>, the objective <c>J = E_q[Σ_t r_t]</c>.
/// </summary>
internal sealed class EStepGradient
{
    private readonly double[][][] policy;

    /// <param name="chain">The model; its α plays no part, c takes its place.</param>
    /// <param name="cost">c.</param>
    /// <param name="logits">θ, <c>[t][z_{t−1}][z_t]</c>.</param>
    public EStepGradient(LatentChain chain, double cost, double[][][] logits)
    {
        (Chain, Cost, Logits) = (chain, cost, logits);
        policy = [.. logits.Select(line => line.Select(row => Sampling.Softmax(row)).ToArray())];
    }

    /// <summary>The model.</summary>
    public LatentChain Chain { get; }

    /// <summary>c.</summary>
    public double Cost { get; }

    /// <summary>θ, <c>[t][z_{t−1}][z_t]</c>.</summary>
    public double[][][] Logits { get; }

    /// <summary>Random logits, standard normal.</summary>
    public static EStepGradient Random(Random random, LatentChain chain, double cost) =>
        new(chain, cost, [.. Enumerable.Range(0, chain.Lines).Select(_ => Enumerable.Range(0, chain.Abstractions).Select(_ => Enumerable.Range(0, chain.Abstractions)
            .Select(_ => MathNet.Numerics.Distributions.Normal.Sample(random, 0, 1)).ToArray()).ToArray())]);

    /// <summary>J.</summary>
    public double Objective() => Chain.Paths().Sum(path => Probability(path) * Returns(path)[0]);

    /// <summary>The probability of a latent path under q.</summary>
    public double Probability(int[] path) => LatentChain.PathProbability(policy, path);

    /// <summary>A latent path drawn from q.</summary>
    public int[] Sample(Random random)
    {
        int[] path = new int[Chain.Lines];
        int previous = 0;
        for (int t = 0; t < path.Length; t++)
        {
            previous = path[t] = Sampling.Index(random, policy[t][previous]);
        }

        return path;
    }

    /// <summary>Return-to-go of each line, without discount: <c>Σ_{u ≥ t} r_u</c>.</summary>
    public double[] Returns(int[] path)
    {
        double[] returns = new double[path.Length];
        double sum = 0;
        for (int t = path.Length - 1; t >= 0; t--)
        {
            bool switches = path[t] != (t == 0 ? 0 : path[t - 1]);
            returns[t] = sum += Chain.LogProb[t][path[t]] - (switches ? Cost : 0);
        }

        return returns;
    }

    /// <summary>∇J by dynamic programming, flattened over [t][z_{t−1}][z_t].</summary>
    public double[] Exact()
    {
        int size = Chain.Abstractions;
        double[][] visits = new double[Chain.Lines][];
        visits[0] = new double[size];
        visits[0][0] = 1;
        for (int t = 1; t < Chain.Lines; t++)
        {
            visits[t] = [.. Enumerable.Range(0, size).Select(z => visits[t - 1].Select((v, before) => v * policy[t - 1][before][z]).Sum())];
        }

        double[] gradient = new double[Chain.Lines * size * size];
        double[] value = new double[size];
        for (int t = Chain.Lines - 1; t >= 0; t--)
        {
            double[] current = new double[size];
            for (int before = 0; before < size; before++)
            {
                double[] q = [.. Enumerable.Range(0, size).Select(z => Chain.LogProb[t][z] - (z == before ? 0 : Cost) + value[z])];
                current[before] = q.Select((x, z) => policy[t][before][z] * x).Sum();
                for (int z = 0; z < size; z++)
                {
                    gradient[(((t * size) + before) * size) + z] = visits[t][before] * policy[t][before][z] * (q[z] - current[before]);
                }
            }

            value = current;
        }

        return gradient;
    }

    /// <summary>The score-function estimate from one group of rollouts: return-to-go, centred line by line within the group.</summary>
    /// <returns>Flattened over [t][z_{t−1}][z_t].</returns>
    public double[] Estimate(int[][] group, GroupBaseline baseline)
    {
        int size = Chain.Abstractions;
        double[] gradient = new double[Chain.Lines * size * size];
        double[][] returns = [.. group.Select(Returns)];
        for (int t = 0; t < Chain.Lines; t++)
        {
            double sum = returns.Sum(r => r[t]);
            for (int i = 0; i < group.Length; i++)
            {
                double own = returns[i][t];
                double centre = baseline == GroupBaseline.InclusiveMean ? sum / group.Length : (sum - own) / (group.Length - 1);
                int before = t == 0 ? 0 : group[i][t - 1];
                for (int z = 0; z < size; z++)
                {
                    double score = (z == group[i][t] ? 1 : 0) - policy[t][before][z];
                    gradient[(((t * size) + before) * size) + z] += (own - centre) * score / group.Length;
                }
            }
        }

        return gradient;
    }

    /// <summary>The estimator's expectation, by enumerating every group of <paramref name="groupSize"/> paths.</summary>
    public double[] Expected(int groupSize, GroupBaseline baseline)
    {
        int[][] paths = Chain.Paths();
        double[] probability = [.. paths.Select(Probability)];
        double[] expected = new double[Chain.Lines * Chain.Abstractions * Chain.Abstractions];
        foreach (int[] group in LatentChain.Enumerate(groupSize, paths.Length))
        {
            double weight = group.Aggregate(1.0, (product, i) => product * probability[i]);
            double[] estimate = Estimate([.. group.Select(i => paths[i])], baseline);
            for (int j = 0; j < expected.Length; j++)
            {
                expected[j] += weight * estimate[j];
            }
        }

        return expected;
    }
}
