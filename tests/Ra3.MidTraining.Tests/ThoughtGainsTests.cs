using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.MidTraining.Tests;

public sealed class ThoughtGainsTests
{
    private static readonly LatentOptions Latents = new() { MaxTokens = 12, SnippetTokens = 120, BatchSize = 4 };
    private static readonly EStepOptions EStep = new() { SwitchCost = 0.05, TokenFloor = -6 };

    /// <summary>One sequence per sample: the source before the line, the thought, the line; and the same without the thought.</summary>
    [Fact]
    public void A_gain_is_that_of_two_plain_sequences()
    {
        using var fixture = new Fixture(ScalarType.Float64);
        fixture.FavourThoughts(3, 2);
        var compared = 0;
        foreach (var drawn in Draw(fixture))
        {
            var thoughts = drawn.Steps.Where(step => step.Choice == StepChoice.Think).Select(step => (step.Line, step.Latent)).ToList();
            var gains = ThoughtGains.Of(fixture.Decoder, fixture.Format, drawn.Snippet, thoughts, EStep);
            for (var i = 0; i < thoughts.Count; i++, compared++)
            {
                var (line, latent) = thoughts[i];
                int[] before = [fixture.Format.DocumentStart, .. drawn.Snippet.Tokens[..drawn.Snippet.Offset(line)]];
                int[] source = [.. drawn.Snippet.TokensOf(line)];
                int[] opener = [.. drawn.Snippet.Actions[line].Opener];
                var without = Mean(fixture, before, source);
                gains[i].Should().BeApproximately(Mean(fixture, [.. before, .. opener, .. latent], source) - without, 1e-9);
            }
        }

        compared.Should().BeGreaterThan(10);
    }

    [Fact]
    public void Kept_are_the_thoughts_that_gain_more_than_they_cost_and_nothing_else_changes()
    {
        using var fixture = new Fixture(ScalarType.Float64);
        fixture.FavourThoughts(3, 2);
        foreach (var drawn in Draw(fixture))
        {
            var free = EStep with { SwitchCost = 0 };
            var kept = ThoughtGains.Keep(fixture.Decoder, fixture.Format, drawn, EStep);
            kept.Steps.Count.Should().Be(drawn.Steps.Count);
            foreach (var (before, after) in drawn.Steps.Zip(kept.Steps))
            {
                if (before.Choice != StepChoice.Think)
                {
                    after.Should().BeSameAs(before);
                    continue;
                }

                var gain = ThoughtGains.Of(fixture.Decoder, fixture.Format, drawn.Snippet, [(before.Line, before.Latent)], EStep)[0];
                after.Choice.Should().Be(gain > EStep.SwitchCost ? StepChoice.Think : StepChoice.Act);
                after.Latent.Should().Equal(after.Choice == StepChoice.Think ? before.Latent : []);
            }

            LatentCounts.Of([ThoughtGains.Keep(fixture.Decoder, fixture.Format, drawn, free)]).Thoughts
                .Should().BeGreaterThanOrEqualTo(LatentCounts.Of([kept]).Thoughts);
        }
    }

    private static IReadOnlyList<Trajectory> Draw(Fixture fixture) =>
        new LatentSampler(fixture.Decoder, fixture.Format, Latents).SampleWhole([.. fixture.Snippets.Take(8)], i => new SeededRandom(1, "test", i));

    private static double Mean(Fixture fixture, int[] before, int[] source) =>
        fixture.SequenceLogProbs(before, source).Average(logProb => Math.Max(logProb, EStep.TokenFloor));
}
