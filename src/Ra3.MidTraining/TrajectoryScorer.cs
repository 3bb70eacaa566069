using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.MidTraining;

/// <summary>Log-likelihood of the lines of trajectories, from one forward pass over their tree.</summary>
internal static class TrajectoryScorer
{
    /// <summary>log π of every source token of every line.</summary>
    /// <returns>[trajectory][step][token], in nats.</returns>
    public static double[][][] LineLogProbs(Decoder scorer, TrajectoryTree tree, IReadOnlyList<Trajectory> trajectories)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        List<long> rows = [], targets = [];
        var known = new Dictionary<(int Row, int Target), int>(); // lines on the trunk are shared by many trajectories
        var places = trajectories.Select(trajectory => trajectory.Steps.Select((taken, step) =>
        {
            var source = trajectory.Snippet.TokensOf(taken.Line);
            var at = new int[source.Length];
            for (var token = 0; token < source.Length; token++)
            {
                var key = (tree.LineRow(trajectory, step, token), source[token]);
                if (!known.TryGetValue(key, out at[token]))
                {
                    known.Add(key, at[token] = rows.Count);
                    rows.Add(key.Item1);
                    targets.Add(key.Item2);
                }
            }

            return at;
        }).ToArray()).ToArray();
        var values = LanguageModelHead.LogProbs(
            scorer, tree.Hidden(scorer).index_select(0, tensor(rows.ToArray(), ScalarType.Int64, scorer.Device)),
            tensor(targets.ToArray(), ScalarType.Int64, scorer.Device)).to_type(ScalarType.Float64).cpu().data<double>().ToArray();
        return [.. places.Select(trajectory => trajectory.Select(line => Array.ConvertAll(line, at => values[at])).ToArray())];
    }

    /// <summary>A line's log-probs as a reward.</summary>
    /// <param name="logProbs">Of its tokens.</param>
    /// <param name="reward">Mean or sum.</param>
    /// <param name="floor">Least log-prob of one token.</param>
    public static double Reward(ReadOnlySpan<double> logProbs, LineReward reward, double floor)
    {
        double sum = 0;
        foreach (var logProb in logProbs)
        {
            sum += Math.Max(logProb, floor);
        }

        return reward == LineReward.Mean ? sum / logProbs.Length : sum;
    }
}
