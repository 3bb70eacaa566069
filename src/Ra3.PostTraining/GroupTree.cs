using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.PostTraining;

/// <summary>
/// Completions of one group as a tree: the prompt is the trunk, read once, and each different completion a branch. Says
/// which row of the decoder's output predicts which token.
/// </summary>
internal sealed class GroupTree
{
    private readonly TreeLayout layout;
    private readonly List<long> rows = [];
    private readonly List<long> targets = [];

    /// <param name="prompt">The trunk.</param>
    /// <param name="members">The completions, in the order of the token values given and returned.</param>
    public GroupTree(int[] prompt, IReadOnlyList<Rollout> members)
    {
        var branches = new List<TreeBranch>();
        var known = new Dictionary<string, int>(StringComparer.Ordinal); // late in training many completions are equal
        int[] branchOf = [.. members.Select(member =>
        {
            var key = string.Join(' ', member.Tokens);
            if (!known.TryGetValue(key, out var branch))
            {
                known.Add(key, branch = branches.Count);
                branches.Add(new TreeBranch(prompt.Length, member.Tokens));
            }

            return branch;
        })];
        layout = new TreeLayout(prompt, branches);
        for (var member = 0; member < members.Count; member++)
        {
            for (var token = 0; token < members[member].Tokens.Length; token++)
            {
                rows.Add(layout.PredictorRow(branchOf[member], prompt.Length, token));
                targets.Add(members[member].Tokens[token]);
            }
        }
    }

    /// <summary>Hidden states [n, HiddenSize] that predict the n tokens of all members, one member after another.</summary>
    public Tensor Predictors(Decoder decoder)
    {
        using var scope = NewDisposeScope();
        var hidden = decoder.Hidden(
            tensor(layout.Tokens, ScalarType.Int64, decoder.Device), tensor(layout.Positions, ScalarType.Int64, decoder.Device),
            new TreeAttention(layout, decoder));
        return hidden.index_select(0, tensor(rows.ToArray(), ScalarType.Int64, decoder.Device)).MoveToOuterDisposeScope();
    }

    /// <summary>Log-probability [n] of those tokens, differentiable while gradients are on.</summary>
    public Tensor LogProbs(Decoder decoder, Tensor predictors, HeadDistribution distribution) => LanguageModelHead.LogProbs(
        decoder, predictors, tensor(targets.ToArray(), ScalarType.Int64, decoder.Device), distribution);
}
