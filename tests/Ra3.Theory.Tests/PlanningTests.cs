using CsCheck;

namespace Ra3.Theory.Tests;

public sealed class PlanningTests
{
    private static readonly Gen<int> Seeds = Gen.Int[0, 1_000_000];

    [Fact]
    public void Among_tokens_policy_iteration_finds_the_best_of_all_policies() => Seeds.Sample(
        seed =>
        {
            TabularMdp mdp = TabularMdp.Random(new Random(seed), states: 4, tokens: 3, discount: 0.9);
            OptionModel[] models = Planning.TokenModels(mdp);
            double[] best = [.. LatentChain.Enumerate(4, 3).Select(policy => Planning.Evaluate(models, policy))
                .Aggregate((a, b) => [.. a.Zip(b, Math.Max)])];
            Planning.Distance(Planning.Optimal(models).Value, best).Should().BeLessThan(1e-10);
        },
        iter: 20);

    [Fact]
    public void The_optimum_is_the_fixed_point_of_a_sweep_and_no_policy_beats_it() => Seeds.Sample(
        seed =>
        {
            var (random, mdp, abstractions) = Instance(seed);
            OptionModel[] models = [.. abstractions.Select(z => z.Model(mdp))];
            var (value, policy) = Planning.Optimal(models);
            Planning.Distance(Planning.Sweep(models, value), value).Should().BeLessThan(1e-10);
            Planning.Distance(Planning.Evaluate(models, policy), value).Should().BeLessThan(1e-10);
            double[] other = Planning.Evaluate(models, RandomPolicy(random, mdp.States, abstractions.Length));
            other.Zip(value, (o, v) => o - v).Max().Should().BeLessThan(1e-10);
        },
        iter: 50);

    [Fact]
    public void Evaluating_among_abstractions_equals_evaluating_token_by_token() => Seeds.Sample(
        seed =>
        {
            var (random, mdp, abstractions) = Instance(seed);
            double[][] policy = RandomPolicy(random, mdp.States, abstractions.Length);
            double[] among = Planning.Evaluate([.. abstractions.Select(z => z.Model(mdp))], policy);
            Planning.Distance(among, Planning.EvaluateTokenByToken(mdp, abstractions, policy)).Should().BeLessThan(1e-10);
        },
        iter: 50);

    [Fact]
    public void An_option_model_is_what_simulation_shows()
    {
        var (random, mdp, abstractions) = Instance(3);
        foreach (ActionAbstraction z in abstractions[^2..])
        {
            OptionModel model = z.Model(mdp);
            List<double> rewards = [], discounts = [];
            for (int i = 0; i < 20_000; i++)
            {
                int state = 0, phase = 0;
                double reward = 0, discount = 1;
                while (true)
                {
                    int action = z.Actions[phase][state];
                    reward += discount * mdp.Reward[state, action];
                    discount *= mdp.Discount;
                    int from = state;
                    state = Sampling.Index(random, [.. Enumerable.Range(0, mdp.States).Select(s => mdp.Transition[action][from, s])]);
                    if (random.NextDouble() < z.Stop[phase][state])
                    {
                        break;
                    }

                    phase = Math.Min(phase + 1, z.Phases - 1);
                }

                rewards.Add(reward);
                discounts.Add(discount);
            }

            Estimate meanReward = Estimate.Mean(rewards), meanDiscount = Estimate.Mean(discounts);
            model.Reward[0].Should().BeInRange(meanReward.Low, meanReward.High);
            model.Discount(0).Should().BeInRange(meanDiscount.Low - 1e-12, meanDiscount.High + 1e-12);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public void With_every_duration_k_the_mean_discount_and_the_contraction_are_gamma_to_the_k(int k)
    {
        Random random = new(k);
        TabularMdp mdp = TabularMdp.Random(random, states: 6, tokens: 2, discount: 0.9);
        OptionModel[] models = [.. Enumerable.Range(0, 3).Select(_ => ActionAbstraction.RandomFixed(random, mdp, k).Model(mdp))];
        Planning.MeanDiscount(models).Should().BeApproximately(Math.Pow(0.9, k), 1e-12);
        Convergence.MeasuredContraction(random, models).Should().BeApproximately(Math.Pow(0.9, k), 1e-9);
    }

    [Fact]
    public void A_geometric_duration_discounts_by_its_closed_form()
    {
        const double Gamma = 0.9, Stop = 0.25;
        TabularMdp loop = new([new double[,] { { 1 } }], new double[,] { { 1 } }, Gamma);
        OptionModel model = ActionAbstraction.RandomDuration([0], [Stop]).Model(loop);
        model.Discount(0).Should().BeApproximately(Gamma * Stop / (1 - (Gamma * (1 - Stop))), 1e-12);
        model.Reward[0].Should().BeApproximately(1 / (1 - (Gamma * (1 - Stop))), 1e-12);
    }

    [Fact]
    public void The_sweep_bound_gives_the_known_figures()
    {
        Planning.SweepBound(0.99, 1, 0.01).Should().BeApproximately(921.03, 0.01);
        Planning.SweepBound(Math.Pow(0.99, 5), 1, 0.01).Should().BeApproximately(155.5, 0.1);
    }

    [Fact]
    public void Sweeps_never_exceed_the_bound_for_the_reward_of_a_decision() => Seeds.Sample(
        seed =>
        {
            var (_, mdp, abstractions) = Instance(seed);
            OptionModel[] models = Convergence.UnitDecisionReward(mdp, abstractions);
            models.Max(m => m.Reward.Max(Math.Abs)).Should().BeApproximately(1, 1e-12);
            double bound = Planning.SweepBound(Planning.MeanDiscount(models), 1, 0.01);
            Planning.SweepsNeeded(models, 0.01).Should().BeLessThanOrEqualTo((int)Math.Ceiling(bound));
        },
        iter: 30);

    [Fact]
    public void The_bound_fails_when_R_max_is_read_as_the_reward_of_a_token()
    {
        double tooFew = Planning.SweepBound(Math.Pow(0.99, 5), 1, 0.01);
        Planning.SweepsNeeded([Convergence.Loop(5, 0.99, tokenReward: 1)], 0.01).Should().BeGreaterThan((int)Math.Ceiling(tooFew));
    }

    [Fact]
    public void Bad_processes_are_refused_with_a_reason()
    {
        double[,] reward = { { 0 } };
        FluentActions.Invoking(() => new TabularMdp([new double[,] { { 0.5 } }], reward, 0.9)).Should().Throw<ArgumentException>().WithMessage("*sum to 1*");
        FluentActions.Invoking(() => new TabularMdp([new double[,] { { 1 } }], reward, 1)).Should().Throw<ArgumentException>().WithMessage("*between 0 and 1*");
        FluentActions.Invoking(() => new TabularMdp([], reward, 0.9)).Should().Throw<ArgumentException>().WithMessage("*0 transition matrices*");
    }

    [Fact]
    public void The_regret_identity_holds_for_any_retained_set_and_any_training() => Gen.Select(Seeds, Gen.Int[1, 6], Gen.Double[0.01, 5]).Sample(
        (seed, size, temperature) =>
        {
            Random random = new(seed);
            TabularMdp[] family = RegretDecomposition.Family(random, 3, states: 6, tokens: 3, discount: 0.9);
            ActionAbstraction[] universe = RegretDecomposition.Universe(random, family[0], 6);
            random.Shuffle(universe);
            RegretDecomposition.Terms terms = RegretDecomposition.Decompose(family, Sampling.Simplex(random, 3), universe[..size], temperature);
            terms.Total.Should().BeApproximately(terms.Pruning + terms.Learning, 1e-10);
            terms.Pruning.Should().BeGreaterThan(-1e-10);
            terms.Learning.Should().BeGreaterThan(-1e-10);
        },
        iter: 30);

    private static (Random Random, TabularMdp Mdp, ActionAbstraction[] Abstractions) Instance(int seed)
    {
        Random random = new(seed);
        TabularMdp mdp = TabularMdp.Random(random, states: 6, tokens: 3, discount: 0.9);
        return (random, mdp, RegretDecomposition.Universe(random, mdp, 6));
    }

    private static double[][] RandomPolicy(Random random, int states, int choices) =>
        [.. Enumerable.Range(0, states).Select(_ => Sampling.Simplex(random, choices))];
}
