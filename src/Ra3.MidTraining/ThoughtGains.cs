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
/// <param name="MeanLogProbs">Of each line without a thought, in nats per token, whatever the reward is.</param>
/// <param name="Gains">By thought: reward of its line behind it, less that of the line without.</param>
internal sealed record ThoughtGains(double[] MeanLogProbs, double[] Gains)
{
    /// <summary>Of thoughts about one snippet, by one forward pass over its tree.</summary>
    /// <param name="scorer">π.</param>
    /// <param name="format">Its format.</param>
    /// <param name="snippet">The snippet.</param>
    /// <param name="thoughts">Lines, and the content tokens of a thought before each; a line may have several.</param>
    /// <param name="options">The reward of a line.</param>
    public static ThoughtGains Of(
        Decoder scorer, LatentFormat format, Snippet snippet, IReadOnlyList<(int Line, int[] Latent)> thoughts, EStepOptions options)
    {
        List<Trajectory> all = [Trajectory.Plain(snippet), .. thoughts.Select(thought => Trajectory.OfThought(snippet, thought.Line, thought.Latent))];
        var logProbs = TrajectoryScorer.LineLogProbs(scorer, new TrajectoryTree([format.DocumentStart, .. snippet.Tokens], all), all);
        var plain = Array.ConvertAll(logProbs[0], Score);
        var means = Array.ConvertAll(
            logProbs[0], line => TrajectoryScorer.Reward(line, LineReward.Mean, options.TokenFloor));
        return new ThoughtGains(means, [.. thoughts.Select((thought, i) => Score(logProbs[1 + i][0]) - plain[thought.Line])]);

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

        var gains = Of(scorer, format, trajectory.Snippet, [.. thinking.Select(item => (item.step.Line, item.step.Latent))], options).Gains;
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
