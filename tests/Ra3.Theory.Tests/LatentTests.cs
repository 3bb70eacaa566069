using CsCheck;

namespace Ra3.Theory.Tests;

public sealed class LatentTests
{
    private static readonly Gen<int> Seeds = Gen.Int[0, 1_000_000];
    private static readonly Gen<double> Alphas = Gen.Double[0.01, 0.99];

    [Fact]
    public void The_recursion_sums_over_all_paths() => Gen.Select(Seeds, Gen.Double[0, 1], Gen.Int[1, 5], Gen.Int[1, 3]).Sample(
        (seed, alpha, lines, size) =>
        {
            var chain = LatentChain.Random(new Random(seed), lines, size, alpha);
            chain.Paths().Length.Should().Be((int)Math.Pow(size, lines));
            chain.LogLikelihood().Should().BeApproximately(Math.Log(chain.Paths().Sum(path => Math.Exp(chain.LogJoint(path)))), 1e-10);
        },
        iter: 50);

    [Fact]
    public void The_bound_is_a_bound_and_tight_only_at_the_posterior() => Gen.Select(Seeds, Alphas).Sample(
        (seed, alpha) =>
        {
            Random random = new(seed);
            var chain = LatentChain.Random(random, lines: 4, abstractions: 3, alpha);
            double[][][] posterior = chain.Posterior();
            chain.Elbo(posterior).Should().BeApproximately(chain.LogLikelihood(), 1e-10);
            chain.Elbo(chain.RandomChain(random)).Should().BeLessThan(chain.LogLikelihood() - 1e-6);
            foreach (int[] path in chain.Paths())
            {
                LatentChain.PathProbability(posterior, path).Should().BeApproximately(Math.Exp(chain.LogJoint(path) - chain.LogLikelihood()), 1e-10);
            }
        },
        iter: 30);

    [Fact]
    public void Without_switching_the_model_is_next_token_prediction() => Seeds.Sample(
        seed =>
        {
            var chain = LatentChain.Random(new Random(seed), lines: 5, abstractions: 4, persistence: 1);
            chain.LogLikelihood().Should().BeApproximately(chain.NextTokenPrediction, 1e-12);
            LatentBound.PosteriorSwitches(chain).Should().Be(0);
        },
        iter: 20);

    [Fact]
    public void The_KL_identities_match_brute_force() => Gen.Select(Seeds, Gen.Double[0, 1], Alphas, Gen.Int[2, 10]).Sample(
        (seed, rho, alpha, size) =>
        {
            double[] any = Sampling.Simplex(new Random(seed), size);
            SwitchPrior.EventForm(rho, alpha, any).Should().BeApproximately(SwitchPrior.EventBruteForce(rho, alpha, any), 1e-12);
            SwitchPrior.ValueForm(rho, alpha, any).Should().BeApproximately(SwitchPrior.ValueBruteForce(rho, alpha, any), 1e-12);
        });

    [Fact]
    public void Read_over_values_the_event_form_overstates_the_KL() => Gen.Select(Seeds, Gen.Double[0, 0.9], Gen.Double[0.01, 0.9], Gen.Int[2, 10]).Sample(
        (seed, rho, alpha, size) =>
        {
            double[] others = Sampling.Simplex(new Random(seed), size - 1);
            double naive = SwitchPrior.EventForm(rho, alpha, [.. others, 0]);
            double excess = naive - SwitchPrior.ValueBruteForce(rho, alpha, others);
            excess.Should().BePositive().And.BeApproximately(SwitchPrior.EventExcess(rho, alpha, size), 1e-10);
        });

    [Fact]
    public void A_round_of_EM_raises_the_likelihood_and_leaves_distributions() => Gen.Select(Seeds, Alphas).Sample(
        (seed, alpha) =>
        {
            Random random = new(seed);
            int[][] traces = LatentEm.SampleTraces(random, traces: 10, lines: 6, abstractions: 3, symbols: 4, alpha);
            double[][] emission = LatentEm.RandomEmission(random, 3, 4);
            double[][] next = LatentEm.Round(traces, emission, alpha);
            next.Should().OnlyContain(row => Math.Abs(row.Sum() - 1) < 1e-12);
            LatentEm.LogLikelihood(traces, next, alpha).Should().BeGreaterThan(LatentEm.LogLikelihood(traces, emission, alpha));
        },
        iter: 30);

    [Fact]
    public void With_one_abstraction_the_M_step_is_next_token_prediction()
    {
        double[][] emission = LatentEm.Round([[0, 0, 1], [2, 0, 1]], [[0.2, 0.3, 0.5]], persistence: 0.5);
        emission[0].Should().Equal([3.0 / 6, 2.0 / 6, 1.0 / 6], (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public void Switching_never_rises_with_its_cost() => Gen.Select(Seeds, Gen.Double[0, 3], Gen.Double[0, 3]).Sample(
        (seed, a, b) =>
        {
            var chain = LatentChain.Random(new Random(seed), lines: 4, abstractions: 3, persistence: 0);
            (double cheap, double dear) = (Math.Min(a, b), Math.Max(a, b));
            int few = LatentChain.Switches(LatentBound.BestPath(chain, dear)), many = LatentChain.Switches(LatentBound.BestPath(chain, cheap));
            few.Should().BeLessThanOrEqualTo(many);
            LatentBound.SwitchesUnderReward(chain, dear).Mean.Should().BeLessThanOrEqualTo(LatentBound.SwitchesUnderReward(chain, cheap).Mean + 1e-12);
        },
        iter: 50);

    [Fact]
    public void Switching_never_rises_with_alpha() => Gen.Select(Seeds, Alphas, Alphas).Sample(
        (seed, a, b) =>
        {
            var chain = LatentChain.Random(new Random(seed), lines: 4, abstractions: 3, persistence: Math.Min(a, b));
            LatentBound.PosteriorSwitches(chain with { Persistence = Math.Max(a, b) })
                .Should().BeLessThanOrEqualTo(LatentBound.PosteriorSwitches(chain) + 1e-12);
        },
        iter: 50);

    [Fact]
    public void The_exact_gradient_is_the_slope_of_the_objective() => Seeds.Sample(
        seed =>
        {
            EStepGradient estep = EStep(seed, lines: 3, abstractions: 2);
            double[] exact = estep.Exact();
            for (int j = 0; j < exact.Length; j++)
            {
                exact[j].Should().BeApproximately((Shifted(j, 1e-5) - Shifted(j, -1e-5)) / 2e-5, 1e-7);
            }

            double Shifted(int j, double by)
            {
                double[][][] logits = [.. estep.Logits.Select(line => line.Select(row => row.ToArray()).ToArray())];
                logits[j / 4][j / 2 % 2][j % 2] += by;
                return new EStepGradient(estep.Chain, estep.Cost, logits).Objective();
            }
        },
        iter: 10);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void The_leave_one_out_gradient_is_unbiased_and_the_inclusive_mean_shrinks_it(int group) => Seeds.Sample(
        seed =>
        {
            EStepGradient estep = EStep(seed, lines: 2, abstractions: 2);
            double[] exact = estep.Exact();
            double[] inclusive = estep.Expected(group, GroupBaseline.InclusiveMean);
            Planning.Distance(estep.Expected(group, GroupBaseline.LeaveOneOut), exact).Should().BeLessThan(1e-11);
            Planning.Distance(inclusive, [.. exact.Select(g => g * (group - 1) / group)]).Should().BeLessThan(1e-11);
            Planning.Distance(inclusive, exact).Should().BeGreaterThan(1e-4, "the two baselines differ");
        },
        iter: 5);

    private static EStepGradient EStep(int seed, int lines, int abstractions)
    {
        Random random = new(seed);
        return EStepGradient.Random(random, LatentChain.Random(random, lines, abstractions, persistence: 0), cost: 0.3);
    }
}
