using System.ComponentModel.DataAnnotations;
using static TorchSharp.torch;

namespace Ra3.PostTraining.Tests;

/// <summary>The algorithm on a tiny model.</summary>
public sealed class GrpoTests : IDisposable
{
    private readonly Toy toy = new();

    public void Dispose() => toy.Dispose();

    [Theory]
    [InlineData(ScalarType.Float32, 1.0)]
    [InlineData(ScalarType.Float32, 0.6)]
    [InlineData(ScalarType.BFloat16, 1.0)]
    [InlineData(ScalarType.BFloat16, 0.6)]
    public void What_the_sampler_records_is_what_the_trainer_computes(ScalarType type, double temperature)
    {
        using var other = new Toy(type);
        using var grpo = other.Algorithm(other.Options with { Temperature = temperature, MaxNewTokens = 40 }, TextReward.LetterShare);
        for (var step = 0; step < 3; step++)
        {
            var metrics = grpo.Learn(grpo.Collect(other.Policy, step, step, TestContext.Current.CancellationToken));
            metrics.TrainedTokens.Should().BePositive();
            metrics.LogProbMismatch.Should().Be(0);
        }
    }

    [Fact]
    public void A_step_cancelled_before_its_first_update_changes_nothing()
    {
        using var policy = toy.Policy.Copy(trainable: true);
        using var grpo = toy.Algorithm(toy.Options with { MicroBatch = 1, Passes = 2 }, TextReward.LetterShare, policy);
        var batch = grpo.Collect(policy, 0, 0, TestContext.Current.CancellationToken);
        var learn = () => grpo.Learn(batch, new CancellationToken(canceled: true));
        learn.Should().Throw<OperationCanceledException>();
        grpo.Optimizer.Steps.Should().Be(0);
        Toy.WeightsOf(policy).Should().Equal(Toy.WeightsOf(toy.Policy));

        using var other = toy.Policy.Copy(trainable: true);
        using var straight = toy.Algorithm(toy.Options with { MicroBatch = 1, Passes = 2 }, TextReward.LetterShare, other);
        straight.Learn(batch);
        grpo.Learn(batch);
        Toy.WeightsOf(policy).Should().Equal(Toy.WeightsOf(other), "no gradient was left behind");
    }

    [Fact]
    public void It_learns_what_pays()
    {
        var listener = new Listener();
        toy.Train(toy.Options with { Steps = 40, PromptsPerStep = 4, GroupSize = 8, Optimizer = toy.Options.Optimizer with { LearningRate = 5e-3 } },
            TextReward.LetterShare, toy.NewFolder(), observer: listener, stop: TestContext.Current.CancellationToken);
        var (first, last) = (listener.Metrics.Take(5).Average(m => m.Reward), listener.Metrics.TakeLast(5).Average(m => m.Reward));
        last.Should().BeGreaterThan(first + 0.3);
    }

    [Theory]
    [InlineData(LossReduction.Token)]
    [InlineData(LossReduction.SequenceMean)]
    public void Micro_batches_change_nothing(LossReduction reduction)
    {
        var batches = new[] { 1, 3, 16 }.Select(micro =>
        {
            using var policy = toy.Policy.Copy(trainable: true);
            using var grpo = toy.Algorithm(toy.Options with { MicroBatch = micro, Reduction = reduction }, TextReward.LetterShare, policy);
            var metrics = grpo.Learn(grpo.Collect(policy, 0, 0, TestContext.Current.CancellationToken));
            return (metrics.Loss, metrics.GradientNorm);
        }).ToList();
        batches[0].GradientNorm.Should().BePositive();
        batches.Should().AllSatisfy(batch =>
        {
            batch.Loss.Should().BeApproximately(batches[0].Loss, 1e-6);
            batch.GradientNorm.Should().BeApproximately(batches[0].GradientNorm, 1e-5 * batches[0].GradientNorm);
        });
    }

    [Theory]
    [InlineData(LossReduction.Token)]
    [InlineData(LossReduction.SequenceMean)]
    public void The_loss_is_the_slow_one_over_whole_sequences(LossReduction reduction)
    {
        var options = toy.Options with
        {
            Reduction = reduction,
            PromptsPerStep = 6,
            Passes = 2,
            KlCoefficient = 0.3,
            NormalizeByStd = true,
        };
        using var reference = toy.Policy.Copy(trainable: false);
        using var grpo = toy.Algorithm(options, SomeFlat, reference: reference);
        var batch = grpo.Collect(toy.Policy, 0, 0, TestContext.Current.CancellationToken);
        batch.Groups.Select(group => group.HasSignal).Should().Contain(true).And.Contain(false);
        var metrics = grpo.Learn(batch);
        metrics.Kl.Should().BePositive("the second pass is off the reference");

        // The metrics' loss is that of the second pass, whose weights are those after one update: replayed here.
        using var replayed = reference.Copy(trainable: true);
        using var first = toy.Algorithm(options with { Passes = 1 }, SomeFlat, replayed, reference);
        first.Learn(batch);
        double loss = 0;
        var members = batch.Groups.SelectMany(group => group.Members.Select(member => (group, member))).ToList();
        var tokens = members.Sum(pair => pair.member.Tokens.Length);
        foreach (var (group, member) in members) // those without signal too: the divergence acts on them
        {
            var share = reduction == LossReduction.Token ? 1.0 / tokens : 1.0 / member.Tokens.Length / members.Count;
            var now = LogProbs(replayed, group.Prompt, member.Tokens, options.Temperature);
            var start = LogProbs(reference, group.Prompt, member.Tokens, options.Temperature);
            for (var i = 0; i < now.Length; i++)
            {
                var ratio = Math.Exp(now[i] - member.LogProbs[i]);
                var x = now[i] - start[i];
                loss += share * ((0.3 * (Math.Exp(-x) - 1 + x))
                    - Math.Min(ratio * member.Advantage, Math.Clamp(ratio, 0.8, 1.28) * member.Advantage));
            }
        }

        metrics.Loss.Should().BeApproximately(loss, 1e-5);

        static double[] LogProbs(Ra3.Models.Decoder decoder, int[] prompt, int[] tokens, double temperature)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            int[] all = [.. prompt, .. tokens];
            var hidden = decoder.Hidden(
                tensor(all, ScalarType.Int64), arange(all.Length, ScalarType.Int64), new Ra3.Models.CausalAttention(1, all.Length));
            var log = (decoder.Logits(hidden) / temperature).log_softmax(-1).to_type(ScalarType.Float64);
            return [.. tokens.Select((token, i) => log[prompt.Length + i - 1][token].item<double>())];
        }
    }

    [Fact]
    public void Groups_without_signal_are_counted_and_skipped()
    {
        using var grpo = toy.Algorithm(toy.Options, new TextReward((_, _) => new Score(1, "passed")));
        var before = Toy.WeightsOf(toy.Policy);
        var metrics = grpo.Learn(grpo.Collect(toy.Policy, 0, 0, TestContext.Current.CancellationToken));
        metrics.GroupsWithoutSignal.Should().Be(1);
        metrics.TrainedTokens.Should().Be(0);
        grpo.Optimizer.Steps.Should().Be(0);
        Toy.WeightsOf(toy.Policy).Should().Equal(before);
    }

    [Fact]
    public void The_divergence_pulls_where_all_rewards_are_equal()
    {
        using var other = new Toy(seed: 4);
        using var grpo = toy.Algorithm(
            toy.Options with { KlCoefficient = 0.1 }, new TextReward((_, _) => new Score(1, "passed")),
            reference: other.Policy);
        var metrics = grpo.Learn(grpo.Collect(toy.Policy, 0, 0, TestContext.Current.CancellationToken));
        metrics.GroupsWithoutSignal.Should().Be(1);
        metrics.TrainedTokens.Should().Be(metrics.SampledTokens);
        metrics.Kl.Should().BePositive();
        metrics.GradientNorm.Should().BePositive();
        grpo.Optimizer.Steps.Should().Be(1);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(3, 3)]
    public void A_step_that_teaches_makes_passes_times_minibatches_updates_each_with_signal(int passes, int minibatches)
    {
        var options = toy.Options with { PromptsPerStep = 6, Passes = passes, Minibatches = minibatches };
        using var grpo = toy.Algorithm(options, SomeFlat);
        var batch = grpo.Collect(toy.Policy, 0, 0, TestContext.Current.CancellationToken);
        var learning = batch.Groups.Where(group => group.HasSignal).SelectMany(group => group.Members).ToList();
        batch.Groups.Count(group => group.HasSignal).Should().BeGreaterThanOrEqualTo(minibatches).And.BeLessThan(6);
        var metrics = grpo.Learn(batch);
        grpo.Optimizer.Steps.Should().Be(passes * minibatches);
        metrics.GradientNorm.Should().BePositive("the last update has its share of the groups with signal");
        metrics.TrainedTokens.Should().Be(passes * learning.Sum(member => member.Tokens.Length), "once a pass");
    }

    [Fact]
    public void Groups_stand_in_the_order_of_their_problems_whatever_their_signal()
    {
        using var grpo = toy.Algorithm(toy.Options with { PromptsPerStep = 6, MaxResampling = 1 }, SomeFlat);
        var batch = grpo.Collect(toy.Policy, 0, 0, TestContext.Current.CancellationToken);
        var order = new ProblemOrder(toy.Problems, toy.Tokenizer, toy.Config, toy.Options.MaxNewTokens, 7);
        for (var i = 0; i < batch.Groups.Count; i++)
        {
            var wanted = order.At(i).Problem.Id;
            if (IsFlat(order.At(i).Problem))
            {
                batch.Replaced.Should().Contain(group => group.Problem.Id == wanted);
            }
            else
            {
                batch.Groups[i].Problem.Id.Should().Be(wanted);
            }
        }
    }

    [Fact]
    public void A_dead_judge_is_noticed_before_anything_is_sampled_again()
    {
        var judged = 0;
        using var grpo = toy.Algorithm(toy.Options with { MaxResampling = 5 }, new TextReward((_, _) =>
        {
            Interlocked.Increment(ref judged);
            return new Score(null, "harness_error", "no python");
        }));
        var collect = () => grpo.Collect(toy.Policy, 0, 0, TestContext.Current.CancellationToken);
        collect.Should().Throw<IOException>().WithMessage("*step 1*no python*");
        judged.Should().Be(toy.Options.PromptsPerStep * toy.Options.GroupSize);
    }

    [Fact]
    public void Dynamic_sampling_replaces_groups_without_signal_up_to_its_bound()
    {
        var ends = new TextReward((problem, text) => new Score(problem.Id == "toy/3" ? text.Length % 2 : 0, "failed"));
        using var grpo = toy.Algorithm(toy.Options with { MaxResampling = 2 }, ends);
        var batch = grpo.Collect(toy.Policy, 0, 0, TestContext.Current.CancellationToken);
        batch.Groups.Should().HaveCount(toy.Options.PromptsPerStep);
        batch.Replaced.Count.Should().BeInRange(1, 2 * toy.Options.PromptsPerStep);
        batch.Replaced.Should().OnlyContain(group => !group.HasSignal);
        batch.Sampled.Select(group => group.Id).Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void A_sample_that_the_judge_failed_on_leaves_its_group()
    {
        var number = 0;
        var reward = new TextReward((_, text) => Interlocked.Increment(ref number) % 4 == 0
            ? new Score(null, "harness_error") : new Score(text.Length, "failed"));
        using var grpo = toy.Algorithm(toy.Options, reward);
        var batch = grpo.Collect(toy.Policy, 0, 0, TestContext.Current.CancellationToken);
        var dropped = batch.Groups.SelectMany(group => group.Members).Where(member => member.Score.Value is null).ToList();
        dropped.Should().HaveCount(3).And.OnlyContain(member => !member.InLoss && member.Advantage == 0);
        foreach (var group in batch.Groups.Where(group => group.HasSignal))
        {
            var judged = group.Members.Where(member => member.Reward is not null).ToList();
            judged.Sum(member => member.Advantage).Should().BeApproximately(0, 1e-9);
        }

        var metrics = grpo.Learn(batch);
        metrics.Dropped.Should().Be(3);
        metrics.Verdicts["harness_error"].Should().Be(3);
    }

    [Fact]
    public void A_judge_that_always_fails_stops_the_run()
    {
        var act = () => toy.Train(toy.Options, new TextReward((_, _) => new Score(null, "harness_error", "no python")), toy.NewFolder());
        act.Should().Throw<IOException>().WithMessage("*step 1*no python*");
    }

    [Fact]
    public void Masked_overlong_completions_count_in_the_group_but_not_in_the_loss()
    {
        using var grpo = toy.Algorithm(toy.Options with { Overlong = OverlongHandling.Mask }, TextReward.LetterShare);
        var batch = grpo.Collect(toy.Policy, 0, 0, TestContext.Current.CancellationToken);
        var truncated = batch.Groups.SelectMany(group => group.Members).Where(member => member.Truncated).ToList();
        truncated.Should().NotBeEmpty().And.OnlyContain(member => !member.InLoss && member.Reward != null);
    }

    [Fact]
    public void A_loss_that_is_not_finite_stops_before_the_update()
    {
        using var grpo = toy.Algorithm(toy.Options, TextReward.LetterShare);
        var batch = grpo.Collect(toy.Policy, 0, 0, TestContext.Current.CancellationToken);
        batch.Groups.First(group => group.HasSignal).Members[0].Advantage = double.NaN;
        var before = Toy.WeightsOf(toy.Policy);
        var act = () => grpo.Learn(batch);
        act.Should().Throw<InvalidDataException>().WithMessage("*not finite*");
        Toy.WeightsOf(toy.Policy).Should().Equal(before);
    }

    [Fact]
    public void Options_out_of_range_are_named()
    {
        var bad = new GrpoOptions { GroupSize = 1, Temperature = 0, ImportanceCap = 0.5, Overlong = OverlongHandling.SoftShaping, OverlongBuffer = 999 };
        bad.Validate(new ValidationContext(bad)).SelectMany(error => error.MemberNames)
            .Should().BeEquivalentTo("groupSize", "temperature", "importanceCap", "overlongBuffer");
        bad = new GrpoOptions
        {
            ClipLow = 1,
            ClipHigh = double.NaN,
            KlCoefficient = double.PositiveInfinity,
            OverlongBuffer = -1,
        };
        bad.Validate(new ValidationContext(bad)).SelectMany(error => error.MemberNames)
            .Should().BeEquivalentTo("clipLow", "clipHigh", "klCoefficient", "overlongBuffer");
        bad = new GrpoOptions { Temperature = 1e300, KlCoefficient = 1e300, PromptsPerStep = int.MaxValue, GroupSize = 2 };
        bad.Validate(new ValidationContext(bad)).SelectMany(error => error.MemberNames)
            .Should().BeEquivalentTo("temperature", "klCoefficient", "groupSize", "promptsPerStep");
        new GrpoOptions().Validate(new ValidationContext(bad)).Should().BeEmpty();
    }

    /// <summary>Half of the problems pay every completion alike.</summary>
    private static TextReward SomeFlat { get; } = new((problem, text) => IsFlat(problem)
        ? new Score(1, "passed") : new Score(text.Length + (text.Count(c => c == 'e') / 7.0), "failed"));

    private static bool IsFlat(Problem problem) => (problem.Id[^1] - '0') % 2 == 1;
}
