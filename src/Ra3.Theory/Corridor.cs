namespace Ra3.Theory;

/// <summary>
/// A corridor with its goal at the right end, tokens "left" and "right" that slip one time in ten, and abstractions that
/// repeat a token k times. Q-learning sees only samples.
/// </summary>
internal static class Corridor
{
    private const int Length = 25;
    private const double Slip = 0.1;
    private const double Discount = 0.98;
    private const double Exploration = 0.3;
    private const double Tolerance = 0.05;

    /// <summary>State <c>Length − 1</c> is the absorbing goal; entering it pays 1.</summary>
    public static TabularMdp Build()
    {
        double[][,] transition = [new double[Length, Length], new double[Length, Length]];
        double[,] reward = new double[Length, 2];
        int goal = Length - 1;
        for (int a = 0; a < 2; a++)
        {
            transition[a][goal, goal] = 1;
            for (int s = 0; s < goal; s++)
            {
                int left = Math.Max(0, s - 1);
                double toRight = a == 1 ? 1 - Slip : Slip;
                transition[a][s, s + 1] += toRight;
                transition[a][s, left] += 1 - toRight;
                reward[s, a] = s + 1 == goal ? toRight : 0;
            }
        }

        return new TabularMdp(transition, reward, Discount);
    }

    /// <summary>
    /// Learns with abstractions of <paramref name="duration"/> tokens until the greedy policy's exact value from the start
    /// state is within 5 % of the optimum among them; the learner itself never sees that value.
    /// </summary>
    /// <returns>Decisions (updates) and tokens spent, counted at the end of an episode.</returns>
    public static (int Decisions, int Tokens) Learn(Random random, int duration)
    {
        TabularMdp mdp = Build();
        OptionModel[] models = [.. Enumerable.Range(0, 2).Select(a => ActionAbstraction.Sequence([.. Enumerable.Repeat(a, duration)], Length).Model(mdp))];
        double goodEnough = (1 - Tolerance) * Planning.Optimal(models).Value[0];
        double[,] q = new double[Length, 2];
        int decisions = 0, tokens = 0;
        while (Planning.Evaluate(models, Greedy(q))[0] < goodEnough)
        {
            int state = 0;
            while (state != Length - 1)
            {
                bool explore = random.NextDouble() < Exploration || q[state, 0] == q[state, 1];
                int action = explore ? random.Next(2) : q[state, 1] > q[state, 0] ? 1 : 0;
                int next = state;
                double reward = 0, discount = 1;
                for (int i = 0; i < duration && next != Length - 1; i++)
                {
                    bool right = (action == 1) ^ (random.NextDouble() < Slip);
                    next = right ? next + 1 : Math.Max(0, next - 1);
                    reward += next == Length - 1 ? discount : 0;
                    discount *= Discount;
                    tokens++;
                }

                double target = reward + (discount * Math.Max(q[next, 0], q[next, 1]));
                q[state, action] += 0.2 * (target - q[state, action]);
                decisions++;
                state = next;
            }
        }

        return (decisions, tokens);
    }

    // Where nothing has been learned the greedy policy is uniform.
    private static double[][] Greedy(double[,] q) =>
        [.. Enumerable.Range(0, Length).Select(s => q[s, 0] == q[s, 1] ? (double[])[0.5, 0.5] : q[s, 1] > q[s, 0] ? [0, 1] : [1, 0])];
}
