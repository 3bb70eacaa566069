using static TorchSharp.torch;

namespace Ra3.Models.Tests.Engine;

public sealed class DecodeBatchTests
{
    [Theory]
    [InlineData(ScalarType.Float32, 4, 2, 37, 20)]
    [InlineData(ScalarType.Float32, 4, 4, 37, 20)]
    [InlineData(ScalarType.Float32, 2, 1, 37, 20)]
    [InlineData(ScalarType.BFloat16, 4, 2, 37, 20)]
    [InlineData(ScalarType.Float32, 4, 2, 300, 60)]
    [InlineData(ScalarType.BFloat16, 4, 2, 700, 150)]
    public void Branches_decoded_with_a_cache_equal_the_tree_forward_bit_for_bit(
        ScalarType type, int heads, int keyHeads, int trunkLength, int longest)
    {
        using var scope = NewDisposeScope();
        using var decoder = TestModels.Create(type, heads: heads, keyValueHeads: keyHeads);
        var random = new Random(2);
        var trunk = TestModels.Tokens(random, trunkLength);
        var branches = Enumerable.Range(0, 21)
            .Select(i => new TreeBranch(random.Next(1, trunkLength + 1), TestModels.Tokens(random, random.Next(1, longest)))).ToList();
        var layout = new TreeLayout(trunk, branches);
        var expected = decoder.Hidden(
            tensor(layout.Tokens, ScalarType.Int64), tensor(layout.Positions, ScalarType.Int64), new TreeAttention(layout, decoder));

        using var batch = new DecodeBatch(decoder, branches.Count, capacity: 20);
        var trunkHidden = batch.ReadTrunk(trunk);
        Same(trunkHidden, expected.slice(0, 0, layout.TrunkRows, 1)).Should().BeTrue("the trunk is read by the same code");
        List<int> owner = [];
        for (var b = 0; b < branches.Count; b++)
        {
            owner.Add(b);
            batch.Open(branches[b].Attach);
        }

        while (batch.Active > 0)
        {
            var step = batch.Step(owner.Select((b, slot) => branches[b].Tokens[batch.Length(slot)]).ToArray());
            for (var slot = batch.Active - 1; slot >= 0; slot--)
            {
                var taken = batch.Length(slot);
                Same(step[slot], expected[layout.Row(owner[slot], taken - 1)])
                    .Should().BeTrue($"branch {owner[slot]}, token {taken - 1}");
                if (taken == branches[owner[slot]].Tokens.Count)
                {
                    if (batch.Close(slot) is var moved and >= 0)
                    {
                        owner[slot] = owner[moved];
                    }

                    owner.RemoveAt(owner.Count - 1);
                }
            }
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32, 4, 2, 37, 60)]
    [InlineData(ScalarType.Float32, 2, 1, 300, 60)]
    [InlineData(ScalarType.BFloat16, 4, 2, 37, 60)]
    [InlineData(ScalarType.BFloat16, 4, 4, 700, 300)]
    [InlineData(ScalarType.BFloat16, 4, 2, 1, 300)]
    public void Several_tokens_at_a_time_equal_the_tree_forward_bit_for_bit_also_after_some_were_taken_back(
        ScalarType type, int heads, int keyHeads, int trunkLength, int longest)
    {
        using var scope = NewDisposeScope();
        using var decoder = TestModels.Create(type, heads: heads, keyValueHeads: keyHeads);
        var random = new Random(4);
        var trunk = TestModels.Tokens(random, trunkLength);
        var branches = Enumerable.Range(0, 11)
            .Select(i => new TreeBranch(random.Next(1, trunkLength + 1), TestModels.Tokens(random, random.Next(longest / 2, longest)))).ToList();
        var layout = new TreeLayout(trunk, branches);
        var expected = decoder.Hidden(
            tensor(layout.Tokens, ScalarType.Int64), tensor(layout.Positions, ScalarType.Int64), new TreeAttention(layout, decoder));

        using var batch = new DecodeBatch(decoder, branches.Count, capacity: 20);
        batch.ReadTrunk(trunk);
        branches.ForEach(branch => batch.Open(branch.Attach));
        var taken = new int[branches.Count];
        while (branches.Index().Any(item => taken[item.Index] < item.Item.Tokens.Count))
        {
            // Runs of any length, most of them single; a finished branch repeats its last token.
            var some = branches.Select((branch, slot) =>
            {
                batch.Truncate(slot, Math.Min(taken[slot], branch.Tokens.Count - 1));
                var from = batch.Length(slot);
                var count = random.Next(3) > 0 ? 1 : random.Next(1, 40);
                return branch.Tokens.Skip(from).Take(count).ToArray();
            }).ToArray();
            var (hidden, rows) = batch.Feed(some);
            for (var slot = 0; slot < branches.Count; slot++)
            {
                taken[slot] = batch.Length(slot);
                var first = layout.Row(slot, taken[slot] - some[slot].Length);
                Same(hidden.slice(0, rows[slot], rows[slot] + some[slot].Length, 1), expected.slice(0, first, first + some[slot].Length, 1))
                    .Should().BeTrue($"branch {slot}, up to token {taken[slot]}");
                taken[slot] -= taken[slot] < branches[slot].Tokens.Count ? random.Next(0, some[slot].Length) : 0;
            }
        }
    }

    [Fact]
    public void Prompts_read_at_once_continue_as_one_sequence_bit_for_bit()
    {
        using var scope = NewDisposeScope();
        using var decoder = TestModels.Create();
        var random = new Random(3);
        var sequences = Enumerable.Range(0, 5).Select(i => TestModels.Tokens(random, 12 + (3 * i))).ToArray();
        var layout = new TreeLayout([], [.. sequences.Select(s => new TreeBranch(0, s))]);
        var expected = decoder.Hidden(
            tensor(layout.Tokens, ScalarType.Int64), tensor(layout.Positions, ScalarType.Int64), new TreeAttention(layout, decoder));

        using var batch = new DecodeBatch(decoder, 8, capacity: 40);
        var last = batch.OpenPrompts([.. sequences.Select((s, i) => s[..(7 + i)])]);
        for (var i = 0; i < sequences.Length; i++)
        {
            Same(last[i], expected[layout.Row(i, 6 + i)]).Should().BeTrue();
        }

        for (var step = 0; step < 5; step++)
        {
            var hidden = batch.Step([.. sequences.Select((s, i) => s[7 + i + step])]);
            for (var i = 0; i < sequences.Length; i++)
            {
                Same(hidden[i], expected[layout.Row(i, 7 + i + step)]).Should().BeTrue();
            }
        }
    }

    private static bool Same(Tensor a, Tensor b) => a.eq(b).all().item<bool>();
}
