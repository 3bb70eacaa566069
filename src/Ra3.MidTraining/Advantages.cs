namespace Ra3.MidTraining;

/// <summary>From the rewards of a group's trajectories to the advantage of each step.</summary>
public static class Advantages
{
    /// <summary>What each step is credited with.</summary>
    /// <param name="rewards">Reward of each line of a trajectory.</param>
    /// <param name="credit">How.</param>
    /// <param name="discount">γ_E, per line.</param>
    public static double[] Credits(IReadOnlyList<double> rewards, CreditAssignment credit, double discount)
    {
        var credits = new double[rewards.Count];
        double returnToGo = 0;
        for (var step = rewards.Count - 1; step >= 0; step--)
        {
            returnToGo = rewards[step] + (discount * returnToGo);
            credits[step] = credit == CreditAssignment.Immediate ? rewards[step] : returnToGo;
        }

        if (credit == CreditAssignment.Trajectory)
        {
            Array.Fill(credits, returnToGo);
        }

        return credits;
    }

    /// <summary>Each credit less its baseline over the group, line by line; no division by a deviation.</summary>
    /// <param name="credits">[member][step], of equal lengths.</param>
    /// <param name="baseline">Which baseline.</param>
    public static double[][] OfGroup(IReadOnlyList<double[]> credits, GroupBaseline baseline)
    {
        var (members, steps) = (credits.Count, credits[0].Length);
        var advantages = credits.Select(_ => new double[steps]).ToArray();
        for (var step = 0; step < steps; step++)
        {
            var sum = credits.Sum(member => member[step]);
            for (var member = 0; member < members; member++)
            {
                var own = credits[member][step];
                advantages[member][step] = baseline == GroupBaseline.Mean
                    ? own - (sum / members)
                    : own - ((sum - own) / (members - 1));
            }
        }

        return advantages;
    }
}
