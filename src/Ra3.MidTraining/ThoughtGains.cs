using Ra3.Models;

namespace Ra3.MidTraining;

/// <summary>Which of the thoughts drawn from q the M-step learns from.</summary>
public enum ThoughtFilter
{
    /// <summary>All of them (S).</summary>
    All,

    /// <summary>
    /// Those that, each by itself, make their line likelier under π by more than c (D). The bound lets q depend on the line it explains, and
    /// writing on where a thought earns less than it costs can only raise it; a wrong thought is what the M-step should not learn to write.
    /// </summary>
    Gaining,
}

/// <summary>What thoughts earn, each by itself: the rest of its snippet stays as it is, without thoughts.</summary>
internal static class ThoughtGains
{
    /// <summary>Rewards of the lines behind thoughts about one snippet, less those of the same lines without; by one forward pass over its tree.</summary>
    /// <param name="scorer">π.</param>
    /// <param name="format">Its format.</param>
    /// <param name="snippet">The snippet.</param>
    /// <param name="thoughts">Lines, and the content tokens of a thought before each; a line may have several.</param>
    /// <param name="options">The reward of a line.</param>
    public static double[] Of(
        Decoder scorer, LatentFormat format, Snippet snippet, IReadOnlyList<(int Line, int[] Latent)> thoughts, EStepOptions options)
    {
        List<Trajectory> all = [Trajectory.Plain(snippet), .. thoughts.Select(thought => Trajectory.OfThought(snippet, thought.Line, thought.Latent))];
        var logProbs = TrajectoryScorer.LineLogProbs(scorer, new TrajectoryTree([format.DocumentStart, .. snippet.Tokens], all), all);
        var plain = Array.ConvertAll(logProbs[0], Score);
        return [.. thoughts.Select((thought, i) => Score(logProbs[1 + i][0]) - plain[thought.Line])];

        double Score(double[] line) => TrajectoryScorer.Reward(line, options.Reward, options.TokenFloor);
    }

    /// <summary>A trajectory that writes on where its thought gains no more than c.</summary>
    public static Trajectory Keep(Decoder scorer, LatentFormat format, Trajectory trajectory, EStepOptions options)
    {
        var thinking = trajectory.Steps.Select((step, i) => (step, i)).Where(item => item.step.Choice == StepChoice.Think).ToList();
        if (thinking.Count == 0)
        {
            return trajectory;
        }

        var gains = Of(scorer, format, trajectory.Snippet, [.. thinking.Select(item => (item.step.Line, item.step.Latent))], options);
        var steps = trajectory.Steps.ToArray();
        for (var thought = 0; thought < gains.Length; thought++)
        {
            if (!(gains[thought] > options.SwitchCost))
            {
                var (step, i) = thinking[thought];
                steps[i] = step with { Choice = StepChoice.Act, Latent = [] };
            }
        }

        return trajectory with { Steps = steps };
    }
}
