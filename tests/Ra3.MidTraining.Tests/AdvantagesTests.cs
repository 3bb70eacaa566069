using CsCheck;

namespace Ra3.MidTraining.Tests;

public sealed class AdvantagesTests
{
    [Fact]
    public void At_horizon_1_every_way_of_crediting_is_the_reward_itself_as_in_BRiTE()
    {
        Gen.Double[-10, 0].Sample(reward =>
        {
            foreach (var credit in Enum.GetValues<CreditAssignment>())
            {
                Advantages.Credits([reward], credit, discount: 0.7).Should().Equal(reward);
            }
        });
    }

    [Fact]
    public void Credits_are_the_sums_their_names_say()
    {
        double[] rewards = [1, 10, 100];
        Advantages.Credits(rewards, CreditAssignment.ReturnToGo, 1).Should().Equal(111, 110, 100);
        Advantages.Credits(rewards, CreditAssignment.ReturnToGo, 0.5).Should().Equal(31, 60, 100);
        Advantages.Credits(rewards, CreditAssignment.Immediate, 1).Should().Equal(1, 10, 100);
        Advantages.Credits(rewards, CreditAssignment.Trajectory, 1).Should().Equal(111, 111, 111);
    }

    [Fact]
    public void Equal_credits_give_advantages_of_exactly_0_whatever_the_rounding()
    {
        Gen.Select(Gen.Double[-10, 10], Gen.Int[2, 16], Gen.Enum<GroupBaseline>()).Sample((credit, size, baseline) =>
        {
            Advantages.OfGroup([.. Enumerable.Repeat(new[] { credit, credit / 3 }, size)], baseline)
                .Should().AllSatisfy(member => member.Should().Equal(0, 0));
            var members = Enumerable.Repeat(new[] { credit }, size).Append([credit + 1]).ToList();
            Advantages.Among(members, baseline, (member, _) => member < size)
                .Should().AllSatisfy(member => member.Should().Equal(0));
        });
    }

    [Fact]
    public void Advantages_are_the_credits_less_their_baseline()
    {
        Gen.Double[-10, 10].Array[2, 9].Sample(credits =>
        {
            var mean = Advantages.OfGroup([.. credits.Select(credit => new[] { credit })], GroupBaseline.Mean);
            var others = Advantages.OfGroup([.. credits.Select(credit => new[] { credit })], GroupBaseline.LeaveOneOut);
            for (var i = 0; i < credits.Length; i++)
            {
                mean[i][0].Should().BeApproximately(credits[i] - credits.Average(), 1e-12);
                others[i][0].Should().BeApproximately(credits[i] - credits.Where((_, j) => j != i).Average(), 1e-12);
            }
        });
    }

    /// <summary>Over every possible group of three draws from a three-armed bandit, exactly.</summary>
    [Fact]
    public void Leave_one_out_is_unbiased_and_the_inclusive_mean_shrinks_the_gradient_by_the_group_size()
    {
        double[] probability = [0.2, 0.5, 0.3];
        double[] reward = [1.0, -0.5, 2.0];
        const int Group = 3;
        var mean = probability.Zip(reward, (p, r) => p * r).Sum();
        double[] exact = [.. Enumerable.Range(0, 3).Select(k => probability[k] * (reward[k] - mean))]; // d E[r] / d logit k
        foreach (var (baseline, factor) in new[] { (GroupBaseline.LeaveOneOut, 1.0), (GroupBaseline.Mean, (Group - 1.0) / Group) })
        {
            var expected = new double[3];
            for (var code = 0; code < 27; code++)
            {
                int[] drawn = [code % 3, code / 3 % 3, code / 9];
                var chance = drawn.Aggregate(1.0, (product, arm) => product * probability[arm]);
                var advantages = Advantages.OfGroup([.. drawn.Select(arm => new[] { reward[arm] })], baseline);
                for (var member = 0; member < Group; member++)
                {
                    for (var k = 0; k < 3; k++)
                    {
                        var score = (drawn[member] == k ? 1 : 0) - probability[k];
                        expected[k] += chance * advantages[member][0] * score / Group;
                    }
                }
            }

            for (var k = 0; k < 3; k++)
            {
                expected[k].Should().BeApproximately(factor * exact[k], 1e-12);
            }
        }
    }

    /// <summary>Over every possible group of three walks that think or write on, and think one of two thoughts, exactly.</summary>
    [Fact]
    public void Content_compared_among_thoughts_has_the_direction_of_its_own_gradient_whatever_writing_on_is_worth()
    {
        const double Thinking = 0.4;
        const int Group = 3;
        double[] content = [0.3, 0.7];
        foreach (var act in new[] { -5.0, 0.0, 5.0 })
        {
            double[] probability = [Thinking * content[0], Thinking * content[1], 1 - Thinking];
            double[] reward = [1.0, -0.5, act];
            double expected = 0, lone = 0;
            for (var code = 0; code < 27; code++)
            {
                int[] drawn = [code % 3, code / 3 % 3, code / 9];
                var chance = drawn.Aggregate(1.0, (product, arm) => product * probability[arm]);
                var advantages = Advantages.Among([.. drawn.Select(arm => new[] { reward[arm] })], GroupBaseline.LeaveOneOut, (member, _) => drawn[member] < 2);
                for (var member = 0; member < Group; member++)
                {
                    if (drawn[member] == 2)
                    {
                        advantages[member].Should().Equal(0);
                        continue;
                    }

                    expected += chance * advantages[member][0] * ((drawn[member] == 0 ? 1 : 0) - content[0]) / Group;
                    lone += drawn.Count(arm => arm < 2) == 1 ? chance / Group : 0;
                }
            }

            var exact = content[0] * content[1] * (reward[0] - reward[1]); // d E[r | thought] / d logit of the first thought
            expected.Should().BeApproximately((Thinking - lone) * exact, 1e-12, "a lone thought teaches nothing, all others are unbiased");
        }
    }
}
