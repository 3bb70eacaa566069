using System.Text.Json;
using Ra3.Models.Tokenizers;
using Ra3.Training;

namespace Ra3.PostTraining.Tests;

/// <summary>Runs: determinism, resuming, evaluation, asynchrony.</summary>
public sealed class GrpoTrainerTests : IDisposable
{
    private readonly Toy toy = new();

    public void Dispose() => toy.Dispose();

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        var runs = Enumerable.Range(0, 2).Select(_ =>
        {
            var folder = toy.NewFolder();
            using var policy = toy.Policy.Copy(trainable: true);
            toy.Train(toy.Options, TextReward.LetterShare, folder, policy: policy);
            return (Weights: Toy.WeightsOf(policy), Rollouts: File.ReadAllText(Path.Combine(folder, RolloutLine.FileName)));
        }).ToList();
        runs[1].Weights.Should().Equal(runs[0].Weights);
        runs[1].Rollouts.Should().Be(runs[0].Rollouts);
        runs[0].Weights.Should().NotEqual(Toy.WeightsOf(toy.Policy));
    }

    [Fact]
    public void A_stopped_run_goes_on_bit_for_bit()
    {
        var options = toy.Options with { Steps = 6, CheckpointEvery = 2, EvaluateEvery = 3, MaxResampling = 1, KlCoefficient = 0.05 };
        var (whole, pieces) = (toy.NewFolder(), toy.NewFolder());
        using var straight = toy.Policy.Copy(trainable: true);
        var result = toy.Train(options, TextReward.LetterShare, whole, toy.Problems, policy: straight);
        foreach (var until in new[] { 1L, 3, 4 })
        {
            using var stop = new CancellationTokenSource();
            using var part = toy.Policy.Copy(trainable: true);
            var act = () => toy.Train(options, TextReward.LetterShare, pieces, toy.Problems, new Listener(step =>
            {
                if (step == until)
                {
                    stop.Cancel();
                }
            }), stop.Token, part);
            act.Should().Throw<OperationCanceledException>();
        }

        using var last = toy.Policy.Copy(trainable: true);
        var resumed = toy.Train(options, TextReward.LetterShare, pieces, toy.Problems, policy: last);
        Toy.WeightsOf(last).Should().Equal(Toy.WeightsOf(straight));
        foreach (var file in new[] { RolloutLine.FileName, "evaluations.jsonl" })
        {
            File.ReadAllText(Path.Combine(pieces, file)).Should().Be(File.ReadAllText(Path.Combine(whole, file)));
        }

        resumed.Evaluations.Keys.Should().Equal(0, 3, 6);
        resumed.State.Tokens.Should().Be(result.State.Tokens);
        resumed.State.Updates.Should().Be(result.State.Updates).And.BePositive();
        resumed.State.Should().Be(Checkpoint.ReadState(Path.Combine(pieces, GrpoTrainer.CheckpointFolder)));
    }

    [Fact]
    public void A_killed_run_goes_on_from_its_checkpoint_bit_for_bit()
    {
        var options = toy.Options with { Steps = 5, CheckpointEvery = 2 };
        var (whole, killed) = (toy.NewFolder(), toy.NewFolder());
        using var straight = toy.Policy.Copy(trainable: true);
        toy.Train(options, TextReward.LetterShare, whole, policy: straight);
        using var first = toy.Policy.Copy(trainable: true);
        var act = () => toy.Train(options, TextReward.LetterShare, killed, observer: new Listener(step =>
        {
            if (step == 3)
            {
                throw new InvalidOperationException("as if killed: nothing is saved on the way out");
            }
        }), policy: first);
        act.Should().Throw<InvalidOperationException>();
        using var second = toy.Policy.Copy(trainable: true);
        toy.Train(options, TextReward.LetterShare, killed, policy: second);
        Toy.WeightsOf(second).Should().Equal(Toy.WeightsOf(straight));
        File.ReadAllText(Path.Combine(killed, RolloutLine.FileName)).Should().Be(File.ReadAllText(Path.Combine(whole, RolloutLine.FileName)));
    }

    [Fact]
    public void What_was_learnt_before_the_judge_failed_is_kept_and_the_run_goes_on_from_there()
    {
        var options = toy.Options with { Steps = 4, CheckpointEvery = 0 };
        var (whole, broken) = (toy.NewFolder(), toy.NewFolder());
        using var straight = toy.Policy.Copy(trainable: true);
        toy.Train(options, TextReward.LetterShare, whole, policy: straight);
        var done = 0L;
        var dies = new TextReward((_, text) => Volatile.Read(ref done) < 2
            ? new Score(text.Length == 0 ? 0 : text.Count(c => c == 'e') / (double)text.Length, "failed")
            : new Score(null, "harness_error", "no python"));
        using var first = toy.Policy.Copy(trainable: true);
        var act = () => toy.Train(
            options, dies, broken, observer: new Listener(step => Volatile.Write(ref done, step)), policy: first);
        act.Should().Throw<IOException>().WithMessage("*step 3*");
        Ra3.Training.Checkpoint.ReadState(Path.Combine(broken, GrpoTrainer.CheckpointFolder)).Step.Should().Be(2);
        using var second = toy.Policy.Copy(trainable: true);
        toy.Train(options, TextReward.LetterShare, broken, policy: second);
        Toy.WeightsOf(second).Should().Equal(Toy.WeightsOf(straight));
    }

    [Fact]
    public void Rollouts_say_what_was_sampled_and_what_it_earned()
    {
        var folder = toy.NewFolder();
        var listener = new Listener();
        toy.Train(toy.Options with { Steps = 2 }, TextReward.LetterShare, folder, observer: listener);
        var lines = Ra3.Models.Files.JsonLines.ReadLog<RolloutLine>(Path.Combine(folder, RolloutLine.FileName), Ra3.Training.Runs.RunJson.Options).ToList();
        lines.Should().HaveCount(2 * toy.Options.PromptsPerStep * toy.Options.GroupSize);
        lines.Where(line => line.Step == 1).Average(line => line.Reward!.Value).Should().BeApproximately(listener.Metrics[0].Reward, 1e-9);
        lines.Sum(line => (long)line.Tokens).Should().Be(listener.Metrics.Sum(metrics => metrics.SampledTokens));
        lines.Select(line => line.Group).Distinct().Should().HaveCount(2 * toy.Options.PromptsPerStep);
        lines.Should().OnlyContain(line => line.PolicyVersion == line.Step - 1);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Stale_rollouts_are_at_most_as_old_as_allowed(int bound)
    {
        var folder = toy.NewFolder();
        var listener = new Listener();
        var options = toy.Options with { Steps = 8, MaxStaleness = bound, Passes = 2, Minibatches = 2 };
        toy.Train(options, TextReward.LetterShare, folder, observer: listener, stop: TestContext.Current.CancellationToken);
        listener.Metrics.Should().HaveCount(8).And.OnlyContain(metrics => metrics.Staleness >= 0 && metrics.Staleness <= bound);
        foreach (var line in Ra3.Models.Files.JsonLines.ReadLog<RolloutLine>(Path.Combine(folder, RolloutLine.FileName), Ra3.Training.Runs.RunJson.Options))
        {
            line.PolicyVersion.Should().BeInRange(line.Step - 1 - bound, line.Step - 1);
        }
    }

    [Fact]
    public void An_asynchronous_run_stops_and_goes_on()
    {
        var folder = toy.NewFolder();
        var options = toy.Options with { Steps = 6, MaxStaleness = 2 };
        using var stop = new CancellationTokenSource();
        var act = () => toy.Train(options, TextReward.LetterShare, folder, observer: new Listener(step =>
        {
            if (step == 2)
            {
                stop.Cancel();
            }
        }), stop: stop.Token);
        act.Should().Throw<OperationCanceledException>();
        using var policy = toy.Policy.Copy(trainable: true);
        toy.Train(options, TextReward.LetterShare, folder, policy: policy).State.Step.Should().Be(6);
    }

    [Fact]
    public void What_the_producer_throws_reaches_the_caller()
    {
        var act = () => toy.Train(
            toy.Options with { MaxStaleness = 1 }, new TextReward((_, _) => new Score(null, "harness_error", "no python")), toy.NewFolder());
        act.Should().Throw<IOException>().WithMessage("*no python*");
    }

    [Fact]
    public void A_problem_whose_prompt_leaves_no_room_is_left_out()
    {
        var order = new ProblemOrder(
            [.. toy.Problems, new AnswerProblem("long", string.Concat(Enumerable.Repeat("x + ", 200)), [], "")], toy.Tokenizer, toy.Config, 12, 1);
        order.LeftOut.Should().Be(1);
        var epoch = Enumerable.Range(0, 12).Select(i => order.At(i).Problem.Id).ToList();
        epoch.Should().BeEquivalentTo(toy.Problems.Select(problem => problem.Id));
        Enumerable.Range(12, 12).Select(i => order.At(i).Problem.Id).Should().NotEqual(epoch);
        order.At(3).Problem.Id.Should().Be(epoch[3]);
        var prompts = new PromptEncoder(toy.Tokenizer);
        foreach (var (problem, prompt) in Enumerable.Range(0, 12).Select(i => order.At(i)))
        {
            prompt.Should().Equal(prompts.Encode(problem.Prompt), "training begins a prompt as evaluation and generation do");
            prompt[0].Should().Be(toy.Tokenizer.EndOfText);
        }
    }

    [Fact]
    public void Pass_at_1_is_greedy_and_leaves_out_what_the_judge_failed_on()
    {
        var reward = new TextReward((problem, _) => problem.Id switch
        {
            "toy/0" => new Score(null, "harness_error"),
            "toy/1" or "toy/2" or "toy/3" => new Score(1, Score.PassedVerdict),
            _ => new Score(0.9, "failed"),
        });
        var results = new[] { 1, 5 }.Select(batch => PassAt1.Measure(toy.Policy, toy.Tokenizer, toy.Problems, reward, 10, batch)).ToList();
        results[0].Rate.Should().BeApproximately(3 / 11.0, 1e-12);
        results[0].StandardError.Should().BeApproximately(
            Math.Sqrt((3 / 11.0 * (8 / 11.0) / 11) + (1 / (4 * 11.0 * 11))) / (1 + (1 / 11.0)), 1e-12); // Wilson's, never 0
        results[0].Dropped.Should().Be(1);
        results[1].Completions.Should().Equal(results[0].Completions);
    }

    [Fact]
    public void Metrics_have_distinct_names_and_are_numbers()
    {
        var listener = new Listener();
        toy.Train(toy.Options with { Steps = 1 }, TextReward.LetterShare, toy.NewFolder(), observer: listener);
        listener.Metrics[0].Named().Select(metric => metric.Name).Should().OnlyHaveUniqueItems();
        JsonSerializer.Serialize(listener.Metrics[0].Named().ToDictionary(m => m.Name, m => m.Value)).Should().Contain("rlvr.reward");
    }
}
