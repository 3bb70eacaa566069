namespace Ra3.Theory;

/// <summary>
/// Total regret after a fixed budget of demonstrations and interactions, against the granularity k of the abstractions.
/// A program is 12 tokens: three idioms of four, each drawn from six that all tasks share. Reward comes only when the whole
/// program is right, as from tests. The retained set is every distinct k-token segment of the expert's demonstrations; a
/// policy-gradient learner then has a budget of episodes on a new task. k = 1 is tokens, k = 12 whole programs.
/// </summary>
internal static class AbstractionTradeOff
{
    /// <summary>Tokens in a program.</summary>
    public const int ProgramLength = 12;

    /// <summary>Tokens in an idiom: the granularity named in advance as the best.</summary>
    public const int IdiomLength = 4;

    /// <summary>The granularities compared: the divisors of the program length.</summary>
    public static readonly int[] Granularities = [1, 2, 3, 4, 6, 12];

    private const int Idioms = 6;
    private const int Demonstrations = 12;
    private const int TestTasks = 8;
    private const double Discount = 0.99;
    private static readonly int[] Budgets = [300, 1000, 3000];
    private const int ClaimedBudget = 1;

    /// <summary>Runs the experiment.</summary>
    public static ExperimentResult Run(int seeds, int seed)
    {
        // [granularity][seed]
        double[][] pruning = [.. Granularities.Select(_ => new double[seeds])];
        double[][][] total = [.. Budgets.Select(_ => Granularities.Select(_ => new double[seeds]).ToArray())];
        for (int i = 0; i < seeds; i++)
        {
            Random random = Sampling.Stream(seed, $"tradeoff/{i}");
            int[][] idioms = DrawIdioms(random);
            int[][] demonstrations = [.. Enumerable.Range(0, Demonstrations).Select(_ => Demonstrate(Task(DrawProgram(random, idioms))))];
            int[][] tests = [.. Enumerable.Range(0, TestTasks).Select(_ => DrawProgram(random, idioms))];
            for (int g = 0; g < Granularities.Length; g++)
            {
                int k = Granularities[g];
                ActionAbstraction[] retained = Retain(demonstrations, k);
                foreach (int[] program in tests)
                {
                    Outcome outcome = Solve(Sampling.Stream(seed, $"tradeoff/{i}/{k}/{string.Concat(program)}"), program, retained, k);
                    pruning[g][i] += outcome.PruningError / TestTasks;
                    for (int b = 0; b < Budgets.Length; b++)
                    {
                        total[b][g][i] += (outcome.PruningError + outcome.LearningError[b]) / TestTasks;
                    }
                }
            }
        }

        return new ExperimentResult(Claims(pruning, total[ClaimedBudget], seeds), Plots(pruning, total, seeds));
    }

    /// <summary>What is left of the regret, from the start state, normalised by the optimum <c>V*_M</c>.</summary>
    /// <param name="PruningError"><c>(V*_M − V*_{M,Z'}) / V*_M</c>.</param>
    /// <param name="LearningError"><c>(V*_{M,Z'} − V^π_M) / V*_M</c> at each budget.</param>
    public readonly record struct Outcome(double PruningError, double[] LearningError);

    /// <summary>
    /// The task of writing <paramref name="program"/>: state p means the first p tokens are right; the last-but-one state is
    /// success, the last is failure, both absorbing. Reward 1 on success.
    /// </summary>
    public static TabularMdp Task(int[] program)
    {
        int states = ProgramLength + 2;
        int failed = ProgramLength + 1;
        double[][,] transition = [new double[states, states], new double[states, states]];
        double[,] reward = new double[states, 2];
        for (int token = 0; token < 2; token++)
        {
            for (int p = 0; p < ProgramLength; p++)
            {
                transition[token][p, program[p] == token ? p + 1 : failed] = 1;
            }

            transition[token][ProgramLength, ProgramLength] = transition[token][failed, failed] = 1;
            reward[ProgramLength - 1, token] = program[^1] == token ? 1 : 0;
        }

        return new TabularMdp(transition, reward, Discount);
    }

    /// <summary>The optimal expert's tokens, from planning.</summary>
    public static int[] Demonstrate(TabularMdp task) => Planning.Optimal(Planning.TokenModels(task)).Policy[..ProgramLength];

    /// <summary>Every distinct k-token segment, cut at multiples of k.</summary>
    public static ActionAbstraction[] Retain(int[][] demonstrations, int k) =>
        [.. demonstrations.SelectMany(tokens => tokens.Chunk(k)).DistinctBy(string.Concat)
            .Select(segment => ActionAbstraction.Sequence(segment, ProgramLength + 2))];

    /// <summary>Plans exactly among the retained abstractions, then learns from episodes: REINFORCE on softmax logits, one set a position.</summary>
    public static Outcome Solve(Random random, int[] program, ActionAbstraction[] retained, int k)
    {
        TabularMdp task = Task(program);
        double optimum = Planning.Optimal(Planning.TokenModels(task)).Value[0];
        OptionModel[] models = [.. retained.Select(z => z.Model(task))];
        double attainable = Planning.Optimal(models).Value[0];
        double pruningError = (optimum - attainable) / optimum;
        if (attainable == 0)
        {
            return new Outcome(pruningError, new double[Budgets.Length]);
        }

        int positions = ProgramLength / k;
        double[][] logits = [.. Enumerable.Range(0, positions).Select(_ => new double[retained.Length])];
        double[][] policy = [.. logits.Select(row => Sampling.Softmax(row))];
        bool[][] right = [.. Enumerable.Range(0, positions).Select(p => models.Select(m => m.Next[p * k, (p + 1) * k] > 0).ToArray())];
        double[] errors = new double[Budgets.Length];
        double baseline = 0;
        int[] chosen = new int[positions];
        int budget = 0;
        for (int episode = 1; episode <= Budgets[^1]; episode++)
        {
            // A program is written out whole, so every episode costs the same tokens; what follows the first error cannot matter.
            int p = 0;
            while (p < positions && right[p][chosen[p] = Sampling.Index(random, policy[p])])
            {
                p++;
            }

            double reward = p == positions ? 1 : 0;
            if (reward != baseline)
            {
                for (int q = 0; q < Math.Min(p + 1, positions); q++)
                {
                    for (int z = 0; z < retained.Length; z++)
                    {
                        logits[q][z] += (reward - baseline) * ((z == chosen[q] ? 1 : 0) - policy[q][z]);
                    }

                    policy[q] = Sampling.Softmax(logits[q]);
                }
            }

            baseline += 0.05 * (reward - baseline);
            if (episode == Budgets[budget])
            {
                errors[budget++] = (attainable - Attained(models, policy, k)) / optimum;
            }
        }

        return new Outcome(pruningError, errors);
    }

    // Off the cut positions the policy is never asked; any choice will do there.
    private static double Attained(OptionModel[] models, double[][] policy, int k)
    {
        double[] anything = new double[models.Length];
        anything[0] = 1;
        return Planning.Evaluate(models, [.. Enumerable.Range(0, ProgramLength + 2)
            .Select(s => s < ProgramLength && s % k == 0 ? policy[s / k] : anything)])[0];
    }

    private static int[][] DrawIdioms(Random random)
    {
        int[] all = [.. Enumerable.Range(0, 1 << IdiomLength)];
        random.Shuffle(all);
        return [.. all[..Idioms].Select(bits => Enumerable.Range(0, IdiomLength).Select(i => (bits >> i) & 1).ToArray())];
    }

    private static int[] DrawProgram(Random random, int[][] idioms) =>
        [.. Enumerable.Range(0, ProgramLength / IdiomLength).SelectMany(_ => idioms[random.Next(Idioms)])];

    private static List<Claim> Claims(double[][] pruning, double[][] total, int seeds)
    {
        // Along a chain of divisors a coarser program is a concatenation of finer ones, so this is exact, seed by seed.
        double fall = double.NegativeInfinity;
        for (int fine = 0; fine < Granularities.Length; fine++)
        {
            for (int coarse = fine + 1; coarse < Granularities.Length; coarse++)
            {
                if (Granularities[coarse] % Granularities[fine] == 0)
                {
                    fall = Math.Max(fall, Enumerable.Range(0, seeds).Max(i => pruning[fine][i] - pruning[coarse][i]));
                }
            }
        }

        int idiom = Array.IndexOf(Granularities, IdiomLength);
        return
        [
            Claim.AtMost("Pruning error never falls from a granularity to its multiple: largest fall", "D", 0, fall),
            Claim.Above($"Tokens (k = 1) keep more regret than idioms (k = {IdiomLength}) after {Budgets[ClaimedBudget]} episodes: mean difference", "D", 0, Estimate.Mean([.. total[0].Zip(total[idiom], (a, b) => a - b)])),
            Claim.Above($"Whole programs (k = {ProgramLength}) keep more regret than idioms: mean difference", "D", 0, Estimate.Mean([.. total[^1].Zip(total[idiom], (a, b) => a - b)])),
        ];
    }

    private static List<Plot> Plots(double[][] pruning, double[][][] total, int seeds)
    {
        double[] x = [.. Granularities.Select(k => (double)k)];
        Series Curve(string name, double[][] draws)
        {
            Estimate[] e = [.. draws.Select(d => Estimate.Mean(d))];
            return new Series(name, x, [.. e.Select(v => v.Value)], [.. e.Select(v => v.Low)], [.. e.Select(v => v.High)]);
        }

        return
        [
            new Plot(
                "tradeoff", $"Regret left after {Demonstrations} demonstrations, mean over {seeds} seeds (1 = nothing solved)",
                "tokens per abstraction k (idioms have 4, programs 12)", "regret / V*",
                "Too fine, and few episodes find a whole right program; too coarse, and the demonstrations do not hold the pieces of a new one. The best granularity is that of the idioms which the tasks share, by construction of this family.",
                [Curve("pruning error alone", pruning), .. Budgets.Select((episodes, b) => Curve($"total after {episodes} episodes", total[b]))]) { LogX = true },
        ];
    }
}
