using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.PostTraining;

/// <summary>
/// Completions behind their prompts, side by side in one forward pass; equal ones are read once. Says which row of the
/// decoder's output predicts which token.
/// </summary>
internal sealed class CompletionBatch
{
    private readonly TreeLayout layout;
    private readonly List<long> rows = [];
    private readonly List<long> targets = [];

    /// <param name="members">The completions, in the order of the token values given and returned.</param>
    public CompletionBatch(IReadOnlyList<Rollout> members)
    {
        var branches = new List<TreeBranch>();
        var known = new Dictionary<TreeBranch, int>(); // late in training many completions are equal
        int[] branchOf = [.. members.Select(member =>
        {
            var branch = new TreeBranch(0, [.. member.Prompt, .. member.Tokens]);
            if (known.TryAdd(branch, branches.Count))
            {
                branches.Add(branch);
            }

            return known[branch];
        })];
        layout = new TreeLayout([], branches);
        for (var member = 0; member < members.Count; member++)
        {
            for (var token = 0; token < members[member].Tokens.Length; token++)
            {
                rows.Add(layout.Row(branchOf[member], members[member].Prompt.Length - 1 + token));
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
