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

    /// <summary>Each credit less its baseline over the group, line by line, without division by a deviation; exactly 0
    /// where all are equal.</summary>
    /// <param name="credits">[member][step], of equal lengths.</param>
    /// <param name="baseline">Which baseline.</param>
    public static double[][] OfGroup(IReadOnlyList<double[]> credits, GroupBaseline baseline) => Among(credits, baseline, (_, _) => true);

    /// <summary>The same among those members alone that belong to it at a line; 0 for the others, and for one that stands alone.</summary>
    /// <param name="credits">[member][step], of equal lengths.</param>
    /// <param name="baseline">Which baseline.</param>
    /// <param name="belongs">Whether a member belongs to it at a step.</param>
    public static double[][] Among(IReadOnlyList<double[]> credits, GroupBaseline baseline, Func<int, int, bool> belongs)
    {
        var advantages = credits.Select(member => new double[member.Length]).ToArray();
        for (var step = 0; step < credits[0].Length; step++)
        {
            int[] members = [.. Enumerable.Range(0, credits.Count).Where(member => belongs(member, step))];
            if (members.Length < 2)
            {
                continue;
            }

            var origin = credits[members[0]][step]; // differences first: of equal credits rounding then leaves nothing
            var sum = members.Sum(member => credits[member][step] - origin);
            foreach (var member in members)
            {
                var own = credits[member][step] - origin;
                advantages[member][step] = baseline == GroupBaseline.Mean
                    ? own - (sum / members.Length)
                    : own - ((sum - own) / (members.Length - 1));
            }
        }

        return advantages;
    }
}
