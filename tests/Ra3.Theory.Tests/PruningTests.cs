using CsCheck;

namespace Ra3.Theory.Tests;

public sealed class PruningTests
{
    [Fact]
    public void The_bound_is_its_formula() =>
        Pruning.Bound(goodSize: 2, abstractions: 100, badShare: 0.1, delta: 0.05)
            .Should().Be((int)Math.Ceiling(((2 * 4.605170186) + 2.995732274) / 0.1));

    [Fact]
    public void The_search_finds_when_the_last_bad_set_dies() => Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 3], Gen.Int[4, 7]).Sample(
        (seed, k, size) =>
        {
            var family = new PlantedFamily(size, k, badShare: 0.4);
            ulong[][] solves = family.Draw(new Random(seed), 192);
            int expected = 0;
            foreach (int[] set in LatentChain.Enumerate(k, size).Where(set => set.Distinct().Count() == k && family.IsBad(set.Count(z => z < k))))
            {
                int failure = Enumerable.Range(0, 192).First(n => set.All(z => (solves[z][n / 64] >> (n % 64) & 1) == 0));
                expected = Math.Max(expected, failure + 1);
            }

            family.SamplesUntilPruned(solves).Should().Be(expected);
        },
        iter: 200);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Planted_sets_fail_as_often_as_the_closed_form_says(int planted)
    {
        var family = new PlantedFamily(6, 3, badShare: 0.2);
        ulong[][] solves = family.Draw(new Random(planted), 64_000);
        int[] set = [.. Enumerable.Range(0, planted), .. Enumerable.Range(3, 3 - planted)];
        int failures = Enumerable.Range(0, 64_000).Count(n => set.All(z => (solves[z][n / 64] >> (n % 64) & 1) == 0));
        Estimate share = Estimate.Proportion(failures, 64_000);
        family.FailureProbability(planted).Should().BeInRange(share.Low, share.High);
    }

    [Fact]
    public void A_set_without_planted_members_fails_on_exactly_sigma() =>
        new PlantedFamily(20, 4, badShare: 0.15).FailureProbability(0).Should().BeApproximately(0.15, 1e-12);

    [Theory]
    [InlineData(1, 32)]
    [InlineData(3, 32)]
    public void The_bound_suffices_and_half_of_it_does_not(int k, int size)
    {
        const double Sigma = 0.1, Delta = 0.1;
        int[] samples = Pruning.SamplesUntilPruned(size, k, Sigma, trials: 400, seed: 1);
        int bound = Pruning.Bound(k, size, Sigma, Delta);
        Claim.NotAbove("", "", Delta, Pruning.FailureProbability(samples, bound)).Holds.Should().BeTrue();
        Claim.NotAbove("", "", Delta, Pruning.FailureProbability(samples, bound / 2)).Holds.Should().BeFalse();
    }

    [Fact]
    public void In_solved_families_the_good_set_survives_and_too_few_samples_leave_bad_ones()
    {
        var family = SolvedFamily.Random(Sampling.Stream(5, "test"), badShare: 0.1);
        family.BadSets.Should().BePositive();
        int bound = Pruning.Bound(SolvedFamily.GoodSize, SolvedFamily.Universe, 0.1, 0.1);
        var (failures, excess) = family.Prune(new Random(1), bound, runs: 200);
        Estimate.Proportion(failures, 200).Low.Should().BeLessThanOrEqualTo(0.1);
        excess.Should().BeInRange(-family.MaxValue, 0, "something survived, and it meets the guarantee");
        Estimate.Proportion(family.Prune(new Random(1), samples: bound / 5, runs: 200).Failures, 200).Low.Should().BeGreaterThan(0.1);
    }
}
