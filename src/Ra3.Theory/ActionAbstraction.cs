using MathNet.Numerics.LinearAlgebra;

namespace Ra3.Theory;

/// <summary>
/// An action abstraction (RA3 §1, standing S): a Markov option that runs tokens for a random duration τ.
/// It moves through phases; in phase i it plays <c>actions[i][s]</c>, then stops on arriving in <c>s'</c> with probability
/// <c>stop[i][s']</c>, else goes on to the next phase. The last phase repeats until it stops.
/// </summary>
/// <param name="Actions"><c>[phase][state]</c>: the token played.</param>
/// <param name="Stop"><c>[phase][state]</c>: probability of stopping on arrival.</param>
internal sealed record ActionAbstraction(int[][] Actions, double[][] Stop)
{
    public int Phases => Actions.Length;

    /// <summary>A single token, τ = 1.</summary>
    public static ActionAbstraction Token(int token, int states) => Sequence([token], states);

    /// <summary>The tokens one after another whatever happens, τ = their number.</summary>
    public static ActionAbstraction Sequence(IReadOnlyList<int> tokens, int states) =>
        FixedDuration([.. tokens.Select(token => Enumerable.Repeat(token, states).ToArray())]);

    /// <summary>One state-dependent policy per step, τ = their number.</summary>
    public static ActionAbstraction FixedDuration(int[][] policies) =>
        new(policies, [.. policies.Select((_, i) => Enumerable.Repeat(i == policies.Length - 1 ? 1.0 : 0.0, policies[0].Length).ToArray())]);

    /// <summary>One state-dependent policy that stops on arriving in s with probability <c>stop[s]</c>: a random duration.</summary>
    public static ActionAbstraction RandomDuration(int[] policy, double[] stop) => new([policy], [stop]);

    /// <summary>A random policy that runs exactly <paramref name="duration"/> steps.</summary>
    public static ActionAbstraction RandomFixed(Random random, TabularMdp mdp, int duration)
    {
        int[] policy = RandomPolicy(random, mdp);
        return FixedDuration([.. Enumerable.Repeat(policy, duration)]);
    }

    /// <summary>A random policy with random stopping probabilities in [0.1, 1].</summary>
    public static ActionAbstraction RandomStopping(Random random, TabularMdp mdp) =>
        RandomDuration(RandomPolicy(random, mdp), [.. Enumerable.Range(0, mdp.States).Select(_ => 0.1 + (0.9 * random.NextDouble()))]);

    /// <summary>What running this abstraction once does in <paramref name="mdp"/>, exactly: backward through the phases, the repeating last one by a linear solve.</summary>
    public OptionModel Model(TabularMdp mdp)
    {
        int n = mdp.States;
        var (reward, next) = Step(mdp, Phases - 1);
        double[] stop = Stop[^1];
        if (stop.Any(p => p < 1))
        {
            // U = r + γP[(1−β)U], F = γP[β + (1−β)F].
            Matrix<double> step = Matrix<double>.Build.DenseOfArray(next);
            Matrix<double> goOn = Matrix<double>.Build.Dense(n, n, (s, t) => next[s, t] * (1 - stop[t]));
            var solver = (Matrix<double>.Build.DenseIdentity(n) - goOn).LU();
            reward = [.. solver.Solve(Vector<double>.Build.Dense(reward))];
            next = solver.Solve(Matrix<double>.Build.Dense(n, n, (s, t) => step[s, t] * stop[t])).ToArray();
        }

        for (int phase = Phases - 2; phase >= 0; phase--)
        {
            var (r, move) = Step(mdp, phase);
            double[,] through = new double[n, n];
            for (int s = 0; s < n; s++)
            {
                for (int t = 0; t < n; t++)
                {
                    double p = move[s, t];
                    if (p == 0)
                    {
                        continue;
                    }

                    double goOn = p * (1 - Stop[phase][t]);
                    r[s] += goOn * reward[t];
                    through[s, t] += p * Stop[phase][t];
                    for (int u = 0; u < n && goOn > 0; u++)
                    {
                        through[s, u] += goOn * next[t, u];
                    }
                }
            }

            (reward, next) = (r, through);
        }

        return new OptionModel(reward, next);
    }

    private (double[] Reward, double[,] Next) Step(TabularMdp mdp, int phase)
    {
        int n = mdp.States;
        double[] reward = new double[n];
        double[,] next = new double[n, n];
        for (int s = 0; s < n; s++)
        {
            int action = Actions[phase][s];
            reward[s] = mdp.Reward[s, action];
            for (int t = 0; t < n; t++)
            {
                next[s, t] = mdp.Discount * mdp.Transition[action][s, t];
            }
        }

        return (reward, next);
    }

    private static int[] RandomPolicy(Random random, TabularMdp mdp) =>
        [.. Enumerable.Range(0, mdp.States).Select(_ => random.Next(mdp.Tokens))];
}

/// <summary>What one run of an abstraction does, seen from each state in which it may start.</summary>
/// <param name="Reward"><c>[s]</c>: expected discounted reward until it stops.</param>
/// <param name="Next"><c>[s, s']</c>: <c>E[γ^τ 1(stops in s')]</c>.</param>
internal sealed record OptionModel(double[] Reward, double[,] Next)
{
    /// <summary><c>E[γ^τ | s]</c>.</summary>
    public double Discount(int state)
    {
        double sum = 0;
        for (int t = 0; t < Reward.Length; t++)
        {
            sum += Next[state, t];
        }

        return sum;
    }

    /// <summary><c>Q(s, z) = r(s) + Σ E[γ^τ 1(s')] V(s')</c>.</summary>
    public double Value(int state, double[] value)
    {
        double q = Reward[state];
        for (int t = 0; t < value.Length; t++)
        {
            q += Next[state, t] * value[t];
        }

        return q;
    }
}
