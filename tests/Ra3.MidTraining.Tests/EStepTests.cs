using Ra3.Models;
using Ra3.Training;
using static TorchSharp.torch;

namespace Ra3.MidTraining.Tests;

public sealed class EStepTests
{
    private static readonly LatentOptions Latents = new() { MaxTokens = 8, SnippetTokens = 120 };

    private static readonly EStepOptions Options = new()
    {
        Iterations = 6,
        PlacesPerSnippet = 6,
        GroupSize = 4,
        Exploration = 0.3,
        Optimizer = new OptimizerOptions { LearningRate = 3e-3, WeightDecay = 0, Decay = DecayShape.Constant, Warmup = 0 },
    };

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void The_trainer_finds_the_log_probs_of_sampling_bit_for_bit(ScalarType type)
    {
        using var fixture = new Fixture(type);
        fixture.FavourThoughts();
        using var scorer = fixture.Decoder.Copy(trainable: false);
        using var eStep = new EStep(fixture.Decoder, scorer, fixture.Format, Latents, Options, seed: 1);
        for (var iteration = 0; iteration < 3; iteration++)
        {
            var metrics = eStep.Iterate(iteration, [.. fixture.Snippets.Skip(4 * iteration).Take(4)]);
            metrics.PolicyTokens.Should().BeGreaterThan(50);
            metrics.LogProbMismatch.Should().Be(0);
        }
    }

    [Theory]
    [InlineData(GroupBaseline.Mean, ContentBaseline.Group)]
    [InlineData(GroupBaseline.LeaveOneOut, ContentBaseline.Thoughts)]
    public void An_iteration_is_the_same_on_one_core_and_on_several_bit_for_bit(GroupBaseline baseline, ContentBaseline content)
    {
        var alone = Weights(threads: 1);
        alone.Should().NotEqual(Weights(threads: 1, iterations: 1), "the second iteration taught something");
        Weights(threads: 3).Should().Equal(alone);

        float[] Weights(int threads, int iterations = 2)
        {
            var before = get_num_threads();
            set_num_threads(threads);
            try
            {
                using var fixture = new Fixture(ScalarType.BFloat16);
                fixture.FavourThoughts();
                using var scorer = fixture.Decoder.Copy(trainable: false);
                using var eStep = new EStep(
                    fixture.Decoder, scorer, fixture.Format, Latents, Options with { Baseline = baseline, ContentBaseline = content }, seed: 1);
                for (var iteration = 0; iteration < iterations; iteration++)
                {
                    eStep.Iterate(iteration, [.. fixture.Snippets.Skip(5 * iteration).Take(5)]);
                }

                return [.. fixture.Decoder.Parameters.Values.SelectMany(parameter => parameter.detach().reshape(-1).data<float>().ToArray())];
            }
            finally
            {
                set_num_threads(before);
            }
        }
    }

    [Fact]
    public void Sharing_a_snippets_groups_among_several_trees_changes_nothing_but_rounding()
    {
        var (one, weightsOfOne) = Iterate(treeTokens: 16384);
        var (several, weightsOfSeveral) = Iterate(treeTokens: 1);
        several.TreeTokens.Should().BeGreaterThan(one.TreeTokens, "the source was read once for every group");
        several.PolicyTokens.Should().Be(one.PolicyTokens);
        several.Reward.Should().BeApproximately(one.Reward, 1e-12);
        several.Gradient.Should().BeApproximately(one.Gradient, 1e-9 * one.Gradient);
        weightsOfSeveral.Zip(weightsOfOne, (a, b) => Math.Abs(a - b)).Max().Should().BeLessThan(1e-8);

        (EStepMetrics Metrics, double[] Weights) Iterate(int treeTokens)
        {
            using var fixture = new Fixture(ScalarType.Float64);
            fixture.FavourThoughts();
            using var scorer = fixture.Decoder.Copy(trainable: false);
            using var eStep = new EStep(fixture.Decoder, scorer, fixture.Format, Latents, Options with { TreeTokens = treeTokens }, seed: 1);
            var metrics = eStep.Iterate(0, [.. fixture.Snippets.Take(3)]);
            return (metrics, [.. fixture.Decoder.Parameters.Values.SelectMany(parameter => parameter.detach().reshape(-1).data<double>().ToArray())]);
        }
    }

    /// <summary>The model never thinks by itself: explored thoughts teach in the first iteration, in the second all
    /// members write alike.</summary>
    [Theory]
    [InlineData(GroupBaseline.Mean)]
    [InlineData(GroupBaseline.LeaveOneOut)]
    public void An_iteration_of_equal_groups_changes_neither_policy_nor_optimizer(GroupBaseline baseline)
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts(opening: -9);
        using var scorer = fixture.Decoder.Copy(trainable: false);
        using var eStep = new EStep(
            fixture.Decoder, scorer, fixture.Format, Latents,
            Options with { Baseline = baseline, Iterations = 2, ExplorationDecay = 0.5 }, seed: 1);
        Snippet[] snippets = [.. fixture.Snippets.Take(4)];
        var explored = eStep.Iterate(0, snippets);
        explored.GroupsWithoutSignal.Should().BeLessThan(1);
        explored.Gradient.Should().BePositive();
        var before = Weights();

        var flat = eStep.Iterate(1, snippets);
        flat.ThinkShare.Should().Be(0);
        flat.GroupsWithoutSignal.Should().Be(1);
        flat.Gradient.Should().Be(0);
        flat.PolicyTokens.Should().BePositive("they count, though nothing is learnt from them");
        flat.LogProbMismatch.Should().Be(0);
        eStep.Optimizer.Steps.Should().Be(1, "the first iteration's momentum moves nothing where nothing was learnt");
        Weights().Should().Equal(before);

        float[] Weights() =>
        [
            .. fixture.Decoder.Parameters.Values
                .SelectMany(weight => weight.detach().reshape(-1).data<float>().ToArray()),
        ];
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.05)]
    [InlineData(0.2)]
    public void A_thought_that_does_not_end_costs_more_than_one_that_does_whatever_thoughts_cost(double cost)
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts();
        using var scorer = fixture.Decoder.Copy(trainable: false);
        var options = Options with { SwitchCost = cost, Horizon = 1 };
        using var eStep = new EStep(fixture.Decoder, scorer, fixture.Format, Latents, options, seed: 1);
        var metrics = eStep.Iterate(0, [.. fixture.Snippets.Take(4)]);
        var (ended, begun) = (metrics.ThinkShare, metrics.ThinkShare / (1 - metrics.InvalidShare));
        metrics.InvalidShare.Should().BeInRange(0.05, 0.95);
        (metrics.LineLogProb - metrics.Reward)
            .Should().BeApproximately((cost * ended) + ((cost + options.InvalidPenalty) * (begun - ended)), 1e-9);
    }

    [Fact]
    public void A_thought_that_costs_much_is_unlearned_and_a_dearer_one_never_more_common()
    {
        var shares = new List<double>();
        foreach (var cost in new[] { 0.0, 1.0, 8.0 })
        {
            using var fixture = new Fixture();
            fixture.FavourThoughts();
            using var scorer = fixture.Decoder.Copy(trainable: false);
            using var eStep = new EStep(
                fixture.Decoder, scorer, fixture.Format, Latents, Options with { SwitchCost = cost, Horizon = 1, Exploration = 0, Iterations = 12 }, seed: 1);
            double before = 0, after = 0;
            for (var iteration = 0; iteration < 12; iteration++)
            {
                var metrics = eStep.Iterate(iteration, [.. fixture.Snippets.Take(8)]);
                (before, after) = (iteration == 0 ? metrics.ThinkShare : before, metrics.ThinkShare);
            }

            shares.Add(after);
            if (cost > 1)
            {
                after.Should().BeLessThan(before / 2);
            }
        }

        shares.Should().BeInDescendingOrder();
    }

    /// <summary>The update's gradient against a slow one: every trajectory a sequence of its own, each policy token apart.</summary>
    [Fact]
    public void The_gradient_equals_that_of_trajectories_taken_one_at_a_time()
    {
        using var fixture = new Fixture(ScalarType.Float64);
        fixture.FavourThoughts();
        var snippet = fixture.Snippets.MaxBy(s => s.Actions.Length)!;
        var places = Enumerable.Range(0, snippet.Actions.Length).Where(snippet.MayThink).Take(4).ToArray();
        Trajectory[] trajectories = [.. new LatentSampler(fixture.Decoder, fixture.Format, Latents).SampleGroups(
            snippet, places, 4, 3, _ => 0.3, (place, member) => new SeededRandom(9, "test", place, member)).SelectMany(group => group)];
        int[] trunk = [fixture.Format.DocumentStart, .. snippet.Tokens];
        var tree = new TrajectoryTree(trunk, trajectories);
        var random = new Random(1);
        var weights = trajectories.Select(t => t.Steps.Select(_ => random.NextDouble() - 0.5).ToArray()).ToArray();

        // By the tree: rows as the E-step addresses them.
        using var scope = NewDisposeScope();
        var hidden = tree.Hidden(fixture.Decoder);
        var sum = zeros(1, ScalarType.Float64);
        Each((trajectory, step, weight) =>
        {
            sum = sum + (weight * LogProb(hidden, tree.DecisionRow(trajectory, step), snippet.Actions[step.Line].Opener[^1], false));
            for (var i = 0; i < step.Latent.Length; i++)
            {
                sum = sum + (weight * LogProb(hidden, tree.LatentRow(trajectory, step, i), step.Latent[i], true));
            }
        });
        sum.sum().backward();
        var fast = fixture.Decoder.Parameters.ToDictionary(p => p.Key, p => p.Value.grad!.clone());
        foreach (var parameter in fixture.Decoder.Parameters.Values)
        {
            parameter.grad!.zero_();
        }

        // One sequence at a time.
        Each((trajectory, step, weight) =>
        {
            using var inner = NewDisposeScope();
            var opener = snippet.Actions[step.Line].Opener[^1];
            int[] context = [.. trunk.Take(step.Attach), .. trajectory.Tokens.Take(step.Prefix)];
            int[] sequence = step.Latent.Length > 0 ? [.. context, opener, .. step.Latent] : context;
            var states = fixture.Decoder.Hidden(
                tensor(sequence.Select(t => (long)t).ToArray()), arange(sequence.Length, ScalarType.Int64), new CausalAttention(1, sequence.Length));
            var total = weight * LogProb(states, context.Length - 1, opener, false);
            for (var i = 0; i < step.Latent.Length; i++)
            {
                total = total + (weight * LogProb(states, context.Length + i, step.Latent[i], true));
            }

            total.sum().backward();
        });
        foreach (var (name, parameter) in fixture.Decoder.Parameters)
        {
            (parameter.grad! - fast[name]).abs().max().item<double>()
                .Should().BeLessThan(1e-8 * Math.Max(1, fast[name].abs().max().item<double>()), name);
        }

        void Each(Action<Trajectory, LatentStep, double> visit)
        {
            for (var i = 0; i < trajectories.Length; i++)
            {
                for (var step = 0; step < trajectories[i].Steps.Count; step++)
                {
                    if (trajectories[i].Steps[step].Choice != StepChoice.None)
                    {
                        visit(trajectories[i], trajectories[i].Steps[step], weights[i][step]);
                    }
                }
            }
        }

        Tensor LogProb(Tensor states, int row, int token, bool forbid) => LanguageModelHead.LogProbs(
            fixture.Decoder, states.slice(0, row, row + 1, 1), tensor([(long)token]),
            new HeadDistribution(1, forbid ? fixture.Format.Forbidden : null));
    }
}
