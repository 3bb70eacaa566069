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
        var random = new Random(1);
        HasThoseOfSequences(
            family, heads, keyHeads, TestModels.Tokens(random, 21),
            [.. BranchLengths.Select((n, i) => new TreeBranch((i * 5 % 21) + 1, TestModels.Tokens(random, n)))]);
    }

    [Fact]
    public void So_does_a_tree_whose_trunk_and_branches_are_taken_in_several_blocks()
    {
        var random = new Random(2);
        int[] attach = [16, 16, 256, 257, 300, 300, 8, 8]; // at the ends of products and blocks too
        HasThoseOfSequences(
            ModelFamily.Llama, 2, 1, TestModels.Tokens(random, 300), [.. Enumerable.Range(0, 16).Select(i => new TreeBranch(attach[i / 2], TestModels.Tokens(random, 30)))]);
    }

    [Fact]
    public void So_does_a_tree_all_of_whose_branches_see_the_same_whole_trunk()
    {
        var random = new Random(3);
        HasThoseOfSequences(
            ModelFamily.Llama, 2, 2, TestModels.Tokens(random, 16), [.. Enumerable.Range(0, 5).Select(_ => new TreeBranch(16, TestModels.Tokens(random, 6)))]);
    }

    private static void HasThoseOfSequences(ModelFamily family, int heads, int keyHeads, int[] trunk, List<TreeBranch> branches)
    {
        using var scope = NewDisposeScope();
        using var decoder = TestModels.Create(ScalarType.Float64, family, heads, keyHeads);
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
