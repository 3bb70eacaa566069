using static TorchSharp.torch;

namespace Ra3.Models.Tests.Engine;

public sealed class TreeAttentionTests
{
    private static readonly int[] BranchLengths = [1, 3, 4, 5, 9, 12, 7, 7];

    [Theory]
    [InlineData(ModelFamily.Llama, 4, 2)]
    [InlineData(ModelFamily.Qwen2, 4, 4)]
    [InlineData(ModelFamily.Qwen3, 4, 1)]
    public void A_tree_gives_each_branch_the_log_probs_and_gradients_of_its_own_sequence(ModelFamily family, int heads, int keyHeads)
    {
        using var scope = NewDisposeScope();
        using var decoder = TestModels.Create(ScalarType.Float64, family, heads, keyHeads);
        var random = new Random(1);
        var trunk = TestModels.Tokens(random, 21);
        var branches = BranchLengths.Select((n, i) => new TreeBranch((i * 5 % 21) + 1, TestModels.Tokens(random, n))).ToList();

        var tree = TreeLogProb(decoder, trunk, branches);
        tree.backward();
        var treeGradients = decoder.Parameters.ToDictionary(p => p.Key, p => p.Value.grad!.clone());
        foreach (var parameter in decoder.Parameters.Values)
        {
            parameter.grad!.zero_();
        }

        var apart = zeros(1, ScalarType.Float64).sum();
        foreach (var branch in branches)
        {
            int[] sequence = [.. trunk[..branch.Attach], .. branch.Tokens];
            var hidden = decoder.Hidden(
                TestModels.Int64(sequence), TestModels.Int64(Enumerable.Range(0, sequence.Length)), new CausalAttention(1, sequence.Length));
            apart = apart + LanguageModelHead.LogProbs(
                decoder, hidden.slice(0, branch.Attach - 1, sequence.Length - 1, 1), TestModels.Int64(branch.Tokens)).sum();
        }

        apart.backward();
        tree.item<double>().Should().BeApproximately(apart.item<double>(), 1e-9);
        foreach (var (name, parameter) in decoder.Parameters)
        {
            var difference = (parameter.grad! - treeGradients[name]).abs().max().item<double>();
            difference.Should().BeLessThan(1e-9 * Math.Max(1, treeGradients[name].abs().max().item<double>()), name);
        }
    }

    private static Tensor TreeLogProb(Decoder decoder, int[] trunk, List<TreeBranch> branches)
    {
        var layout = new TreeLayout(trunk, branches);
        var hidden = decoder.Hidden(
            tensor(layout.Tokens, ScalarType.Int64), tensor(layout.Positions, ScalarType.Int64), new TreeAttention(layout, decoder));
        List<int> rows = [], targets = [];
        for (var b = 0; b < branches.Count; b++)
        {
            for (var i = 0; i < branches[b].Tokens.Count; i++)
            {
                rows.Add(layout.PredictorRow(b, branches[b].Attach, i));
                targets.Add(branches[b].Tokens[i]);
            }
        }

        return LanguageModelHead.LogProbs(
            decoder, hidden.index_select(0, TestModels.Int64(rows)), TestModels.Int64(targets)).sum();
    }
}
