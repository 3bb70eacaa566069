using MathNet.Numerics.Distributions;

namespace Ra3.Theory.Tests;

public sealed class ExperimentTests
{
    public static TheoryData<string> Names => [.. Experiment.All.Select(e => e.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_claim_of_the_theory_holds(string name)
    {
        ExperimentResult result = Experiment.All.Single(e => e.Name == name).Run(Experiment.FewestSeeds);
        result.Claims.Should().NotBeEmpty().And.OnlyContain(claim => claim.Holds);
        result.Claims.Should().OnlyContain(claim => double.IsFinite(claim.Measured) && double.IsFinite(claim.Bound));
        result.Plots.Should().OnlyContain(plot => plot.Series.All(s => s.X.Count == s.Y.Count && s.Y.All(double.IsFinite)));
    }

    [Fact]
    public void The_same_seeds_give_the_same_figures()
    {
        Experiment experiment = Experiment.All[0];
        experiment.Run(12).Claims.Should().Equal(experiment.Run(12).Claims);
        experiment.Run(12, seed: 1).Claims.Should().NotEqual(experiment.Run(12).Claims);
    }

    [Fact]
    public void Too_few_seeds_are_refused() =>
        FluentActions.Invoking(() => Experiment.All[0].Run(Experiment.FewestSeeds - 1)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("9 seeds are too few*");

    [Fact]
    public void A_claim_that_the_figures_contradict_does_not_hold()
    {
        Claim.AtMost("", "", 1, 1.001).Holds.Should().BeFalse();
        Claim.AtLeast("", "", 1, 0.999).Holds.Should().BeFalse();
        Claim.Equal("", "", 1, 1.001).Holds.Should().BeFalse();
        Claim.NotAbove("", "", 1, new Estimate(1.2, 1.1, 1.3)).Holds.Should().BeFalse();
        Claim.Above("", "", 1, new Estimate(1.2, 0.9, 1.5)).Holds.Should().BeFalse();
        Claim.Covers("", "", 1, new Estimate(1.2, 1.1, 1.3)).Holds.Should().BeFalse();
        Claim.Equal("", "", 0, double.NaN).Holds.Should().BeFalse();
        Claim.AtMost("", "", 0, double.NaN).Holds.Should().BeFalse();
    }

    [Theory]
    [InlineData(20, 0.05)]
    [InlineData(50, 0.3)]
    [InlineData(10, 0.9)]
    public void A_proportion_interval_covers_as_often_as_it_says(int trials, double p)
    {
        const double Level = 0.95;
        double coverage = Enumerable.Range(0, trials + 1)
            .Where(k => Estimate.Proportion(k, trials, Level) is var e && e.Low <= p && p <= e.High)
            .Sum(k => Binomial.PMF(p, trials, k));
        coverage.Should().BeInRange(Level, 1);
    }

    [Fact]
    public void Intervals_have_their_known_ends()
    {
        Estimate.Proportion(0, 10, 0.95).High.Should().BeApproximately(1 - Math.Pow(0.025, 0.1), 1e-9);
        Estimate mean = Estimate.Mean([1, 2, 3, 4]);
        mean.Value.Should().Be(2.5);
        mean.High.Should().BeApproximately(2.5 + (12.924 * Math.Sqrt(5.0 / 3 / 4)), 1e-2);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(41)]
    public void A_median_interval_covers_as_often_as_it_says_and_no_wider(int size)
    {
        // For uniform draws the ends are order statistics, whose positions the interval shows when the draws are 1, …, n.
        Estimate ranks = Estimate.Median([.. Enumerable.Range(1, size).Select(i => (double)i)]);
        ranks.Value.Should().Be((size + 1) / 2.0);
        double Coverage(int from) => 1 - (2 * Binomial.CDF(0.5, size, from - 1));
        Coverage((int)ranks.Low).Should().BeGreaterThanOrEqualTo(Estimate.Level);
        Coverage((int)ranks.Low + 1).Should().BeLessThan(Estimate.Level);
        (ranks.Low + ranks.High).Should().Be(size + 1);
    }

    [Fact]
    public void A_slope_interval_covers_the_true_slope_as_often_as_it_says()
    {
        Random random = Sampling.Stream(0, "slope");
        double[] x = [.. Enumerable.Range(0, 100).Select(i => (double)(i % 5))];
        int covered = Enumerable.Range(0, 1000).Count(_ =>
        {
            // The spread grows along x, as that of the samples needed does.
            Estimate slope = Estimate.Slope(x, [.. x.Select(v => (2 * v) + Normal.Sample(random, 0, 1 + v))]);
            return slope.Low <= 2 && 2 <= slope.High;
        });
        covered.Should().BeGreaterThan(990);
    }
}
