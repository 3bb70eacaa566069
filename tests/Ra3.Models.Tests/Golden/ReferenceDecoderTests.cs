using Ra3.Models;

namespace Ra3.Tests.Golden;

/// <summary>The reference must itself be right: what can be known about it without another implementation.</summary>
public sealed class ReferenceDecoderTests
{
    public static TheoryData<string> Families =>
    [
        nameof(RandomModel.Llama), nameof(RandomModel.Llama3), nameof(RandomModel.Qwen2), nameof(RandomModel.Qwen3),
    ];

    [Fact]
    public void Llama_3_2_frequencies_are_the_ones_worked_out_by_hand()
    {
        // 500000^(−2i/64) as Llama 3.2 scales it, worked out with 50 digits: kept, mixed (15 to 17), divided by 32.
        var config = RandomModel.Llama3 with
        {
            HeadSize = 64,
            RopeTheta = 500_000,
            RopeScaling = new Llama3RopeScaling(32, 1, 4, 8192),
        };

        var frequencies = ReferenceDecoder.InverseFrequencies(config);

        double[] wanted =
        [
            1, 0.66360123769608848, 0.44036660267178046, 0.0032114459947525909, 0.0012905479282092638,
            0.00042955679655936821, 9.7082878026276729e-05, 1.9461638184831125e-05, 9.41830672543491e-08,
        ];
        int[] planes = [0, 1, 2, 14, 15, 16, 17, 18, 31];
        for (var i = 0; i < planes.Length; i++)
        {
            frequencies[planes[i]].Should().BeApproximately(wanted[i], 1e-14 * wanted[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Logits_are_those_of_an_implementation_written_by_others(string family)
    {
        var config = RandomModel.Config(family);

        var logits = ReferenceDecoder.Logits(config, RandomModel.Weights(config, 1), RandomModel.Tokens(config, 24, 2));

        var (token5, token23) = LitGptLogits.Rows[family];
        Distance([logits[5], logits[23]], [token5, token23]).Should().BeLessThan(1e-11);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Shifting_all_positions_changes_nothing(string family)
    {
        var config = RandomModel.Config(family);
        var weights = RandomModel.Weights(config, 1);
        var tokens = RandomModel.Tokens(config, 7, 2);

        var here = ReferenceDecoder.Logits(config, weights, tokens);
        var there = ReferenceDecoder.Logits(config, weights, tokens, [.. Enumerable.Range(1000, 7)]);

        Distance(here, there).Should().BeLessThan(1e-10);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void A_token_is_blind_to_what_follows_and_sees_all_before(string family)
    {
        var config = RandomModel.Config(family);
        var weights = RandomModel.Weights(config, 1);
        var tokens = RandomModel.Tokens(config, 7, 2);
        int[] changed = [.. tokens];
        changed[3] = (changed[3] + 1) % config.VocabularySize;

        var before = ReferenceDecoder.Logits(config, weights, tokens);
        var after = ReferenceDecoder.Logits(config, weights, changed);

        Distance(before[..3], after[..3]).Should().Be(0);
        for (var t = 3; t < 7; t++)
        {
            Distance([before[t]], [after[t]]).Should().BeGreaterThan(1e-6);
        }
    }

    internal static double Distance(double[][] a, double[][] b) =>
        a.Zip(b, (x, y) => x.Zip(y, (p, q) => Math.Abs(p - q)).Max()).Max();
}
