using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.MidTraining;

/// <summary>Groups sampled on one snippet, or some of them, their tree, and what became of them.</summary>
internal sealed class SnippetSamples(IReadOnlyList<IReadOnlyList<Trajectory>> groups, TrajectoryTree tree)
{
    public IReadOnlyList<IReadOnlyList<Trajectory>> Groups { get; } = groups;

    public TrajectoryTree Tree { get; } = tree;

    public IEnumerable<Trajectory> Trajectories => Groups.SelectMany(group => group);

    /// <summary>Reward of every line of every trajectory, in order.</summary>
    public List<double> Rewards { get; } = [];

    /// <summary>What each thought gained: the reward of its line, costs left out, less that of the same line where nothing was thought.</summary>
    public List<double> ThoughtGains { get; } = [];

    /// <summary>Mean log-prob per token of the same lines.</summary>
    public List<double> LineLogProbs { get; } = [];

    /// <summary>Of choices: [group][member][step].</summary>
    public List<double[][]> Advantages { get; } = [];

    /// <summary>Of the content of latents: [group][member][step].</summary>
    public List<double[][]> ContentAdvantages { get; } = [];
}

/// <summary>
/// The tokens of one tree that q chose: decisions first, then the content of latents; steps without a choice have none.
/// A tree none of whose groups has signal is left out of learning; its count is not, so that the loss is per choice made.
/// </summary>
internal sealed class PolicyTokens
{
    private readonly List<(float Advantage, float Sampled, float Weight)> decisions = [];
    private readonly List<(float Advantage, float Sampled)> contents = [];
    private readonly List<bool> thinks = [];
    private readonly List<long> decisionRows = [];
    private readonly List<long> decisionTargets = []; // always the opener: log(1 − p(#)) follows from log p(#)
    private readonly List<long> contentRows = [];
    private readonly List<long> contentTargets = [];

    /// <summary>Rows of the tree that predict them.</summary>
    public long[] Rows => [.. decisionRows, .. contentRows];

    /// <summary>What is predicted there; at a decision the token that opens a thought, whatever was chosen.</summary>
    public long[] Targets => [.. decisionTargets, .. contentTargets];

    /// <summary>Of the decisions: whether a thought was begun.</summary>
    public bool[] Thinks => [.. thinks];

    public int Count => decisions.Count + contents.Count;

    public int Groups { get; private set; }

    /// <summary>Groups of which some token has an advantage: the others teach nothing.</summary>
    public int GroupsWithSignal { get; private set; }

    public float[] Advantages => [.. decisions.Select(token => token.Advantage), .. contents.Select(token => token.Advantage)];

    /// <summary>log q at sampling time, exploration left out.</summary>
    public float[] SampledLogProbs => [.. decisions.Select(token => token.Sampled), .. contents.Select(token => token.Sampled)];

    /// <summary>q / behaviour of explored choices; 1 for content, which exploration leaves alone.</summary>
    public float[] ExplorationWeights => [.. decisions.Select(token => token.Weight), .. contents.Select(_ => 1f)];

    public static PolicyTokens Collect(SnippetSamples sample, double negativeContentWeight)
    {
        var tokens = new PolicyTokens();
        for (var group = 0; group < sample.Groups.Count; group++)
        {
            var (decisions, contents) = (tokens.decisions.Count, tokens.contents.Count);
            for (var member = 0; member < sample.Groups[group].Count; member++)
            {
                var trajectory = sample.Groups[group][member];
                for (var step = 0; step < trajectory.Steps.Count; step++)
                {
                    var content = sample.ContentAdvantages[group][member][step];
                    tokens.Add(
                        sample.Tree, trajectory, trajectory.Steps[step], sample.Advantages[group][member][step],
                        content < 0 ? content * negativeContentWeight : content);
                }
            }

            tokens.Groups++;
            tokens.GroupsWithSignal += tokens.decisions.Skip(decisions).Any(token => token.Advantage != 0)
                || tokens.contents.Skip(contents).Any(token => token.Advantage != 0) ? 1 : 0;
        }

        return tokens;
    }

    /// <summary>Largest difference between log q in the trainer's forward and at sampling time.</summary>
    public double Mismatch(Tensor logProbs)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Count == 0 ? 0
            : logProbs.detach().to_type(ScalarType.Float32).Minus(tensor(SampledLogProbs, ScalarType.Float32, logProbs.device)).abs().max().to_type(ScalarType.Float64).item<double>();
    }

    private void Add(TrajectoryTree tree, Trajectory trajectory, LatentStep step, double advantage, double contentAdvantage)
    {
        if (step.Choice == StepChoice.None)
        {
            return;
        }

        decisionRows.Add(tree.DecisionRow(trajectory, step));
        decisionTargets.Add(trajectory.Snippet.Actions[step.Line].Opener[^1]);
        thinks.Add(step.Choice != StepChoice.Act);
        decisions.Add(((float)advantage, (float)step.DecisionLogProb, (float)Math.Exp(step.DecisionLogProb - step.BehaviourLogProb)));
        for (var i = 0; i < step.Latent.Length; i++)
        {
            contentRows.Add(tree.LatentRow(trajectory, step, i));
            contentTargets.Add(step.Latent[i]);
            contents.Add(((float)contentAdvantage, step.LatentLogProbs[i]));
        }
    }
}
