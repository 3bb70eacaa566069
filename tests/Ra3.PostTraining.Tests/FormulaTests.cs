using System.Text.Json;
using CsCheck;
using Ra3.Tests;
using static TorchSharp.torch;

namespace Ra3.PostTraining.Tests;

/// <summary>Each formula against a slow double reference written from its definition.</summary>
public sealed class FormulaTests
{
    private static readonly Gen<double[]> Rewards = Gen.Double[-2, 2].Array[2, 9];

    [Fact]
    public void The_mean_baseline_is_the_mean_of_all() => Rewards.Sample(rewards =>
    {
        var advantages = GroupAdvantages.Of(rewards, GroupBaseline.Mean, normalizeByStd: false);
        for (var i = 0; i < rewards.Length; i++)
        {
            advantages[i].Should().BeApproximately(rewards[i] - rewards.Average(), 1e-12);
        }
    });

    [Fact]
    public void The_leave_one_out_baseline_is_the_mean_of_the_others() => Rewards.Sample(rewards =>
    {
        var advantages = GroupAdvantages.Of(rewards, GroupBaseline.LeaveOneOut, normalizeByStd: false);
        for (var i = 0; i < rewards.Length; i++)
        {
            advantages[i].Should().BeApproximately(rewards[i] - rewards.Where((_, j) => j != i).Average(), 1e-12);
        }
    });

    [Fact]
    public void Normalised_advantages_are_divided_by_the_sample_deviation()
    {
        // mean 0.25, deviations −.25 (3×) and .75: variance (3·.0625 + .5625)/3 = .25
        var advantages = GroupAdvantages.Of([0, 0, 0, 1], GroupBaseline.Mean, normalizeByStd: true);
        advantages[3].Should().BeApproximately(0.75 / 0.500001, 1e-9);
        advantages[0].Should().BeApproximately(-0.25 / 0.500001, 1e-9);
    }

    [Fact]
    public void Equal_rewards_have_no_signal()
    {
        GroupAdvantages.HaveSignal([0.3, 0.3, 0.3]).Should().BeFalse();
        GroupAdvantages.HaveSignal([0.3, 0.3, 0.4]).Should().BeTrue();
    }

    [Theory]
    [InlineData(60, 0)]
    [InlineData(80, 0)]
    [InlineData(90, -0.5)]
    [InlineData(95, -0.75)]
    [InlineData(100, -1)]
    public void Soft_shaping_falls_linearly_over_the_buffer(int tokens, double penalty) =>
        GroupAdvantages.OverlongPenalty(tokens, bound: 100, buffer: 20).Should().BeApproximately(penalty, 1e-12);

    [Fact]
    public void The_clipped_loss_is_the_definition() => Gen.Select(Gen.Double[-3, 0], Gen.Double[-3, 0], Gen.Double[-2, 2]).Array[1, 8].Sample(tokens =>
    {
        var values = PolicyLoss.Clipped(
            Of(tokens.Select(t => t.Item1)), Of(tokens.Select(t => t.Item2)), Of(tokens.Select(t => t.Item3)), 0.2, 0.28).data<double>().ToArray();
        for (var i = 0; i < tokens.Length; i++)
        {
            var (logProb, old, advantage) = tokens[i];
            var ratio = Math.Exp(logProb - old);
            var wanted = -Math.Min(ratio * advantage, Math.Min(Math.Max(ratio, 0.8), 1.28) * advantage);
            values[i].Should().BeApproximately(wanted, 1e-12);
        }
    });

    [Theory]
    [InlineData(KlEstimator.K1)]
    [InlineData(KlEstimator.K2)]
    [InlineData(KlEstimator.K3)]
    public void Divergences_are_the_definitions(KlEstimator estimator) => Gen.Select(Gen.Double[-3, 0], Gen.Double[-3, 0]).Sample((logProb, reference) =>
    {
        var x = logProb - reference;
        var wanted = estimator switch { KlEstimator.K1 => x, KlEstimator.K2 => x * x / 2, _ => Math.Exp(-x) - 1 + x };
        PolicyLoss.Divergence(Of([logProb]), Of([reference]), estimator).item<double>().Should().BeApproximately(wanted, 1e-12);
    });

    [Fact]
    public void K1_and_K3_are_the_divergence_on_average()
    {
        double[] policy = [0.5, 0.3, 0.2], reference = [0.2, 0.3, 0.5];
        var exact = policy.Zip(reference, (p, q) => p * Math.Log(p / q)).Sum();
        foreach (var estimator in new[] { KlEstimator.K1, KlEstimator.K3 })
        {
            var mean = policy.Zip(reference, (p, q) =>
                p * PolicyLoss.Divergence(Of([Math.Log(p)]), Of([Math.Log(q)]), estimator).item<double>()).Sum();
            mean.Should().BeApproximately(exact, 1e-12);
        }
    }

    [Fact]
    public void Importance_weights_are_truncated_from_above_only() => Gen.Select(Gen.Double[-3, 0], Gen.Double[-3, 0]).Sample((old, sampled) =>
        PolicyLoss.ImportanceWeights(Of([old]), Of([sampled]), 2).item<double>().Should().BeApproximately(Math.Min(2, Math.Exp(old - sampled)), 1e-12));

    [Fact]
    public void Token_weights_are_the_two_means()
    {
        PolicyLoss.TokenWeights([3, 0, 1], LossReduction.Token).Should().Equal(0.25, 0, 0.25);
        PolicyLoss.TokenWeights([3, 0, 1], LossReduction.SequenceMean).Should().Equal(1 / 6.0, 0, 0.5);
    }

    [Theory]
    [InlineData(KlEstimator.K2, LossReduction.Token)]
    [InlineData(KlEstimator.K3, LossReduction.SequenceMean)]
    public void The_gradient_is_that_of_finite_differences(KlEstimator estimator, LossReduction reduction)
    {
        double[] logits = [0.3, -0.2, 0.9, -1.1, 0.05];
        int[] lengths = [3, 2];
        double[] advantages = [0.7, 0.7, 0.7, -0.4, -0.4], old = [-0.3, -1.4, -0.2, -1.2, -0.65], reference = [-0.5, -0.6, -0.7, -0.8, -0.9];
        var weights = PolicyLoss.TokenWeights(lengths, reduction).SelectMany((w, i) => Enumerable.Repeat(w, lengths[i])).ToArray();
        var x = Of(logits).requires_grad_();
        Loss(x).backward();
        var gradient = x.grad!.data<double>().ToArray();
        for (var i = 0; i < logits.Length; i++)
        {
            const double h = 1e-6;
            double[] up = [.. logits], down = [.. logits];
            (up[i], down[i]) = (up[i] + h, down[i] - h);
            gradient[i].Should().BeApproximately((Loss(Of(up)).item<double>() - Loss(Of(down)).item<double>()) / (2 * h), 1e-7);
        }

        Tensor Loss(Tensor z)
        {
            var logProbs = nn.functional.logsigmoid(z);
            return ((PolicyLoss.Clipped(logProbs, Of(old), Of(advantages), 0.2, 0.28)
                + (PolicyLoss.Divergence(logProbs, Of(reference), estimator) * 0.1)) * Of(weights)).sum();
        }
    }

    /// <summary>Where both have a variant: TRL's "grpo" is the mean over completions, "bnpo" and "dapo" the mean over
    /// tokens.</summary>
    [Fact]
    public void Losses_gradients_and_metrics_are_those_of_TRL()
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(SharedData.Require("goldens/grpo-losses.json")));
        var root = golden.RootElement;
        int[] lengths = [.. Rows(root.GetProperty("mask")).Select(row => (int)row.Sum())];
        var compared = 0;
        foreach (var row in root.GetProperty("rows").EnumerateArray().Where(row =>
            row.GetProperty("importance_sampling_level").GetString() == "token"
            && row.GetProperty("loss_type").GetString() is "grpo" or "bnpo" or "dapo"))
        {
            var (beta, low, high) = (Number("beta"), Number("epsilon_low"), Number("epsilon_high"));
            var reduction = row.GetProperty("loss_type").GetString() == "grpo"
                ? LossReduction.SequenceMean : LossReduction.Token;
            var logProbs = Of(Unmasked("log_probs")).requires_grad_();
            var old = Of(Unmasked("old_log_probs"));
            var advantages = Of(Each(
                root.GetProperty("advantages").EnumerateArray().Select(value => value.GetDouble())));
            var divergence = PolicyLoss.Divergence(logProbs, Of(Unmasked("reference_log_probs")), KlEstimator.K3);
            var loss = ((PolicyLoss.Clipped(logProbs, old, advantages, low, high) + (divergence * beta))
                * Of(Each(PolicyLoss.TokenWeights(lengths, reduction)))).sum();
            loss.backward();
            loss.item<double>().Should().BeApproximately(Number("loss"), 1e-7, $"{row}");
            logProbs.grad!.data<double>().ToArray()
                .Zip(Inside(row.GetProperty("gradient")), (a, b) => Math.Abs(a - b)).Max()
                .Should().BeLessThan(1e-7, $"{row}");

            var options = new GrpoOptions { ClipLow = low, ClipHigh = high };
            var tally = new LearningTally();
            tally.Add(logProbs, old, old, advantages, null, divergence, options);
            var metrics = tally.Metrics(new RolloutBatch(0, 0, [], [], 0), 0, 0);
            var theirs = row.GetProperty("metrics");
            metrics.ClippedLow.Should().BeApproximately(theirs.GetProperty("clip_ratio/low_mean").GetDouble(), 1e-6);
            metrics.ClippedHigh.Should().BeApproximately(theirs.GetProperty("clip_ratio/high_mean").GetDouble(), 1e-6);
            if (beta > 0)
            {
                metrics.Kl.Should().BeApproximately(theirs.GetProperty("kl").GetDouble(), 1e-6);
            }

            compared++;

            double Number(string name) => row.GetProperty(name).GetDouble();
        }

        compared.Should().Be(6);

        IEnumerable<double> Unmasked(string name) => Inside(root.GetProperty(name));
        IEnumerable<double> Inside(JsonElement matrix) => Rows(matrix).SelectMany((row, i) => row.Take(lengths[i]));
        IEnumerable<double> Each(IEnumerable<double> values) =>
            values.SelectMany((value, i) => Enumerable.Repeat(value, lengths[i]));
        static IEnumerable<double[]> Rows(JsonElement matrix) =>
            matrix.EnumerateArray().Select(row => row.EnumerateArray().Select(value => value.GetDouble()).ToArray());
    }

    private static Tensor Of(IEnumerable<double> values) => tensor(values.ToArray(), ScalarType.Float64);
}
