using CsCheck;
using Ra3.Benchmarks;

namespace Ra3.Tests;

public sealed class StatisticsTests
{
    [Fact]
    public void Pass_at_k_is_the_share_of_draws_that_hold_a_passing_sample()
    {
        Gen.Select(Gen.Int[1, 9], Gen.Int[0, 9], Gen.Int[1, 9]).Where((n, c, k) => c <= n && k <= n).Sample((n, c, k) =>
        {
            var draws = Enumerable.Range(0, 1 << n).Where(set => int.PopCount(set) == k).ToList();
            var lucky = draws.Count(set => (set & ((1 << c) - 1)) != 0); // samples 0 to c − 1 pass

            Statistics.PassAtK(n, c, k).Should().BeApproximately((double)lucky / draws.Count, 1e-12);
        }, iter: 300);
    }

    [Theory]
    [InlineData(5, 6, 1)]
    [InlineData(5, -1, 1)]
    [InlineData(5, 2, 6)]
    [InlineData(5, 2, 0)]
    public void Pass_at_k_refuses_what_makes_no_sense(int n, int c, int k)
    {
        var estimate = () => Statistics.PassAtK(n, c, k);

        estimate.Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void The_interval_covers_the_mean_as_the_normal_theory_says_for_many_problems()
    {
        var scores = Enumerable.Range(0, 400).Select(i => i % 4 == 0 ? 1.0 : 0.0).ToList();
        var sigma = Math.Sqrt(0.25 * 0.75 / 400);

        var mean = Statistics.Mean(scores, seed: 1);

        mean.Value.Should().Be(0.25);
        mean.Low.Should().BeApproximately(0.25 - (1.96 * sigma), 0.006);
        mean.High.Should().BeApproximately(0.25 + (1.96 * sigma), 0.006);
        Statistics.Mean(scores, seed: 1).Should().Be(mean);
    }

    [Theory]
    [InlineData(0, 8, 0, 0.3244)]
    [InlineData(0, 164, 0, 0.0229)]
    [InlineData(20, 20, 0.8389, 1)]
    [InlineData(1, 1, 0.2065, 1)]
    [InlineData(1, 164, 0.0011, 0.0337)]
    public void An_interval_of_whole_passes_and_failures_is_Wilsons(int passed, int problems, double low, double high)
    {
        var mean = Statistics.Mean([.. Enumerable.Range(0, problems).Select(i => i < passed ? 1.0 : 0)]);

        mean.Value.Should().Be((double)passed / problems);
        mean.Low.Should().BeApproximately(low, 5e-5);
        mean.High.Should().BeApproximately(high, 5e-5);
        mean.Problems.Should().Be(problems);
    }

    [Fact]
    public void An_interval_is_never_a_point_and_holds_its_value() => Gen.Select(Gen.Int[0, 10].Array[1, 30], Gen.Int[0, 3]).Sample((tenths, kind) =>
    {
        var scores = tenths.Select(t => kind == 0 ? tenths[0] / 10.0 : kind == 1 ? t / 5 / 2 : t / 10.0).ToList();
        var mean = Statistics.Mean(scores, resamples: 200);

        mean.Low.Should().BeLessThan(mean.High).And.BeInRange(0, mean.Value + 1e-12);
        mean.High.Should().BeInRange(mean.Value - 1e-12, 1);
    }, iter: 300);
}
