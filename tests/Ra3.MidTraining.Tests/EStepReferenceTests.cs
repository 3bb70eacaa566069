using Ra3.Models;
using Ra3.Training;
using static TorchSharp.torch;

namespace Ra3.MidTraining.Tests;

/// <summary>A whole iteration against a slow one written from the definitions: no tree, no cache, one sequence and one token
/// at a time.</summary>
public sealed class EStepReferenceTests
{
    private static readonly LatentOptions Latents = new() { MaxTokens = 6, SnippetTokens = 120 };

    // Without moments and with a large epsilon a step is learningRate · g / (|g| + epsilon): it shows the gradient's size.
    private static readonly EStepOptions Options = new()
    {
        Iterations = 1,
        PlacesPerSnippet = 3,
        GroupSize = 4,
        Horizon = 2,
        SwitchCost = 0.07,
        InvalidPenalty = 0.3,
        TokenFloor = -5,
        Discount = 0.8,
        NegativeContentWeight = 0.4,
        Passes = 2,
        Exploration = 0.1,
        ExplorationDecay = 1,
        TreeTokens = 1, // a tree for each group, so that some are without signal
        Optimizer = new OptimizerOptions
        {
            LearningRate = 5,
            Beta1 = 0,
            Beta2 = 0,
            Epsilon = 0.5,
            WeightDecay = 0,
            ClipNorm = 0,
            Decay = DecayShape.Constant,
            Warmup = 0,
        },
    };

    [Theory]
    [InlineData(GroupBaseline.Mean, ContentBaseline.Group)]
    [InlineData(GroupBaseline.LeaveOneOut, ContentBaseline.Thoughts)]
    public void Two_passes_of_an_iteration_are_the_slow_ones(GroupBaseline baseline, ContentBaseline content)
    {
        var options = Options with { Baseline = baseline, ContentBaseline = content };
        using var fixture = new Fixture(ScalarType.Float64);
        fixture.FavourThoughts(opening: 0.7f, ending: 0.7f);
        using var scorer = fixture.Decoder.Copy(trainable: false);
        using var slow = fixture.Decoder.Copy(trainable: true);
        using var eStep = new EStep(fixture.Decoder, scorer, fixture.Format, Latents, options, seed: 1);
        Snippet[] snippets = [.. fixture.Snippets.Take(6)];
        var groups = snippets.SelectMany((snippet, i) => eStep.Sample(0, i, snippet))
            .SelectMany(sample => sample.Groups).ToList();
        var metrics = eStep.Iterate(0, snippets);

        var steps = groups.SelectMany(group => Steps(fixture, scorer, group, options)).ToList();
        steps.Select(step => step.Step.Choice).Should().Contain([StepChoice.Act, StepChoice.Think, StepChoice.Invalid]);
        var tokens = steps.Sum(step => 1 + step.Step.Latent.Length);
        metrics.PolicyTokens.Should().Be(tokens);
        metrics.GroupsWithoutSignal.Should().BeInRange(0.05, 0.95, "else the test says nothing of trees that are left out");
        int held = 0, free = 0;
        for (var pass = 0; pass < options.Passes; pass++)
        {
            foreach (var step in steps)
            {
                using var scope = NewDisposeScope();
                (Loss(fixture, slow, step, options, ref held, ref free) / tokens).sum().backward();
            }

            using var noGrad = no_grad();
            foreach (var weight in slow.Parameters.Values)
            {
                using var scope = NewDisposeScope();
                weight.sub_(weight.grad! * 5.0 / (weight.grad!.abs() + 0.5));
                weight.grad!.zero_();
            }

            slow.Changed();
        }

        held.Should().BePositive("the second pass is clipped at some tokens");
        free.Should().BePositive();
        foreach (var (name, weight) in fixture.Decoder.Parameters)
        {
            using var scope = NewDisposeScope();
            var moved = (slow.Parameters[name] - scorer.Parameters[name]).abs().max().item<double>();
            (weight - slow.Parameters[name]).abs().max().item<double>().Should().BeLessThan(1e-6 * Math.Max(1e-3, moved), name);
        }
    }

    /// <summary>Every choice of a group with the advantages of the choice and of its content.</summary>
    private static IEnumerable<(Trajectory Trajectory, LatentStep Step, double Choice, double Content)> Steps(
        Fixture fixture, Decoder scorer, IReadOnlyList<Trajectory> group, EStepOptions options)
    {
        var credits = group.Select(trajectory =>
        {
            var rewards = trajectory.Steps.Select((step, i) => Line(fixture, scorer, trajectory, i)
                .Average(logProb => Math.Max(logProb, options.TokenFloor)) - step.Choice switch
                {
                    StepChoice.Think => 0.07,
                    StepChoice.Invalid => 0.37,
                    _ => 0,
                }).ToArray();
            return rewards.Select((_, i) => rewards.Skip(i).Select((reward, later) => Math.Pow(0.8, later) * reward).Sum())
                .ToArray();
        }).ToList();
        for (var member = 0; member < group.Count; member++)
        {
            for (var i = 0; i < group[member].Steps.Count; i++)
            {
                var step = group[member].Steps[i];
                if (step.Choice == StepChoice.None)
                {
                    continue;
                }

                var choice = Advantage(member, i, Enumerable.Range(0, group.Count));
                var thoughts = Enumerable.Range(0, group.Count).Where(other => group[other].Steps[i].Latent.Length > 0);
                var content = options.ContentBaseline == ContentBaseline.Group ? choice : Advantage(member, i, thoughts);
                yield return (group[member], step, choice, content < 0 ? 0.4 * content : content);
            }
        }

        double Advantage(int member, int i, IEnumerable<int> among)
        {
            int[] all = [.. among];
            int[] others = [.. all.Where(other => other != member)];
            var own = credits[member][i];
            var advantage = others.Length == 0 ? 0 : own - (options.Baseline == GroupBaseline.Mean
                ? all.Average(other => credits[other][i]) : others.Average(other => credits[other][i]));
            return Math.Abs(advantage) < 1e-9 ? 0 : advantage;
        }
    }

    /// <summary>log π of a line's tokens, from a sequence of the trajectory's own.</summary>
    private static double[] Line(Fixture fixture, Decoder scorer, Trajectory trajectory, int step)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (line, start) = (trajectory.Steps[step].Line, trajectory.LineStarts[step]);
        int[] trunk = [fixture.Format.DocumentStart, .. trajectory.Snippet.Tokens];
        int[] context = start < 0
            ? [.. trunk.Take(1 + trajectory.Snippet.Offset(line))]
            : [.. trunk.Take(trajectory.Attach), .. trajectory.Tokens.Take(start)];
        var source = trajectory.Snippet.TokensOf(line).ToArray();
        var states = States(scorer, [.. context, .. source]);
        return [.. source.Select((token, i) => LogProb(scorer, states, context.Length - 1 + i, token, null).item<double>())];
    }

    /// <summary>Σ −w min(ρ A, clip(ρ) A) over the tokens of a choice.</summary>
    private static Tensor Loss(
        Fixture fixture, Decoder policy, (Trajectory Trajectory, LatentStep Step, double Choice, double Content) taken,
        EStepOptions options, ref int held, ref int free)
    {
        var (trajectory, step, choice, content) = taken;
        var opener = trajectory.Snippet.Actions[step.Line].Opener[^1];
        int[] trunk = [fixture.Format.DocumentStart, .. trajectory.Snippet.Tokens];
        int[] context = [.. trunk.Take(step.Attach), .. trajectory.Tokens.Take(step.Prefix)];
        var states = States(policy, step.Latent.Length > 0 ? [.. context, opener, .. step.Latent] : context);
        var think = LogProb(policy, states, context.Length - 1, opener, null);
        var loss = Token(
            step.Choice == StepChoice.Act ? (1 - think.exp()).log() : think, (float)step.DecisionLogProb, choice,
            Math.Exp(step.DecisionLogProb - step.BehaviourLogProb), ref held, ref free);
        for (var i = 0; i < step.Latent.Length; i++)
        {
            var logProb = LogProb(policy, states, context.Length + i, step.Latent[i], fixture.Format.Forbidden);
            loss = loss + Token(logProb, step.LatentLogProbs[i], content, 1, ref held, ref free);
        }

        return loss;

        Tensor Token(Tensor logProb, double sampled, double advantage, double weight, ref int held, ref int free)
        {
            var ratio = (logProb - sampled).exp();
            var value = ratio.item<double>();
            var isHeld = advantage > 0 ? value > 1 + options.ClipHigh : value < 1 - options.ClipLow;
            (held, free) = advantage == 0 ? (held, free) : isHeld ? (held + 1, free) : (held, free + 1);
            return isHeld && advantage != 0 ? logProb * 0 : ratio * (-weight * advantage);
        }
    }

    private static Tensor States(Decoder decoder, int[] sequence) => decoder.Hidden(
        tensor(sequence, ScalarType.Int64), arange(sequence.Length, ScalarType.Int64), new CausalAttention(1, sequence.Length));

    private static Tensor LogProb(Decoder decoder, Tensor states, int row, int token, Tensor? forbidden) =>
        LanguageModelHead.LogProbs(
            decoder, states.slice(0, row, row + 1, 1), tensor([(long)token]), new HeadDistribution(1, forbidden));
}
