using Ra3.Cli.Quickstart;
using Ra3.PostTraining;

namespace Ra3.Tests;

/// <summary>The ± of the quickstart's tables.</summary>
public sealed class EstimateTests
{
    [Fact]
    public void No_difference_between_arms_is_known_exactly()
    {
        var (all, none) = (Of(80, 80), Of(0, 80));
        ArmResult.Paired(all, all, 0, 80).Should().BeEquivalentTo(new { Mean = 0.0, IsClear = false }).And.Match<Estimate>(e => e.StandardError > 0.005);
        ArmResult.Paired(all, none, 0, 80).Should().BeEquivalentTo(new { Mean = 1.0, IsClear = true }).And.Match<Estimate>(e => e.StandardError > 0.005);
        // 50 both, 20 only the first, 10 neither: variance 0.25 − 0.25², a quarter of a trial more in each cell.
        ArmResult.Paired(Of(70, 80), Of(50, 80), 0, 80).StandardError.Should().BeApproximately(0.0487, 2e-4);
        ArmResult.Paired(Of(70, 80), Of(50, 80), 70, 10).Mean.Should().Be(0);
    }

    [Fact]
    public void Seeds_that_agree_to_the_digit_leave_what_each_did_not_know()
    {
        Estimate.Over([new(0, 0.006), new(0, 0.006), new(0, 0.006), new(0, 0.006)]).Should().Be(new Estimate(0, 0.003));
        Estimate.Over([new(0.2, 0.05)]).Should().Be(new Estimate(0.2, 0.05));
        Estimate.Over([new(0.1, 0.05), new(0.3, 0.05)]).StandardError.Should().BeApproximately(0.1, 1e-12);
    }

    private static PassAt1Result Of(int passed, int of) => new([.. Enumerable.Range(0, of).Select(i => (bool?)(i < passed))], [], 0);
}
