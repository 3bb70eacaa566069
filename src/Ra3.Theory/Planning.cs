using MathNet.Numerics.LinearAlgebra;

namespace Ra3.Theory;

/// <summary>Exact planning among a set of abstractions (an SMDP), given what each of them does.</summary>
internal static class Planning
{
    /// <summary>The tokens of <paramref name="mdp"/> as abstractions: planning among them is ordinary planning.</summary>
    public static OptionModel[] TokenModels(TabularMdp mdp) =>
        [.. Enumerable.Range(0, mdp.Tokens).Select(a => ActionAbstraction.Token(a, mdp.States).Model(mdp))];

    /// <summary><c>γ̄ = sup E[γ^τ | s, z]</c> (standing S).</summary>
    public static double MeanDiscount(IReadOnlyList<OptionModel> models) =>
        models.Max(model => Enumerable.Range(0, model.Reward.Length).Max(model.Discount));

    /// <summary>One value-iteration sweep: <c>(TV)(s) = max_z Q(s, z)</c>.</summary>
    public static double[] Sweep(IReadOnlyList<OptionModel> models, double[] value)
    {
        double[] result = new double[value.Length];
        for (int s = 0; s < value.Length; s++)
        {
            double best = double.NegativeInfinity;
            foreach (OptionModel model in models)
            {
                best = Math.Max(best, model.Value(s, value));
            }

            result[s] = best;
        }

        return result;
    }

    /// <summary>The optimal value <c>[s]</c> and a policy that attains it, by policy iteration with linear solves.</summary>
    public static (double[] Value, int[] Policy) Optimal(IReadOnlyList<OptionModel> models)
    {
        int states = models[0].Reward.Length;
        int[] policy = new int[states];
        while (true)
        {
            double[] value = Evaluate(models, policy);
            bool improved = false;
            for (int s = 0; s < states; s++)
            {
                // Rounding alone must not count as improvement, or two equal policies could alternate for ever.
                double threshold = value[s] + (1e-12 * Math.Max(1, Math.Abs(value[s])));
                for (int z = 0; z < models.Count; z++)
                {
                    double q = models[z].Value(s, value);
                    if (q > threshold)
                    {
                        (threshold, policy[s], improved) = (q, z, true);
                    }
                }
            }

            if (!improved)
            {
                return (value, policy);
            }
        }
    }

    /// <summary>The value <c>[s]</c> of choosing abstraction <c>policy[s]</c> in s.</summary>
    public static double[] Evaluate(IReadOnlyList<OptionModel> models, int[] policy) =>
        Solve(policy.Length, (s, t) => models[policy[s]].Next[s, t], s => models[policy[s]].Reward[s]);

    /// <summary>The value <c>[s]</c> of choosing abstraction z in s with probability <c>policy[s][z]</c>.</summary>
    public static double[] Evaluate(IReadOnlyList<OptionModel> models, double[][] policy) =>
        Solve(
            policy.Length,
            (s, t) => policy[s].Select((p, z) => p == 0 ? 0 : p * models[z].Next[s, t]).Sum(),
            s => policy[s].Select((p, z) => p * models[z].Reward[s]).Sum());

    /// <summary>
    /// The same value computed token by token, on the Markov chain over (state, abstraction, phase), without any
    /// <see cref="OptionModel"/>: an independent route to <c>V^π</c>.
    /// </summary>
    public static double[] EvaluateTokenByToken(TabularMdp mdp, IReadOnlyList<ActionAbstraction> abstractions, double[][] policy)
    {
        int n = mdp.States;
        int[] offset = new int[abstractions.Count];
        int size = n;
        for (int z = 0; z < abstractions.Count; z++)
        {
            offset[z] = size;
            size += abstractions[z].Phases * n;
        }

        // Unknowns: V(s), then U(z, phase, s), the value of being about to play the token of that phase in s.
        double[,] next = new double[size, size];
        double[] reward = new double[size];
        for (int z = 0; z < abstractions.Count; z++)
        {
            ActionAbstraction abstraction = abstractions[z];
            for (int s = 0; s < n; s++)
            {
                next[s, offset[z] + s] = policy[s][z];
            }

            for (int phase = 0; phase < abstraction.Phases; phase++)
            {
                int following = Math.Min(phase + 1, abstraction.Phases - 1);
                for (int s = 0; s < n; s++)
                {
                    int row = offset[z] + (phase * n) + s;
                    int action = abstraction.Actions[phase][s];
                    reward[row] = mdp.Reward[s, action];
                    for (int t = 0; t < n; t++)
                    {
                        double p = mdp.Discount * mdp.Transition[action][s, t];
                        next[row, t] += p * abstraction.Stop[phase][t];
                        next[row, offset[z] + (following * n) + t] += p * (1 - abstraction.Stop[phase][t]);
                    }
                }
            }
        }

        return Solve(size, (i, j) => next[i, j], i => reward[i])[..n];
    }

    /// <summary>
    /// Sufficient value-iteration sweeps from V = 0 (standing S): <c>N ≥ 1/(1−γ̄) · ln(R_max / (ε(1−γ̄)))</c>,
    /// where R_max bounds the reward of one decision, not of one token.
    /// </summary>
    public static double SweepBound(double meanDiscount, double maxDecisionReward, double epsilon) =>
        Math.Max(0, Math.Log(maxDecisionReward / (epsilon * (1 - meanDiscount))) / (1 - meanDiscount));

    /// <summary>How many sweeps from V = 0 bring <c>max_s |V(s) − V*(s)|</c> to at most <paramref name="epsilon"/>.</summary>
    public static int SweepsNeeded(IReadOnlyList<OptionModel> models, double epsilon)
    {
        double[] optimal = Optimal(models).Value;
        double[] value = new double[optimal.Length];
        int sweeps = 0;
        while (Distance(value, optimal) > epsilon)
        {
            value = Sweep(models, value);
            sweeps++;
        }

        return sweeps;
    }

    /// <summary><c>max_s |a(s) − b(s)|</c>.</summary>
    public static double Distance(double[] a, double[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();

    // v = r + F v.
    private static double[] Solve(int size, Func<int, int, double> next, Func<int, double> reward)
    {
        var system = Matrix<double>.Build.Dense(size, size, (i, j) => (i == j ? 1.0 : 0.0) - next(i, j));
        return [.. system.Solve(Vector<double>.Build.Dense(size, reward))];
    }
}
