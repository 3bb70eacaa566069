using CsCheck;

namespace Ra3.Models.Tests;

public sealed class ProportionTests
{
    /// <summary>Newcombe 1998 (Statistics in Medicine 17, table I), method 3.</summary>
    [Theory]
    [InlineData(81, 263, 0.2553, 0.3662)]
    [InlineData(15, 148, 0.0624, 0.1605)]
    [InlineData(0, 20, 0, 0.1611)]
    [InlineData(1, 29, 0.0061, 0.1718)]
    public void The_interval_is_Wilsons(int successes, int trials, double low, double high)
    {
        var interval = Proportion.Interval((double)successes / trials, trials);
        interval.Low.Should().BeApproximately(low, 5e-5);
        interval.High.Should().BeApproximately(high, 5e-5);
    }

    [Fact]
    public void No_share_is_known_exactly_and_all_and_none_are_known_as_well() =>
        Gen.Select(Gen.Int[1, 500], Gen.Double[0, 1]).Sample((trials, at) =>
        {
            var (share, error) = (Math.Round(at * trials) / trials, Proportion.StandardError(Math.Round(at * trials) / trials, trials));
            error.Should().BePositive().And.BeApproximately(Proportion.StandardError(1 - share, trials), 1e-12);
            Proportion.StandardError(0, trials).Should().BeApproximately(1 / (2 * (trials + 1.0)), 1e-12);
            Proportion.PairedStandardError(0, 0, trials).Should().BePositive();
        });

    [Fact]
    public void With_many_trials_the_errors_are_the_usual_ones()
    {
        Proportion.StandardError(0.3, 100_000).Should().BeApproximately(Math.Sqrt(0.3 * 0.7 / 100_000), 1e-7);
        // 20 % only the first, 10 % only the second: variance 0.3 − 0.1².
        Proportion.PairedStandardError(20_000, 10_000, 100_000).Should().BeApproximately(Math.Sqrt(0.29 / 100_000), 1e-7);
    }

    [Fact]
    public void Of_no_trials_nothing_is_known()
    {
        Proportion.StandardError(double.NaN, 0).Should().Be(double.NaN);
        Proportion.PairedStandardError(0, 0, 0).Should().Be(double.NaN);
    }
}
