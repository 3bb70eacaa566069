namespace Ra3.Theory;

/// <summary>A finite Markov decision process, small enough to solve exactly.</summary>
internal sealed class TabularMdp
{
    /// <param name="transition">One row-stochastic matrix per token: <c>transition[a][s, s']</c>.</param>
    /// <param name="reward">Expected reward <c>[s, a]</c> of one token.</param>
    /// <param name="discount">γ per token, in (0, 1).</param>
    /// <exception cref="ArgumentException">Shapes disagree, a row does not sum to 1, or γ is outside (0, 1).</exception>
    public TabularMdp(double[][,] transition, double[,] reward, double discount)
    {
        if (discount is not (> 0 and < 1))
        {
            throw new ArgumentException($"The discount must lie strictly between 0 and 1, but is {discount}.", nameof(discount));
        }

        int states = reward.GetLength(0);
        if (transition.Length != reward.GetLength(1))
        {
            throw new ArgumentException($"There are {transition.Length} transition matrices but rewards for {reward.GetLength(1)} tokens.", nameof(transition));
        }

        foreach (double[,] matrix in transition)
        {
            if (matrix.GetLength(0) != states || matrix.GetLength(1) != states)
            {
                throw new ArgumentException($"Each transition matrix must be {states}×{states}.", nameof(transition));
            }

            for (int s = 0; s < states; s++)
            {
                double sum = 0;
                for (int next = 0; next < states; next++)
                {
                    sum += matrix[s, next] >= 0 ? matrix[s, next] : double.NaN;
                }

                if (!(Math.Abs(sum - 1) < 1e-9))
                {
                    throw new ArgumentException($"Transition probabilities out of state {s} must be non-negative and sum to 1.", nameof(transition));
                }
            }
        }

        (Transition, Reward, Discount) = (transition, reward, discount);
    }

    public int States => Reward.GetLength(0);

    public int Tokens => Transition.Length;

    /// <summary><c>[a][s, s']</c>.</summary>
    public double[][,] Transition { get; }

    /// <summary><c>[s, a]</c>.</summary>
    public double[,] Reward { get; }

    /// <summary>γ.</summary>
    public double Discount { get; }

    /// <summary>The same process with every reward multiplied by <paramref name="factor"/>.</summary>
    public TabularMdp ScaleRewards(double factor)
    {
        double[,] scaled = (double[,])Reward.Clone();
        for (int s = 0; s < States; s++)
        {
            for (int a = 0; a < Tokens; a++)
            {
                scaled[s, a] *= factor;
            }
        }

        return new TabularMdp(Transition, scaled, Discount);
    }

    /// <summary>
    /// A random process: each (state, token) leads to three random states with random weights; rewards in [0, 1],
    /// mostly small, so that a good plan is worth finding.
    /// </summary>
    public static TabularMdp Random(Random random, int states, int tokens, double discount)
    {
        const int Successors = 3;
        double[][,] transition = new double[tokens][,];
        double[,] reward = new double[states, tokens];
        for (int a = 0; a < tokens; a++)
        {
            transition[a] = new double[states, states];
            for (int s = 0; s < states; s++)
            {
                double[] weights = Sampling.Simplex(random, Successors);
                for (int i = 0; i < Successors; i++)
                {
                    transition[a][s, random.Next(states)] += weights[i];
                }

                reward[s, a] = Math.Pow(random.NextDouble(), 4);
            }
        }

        return new TabularMdp(transition, reward, discount);
    }
}
