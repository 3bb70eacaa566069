using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.MidTraining;

/// <summary>
/// The trajectories of one snippet as a tree: the trunk is the end-of-text token and the source; each trajectory's own
/// tokens are a branch, equal ones once; each invalid latent is a branch that nothing continues. Says which row of the
/// decoder's output predicts which token.
/// </summary>
public sealed class TrajectoryTree
{
    // Of the very trajectories given, and of their steps with dead ends.
    private readonly Dictionary<object, int> branchOf = new(ReferenceEqualityComparer.Instance);
    private readonly List<TreeBranch> branches = [];
    private readonly int[] trunk;

    /// <summary>Collects the branches.</summary>
    /// <param name="trunk">The tokens that the trajectories continue.</param>
    /// <param name="trajectories">All trajectories on it; rows are asked for by these very objects.</param>
    public TrajectoryTree(int[] trunk, IEnumerable<Trajectory> trajectories)
    {
        this.trunk = trunk;
        var known = new Dictionary<TreeBranch, int>();
        foreach (var trajectory in trajectories)
        {
            if (trajectory.Tokens.Count > 0)
            {
                branchOf[trajectory] = IndexOf(new TreeBranch(trajectory.Attach, trajectory.Tokens));
            }

            foreach (var step in trajectory.Steps.Where(step => step.Choice == StepChoice.Invalid))
            {
                branchOf[step] = IndexOf(new TreeBranch(step.Attach, DeadEnd(trajectory, step)));
            }
        }

        Layout = new TreeLayout(trunk, branches);

        int IndexOf(TreeBranch branch)
        {
            if (known.TryAdd(branch, branches.Count))
            {
                branches.Add(branch);
            }

            return known[branch];
        }
    }

    /// <summary>The rows.</summary>
    public TreeLayout Layout { get; }

    /// <summary>Tokens of the tree, trunk included.</summary>
    public int TokenCount => trunk.Length + branches.Sum(branch => branch.Tokens.Count);

    /// <summary>Tokens that a trajectory adds to a tree where it shares none.</summary>
    public static int TokensOf(Trajectory trajectory) => trajectory.Tokens.Count
        + trajectory.Steps.Where(step => step.Choice == StepChoice.Invalid).Sum(step => DeadEnd(trajectory, step).Count);

    /// <summary>Hidden states of every row.</summary>
    public Tensor Hidden(Decoder decoder)
    {
        using var scope = NewDisposeScope();
        return decoder.Hidden(
            tensor(Layout.Tokens, ScalarType.Int64, decoder.Device), tensor(Layout.Positions, ScalarType.Int64, decoder.Device),
            new TreeAttention(Layout, decoder)).MoveToOuterDisposeScope();
    }

    /// <summary>Row before the choice of a step.</summary>
    public int DecisionRow(Trajectory trajectory, LatentStep step) => step.Prefix == 0
        ? step.Attach - 1
        : Layout.Row(BranchOf(trajectory, step), step.Prefix - 1);

    /// <summary>Row that predicts a content token of a step's latent.</summary>
    public int LatentRow(Trajectory trajectory, LatentStep step, int token) =>
        Layout.Row(BranchOf(trajectory, step), step.Prefix + token);

    /// <summary>Row that predicts a source token of a step's line.</summary>
    public int LineRow(Trajectory trajectory, int step, int token)
    {
        var start = trajectory.LineStarts[step];
        var line = trajectory.Steps[step].Line;
        return start < 0
            ? trajectory.Snippet.Offset(line) + token // the trunk's token 1 + offset + token is predicted one row before
            : Layout.PredictorRow(branchOf[trajectory], trajectory.Attach, start + token);
    }

    private int BranchOf(Trajectory trajectory, LatentStep step) =>
        branchOf[step.Choice == StepChoice.Invalid ? step : trajectory];

    private static List<int> DeadEnd(Trajectory trajectory, LatentStep step) =>
        [.. trajectory.Tokens.Take(step.Prefix), trajectory.Snippet.Actions[step.Line].Opener[^1], .. step.Latent];
}
