using static TorchSharp.torch;

namespace Ra3.Models;

/// <summary>A continuation of the trunk: it sees the trunk's first <paramref name="Attach"/> tokens and itself.</summary>
/// <param name="Attach">Number of trunk tokens before it, 0 to the trunk's length.</param>
/// <param name="Tokens">Its own tokens, at positions Attach, Attach + 1, …</param>
public sealed record TreeBranch(int Attach, IReadOnlyList<int> Tokens);

/// <summary>
/// A shared trunk and its branches laid out in one flat row for <see cref="Decoder.Hidden"/>: the trunk first, then the
/// branches in runs of (nearly) equal length. A plain sequence is a trunk without branches or a branch without trunk.
/// Rows added to fill a run carry token 0 and are seen by nobody.
/// </summary>
public sealed class TreeLayout
{
    /// <summary>Branches are padded to a multiple of this; see <see cref="PartialAttention"/> on why not to less.</summary>
    private const int LengthMultiple = 4;

    /// <summary>Most rows of a run: its scores against the trunk then stay in the processor's cache.</summary>
    private const int RunRows = 1024;

    private readonly int[] startOfBranch;

    /// <summary>Lays out a tree.</summary>
    /// <exception cref="ArgumentException">A branch attaches outside the trunk, is empty, or there are no tokens at all.</exception>
    public TreeLayout(IReadOnlyList<int> trunk, IReadOnlyList<TreeBranch> branches)
    {
        TrunkLength = trunk.Count;
        TrunkRows = trunk.Count == 0 ? 0 : Math.Max(PartialAttention.LeastKeys, PartialAttention.Padded(trunk.Count));
        startOfBranch = new int[branches.Count];
        var tokens = new List<long>(TrunkRows);
        var positions = new List<long>(TrunkRows);
        Append(trunk, 0, TrunkRows);
        foreach (var run in branches.Select((branch, index) => (branch, index, Length: PaddedLength(branch, TrunkLength)))
            .GroupBy(item => item.Length).OrderBy(run => run.Key)
            .SelectMany(run => run.OrderBy(item => item.branch.Attach).Chunk(Math.Max(1, RunRows / run.Key))))
        {
            var (start, length) = (tokens.Count, run[0].Length);
            var attach = new List<int>();
            foreach (var (branch, index, _) in run)
            {
                startOfBranch[index] = tokens.Count;
                attach.Add(branch.Attach);
                Append(branch.Tokens, branch.Attach, length);
            }

            while ((tokens.Count - start) % PartialAttention.RowMultiple != 0)
            {
                attach.Add(0);
                Append([], 0, length);
            }

            var seen = Math.Max(PartialAttention.LeastKeys, PartialAttention.Padded(run[^1].branch.Attach));
            Runs.Add(new BranchRun(start, length, attach, Math.Min(seen, TrunkRows)));
        }

        Tokens = [.. tokens];
        Positions = [.. positions];
        if (Tokens.Length == 0)
        {
            throw new ArgumentException("A tree needs at least one token.");
        }

        void Append(IReadOnlyList<int> content, int firstPosition, int rows)
        {
            for (var i = 0; i < rows; i++)
            {
                tokens.Add(i < content.Count ? content[i] : 0);
                positions.Add(i < content.Count ? firstPosition + i : 0);
            }
        }
    }

    /// <summary>Tokens in the trunk.</summary>
    public int TrunkLength { get; }

    /// <summary>Rows the trunk occupies, fill included.</summary>
    public int TrunkRows { get; }

    /// <summary>Token ids of all rows.</summary>
    public long[] Tokens { get; }

    /// <summary>Positions of all rows.</summary>
    public long[] Positions { get; }

    internal List<BranchRun> Runs { get; } = [];

    /// <summary>Row of a branch's token.</summary>
    public int Row(int branch, int offset) => startOfBranch[branch] + offset;

    /// <summary>Row whose hidden state predicts a branch's token; for its first token that is a row of the trunk.</summary>
    /// <exception cref="ArgumentException">Nothing precedes the token.</exception>
    public int PredictorRow(int branch, int attach, int offset) => offset > 0 ? Row(branch, offset - 1)
        : attach > 0 ? attach - 1
        : throw new ArgumentException("The first token of a sequence is predicted by no row.");

    private static int PaddedLength(TreeBranch branch, int trunk) =>
        branch.Tokens.Count > 0 && branch.Attach >= 0 && branch.Attach <= trunk
            ? (branch.Tokens.Count + LengthMultiple - 1) / LengthMultiple * LengthMultiple
            : throw new ArgumentException(
                $"A branch of {branch.Tokens.Count} tokens at {branch.Attach} does not fit a trunk of {trunk} tokens.");

    /// <summary>Branches of equal padded length, one after another from row <paramref name="Start"/>; none sees more than the
    /// trunk's first <paramref name="TrunkKeys"/> rows.</summary>
    internal sealed record BranchRun(int Start, int Length, List<int> Attach, int TrunkKeys);
}

/// <summary>Attention over a <see cref="TreeLayout"/>: each branch sees its part of the trunk and its own past.</summary>
/// <remarks>
/// Branch queries meet the trunk's keys once for all branches and their own keys branch by branch; no pair of branches is
/// ever multiplied, so the cost is linear in the number of branches.
/// </remarks>
public sealed class TreeAttention : Attention
{
    private readonly TreeLayout layout;
    private readonly Action<int, Tensor, Tensor>? capture;
    private readonly int group;
    private readonly Tensor? trunkBias;
    private readonly List<(Tensor Own, Tensor? Trunk)> biases = [];

    /// <summary>Builds the masks on the decoder's device.</summary>
    /// <param name="layout">The tree.</param>
    /// <param name="decoder">Whose heads and device to serve.</param>
    /// <param name="capture">Called with (layer, keys, values) [N, KeyValueHeads, HeadSize] for a cache to copy.</param>
    public TreeAttention(TreeLayout layout, Decoder decoder, Action<int, Tensor, Tensor>? capture = null)
    {
        this.layout = layout;
        this.capture = capture;
        group = decoder.Config.Heads / decoder.Config.KeyValueHeads;
        var device = decoder.Device;
        using var noGrad = no_grad();
        if (layout.TrunkRows > 0)
        {
            trunkBias = PartialAttention.Bias(Future(layout.TrunkRows, device), decoder.ResidualType);
        }

        foreach (var run in layout.Runs)
        {
            Tensor? unseen = null;
            if (layout.TrunkRows > 0)
            {
                var attach = tensor(run.Attach.ToArray(), ScalarType.Int64, device).repeat_interleave((long)run.Length * group);
                unseen = PartialAttention.BiasBefore(attach, run.TrunkKeys, decoder.ResidualType).unsqueeze(0);
            }

            biases.Add((PartialAttention.Bias(Future(run.Length, device), decoder.ResidualType), unseen));
        }
    }

    /// <inheritdoc/>
    public override Tensor Attend(int layer, Tensor q, Tensor k, Tensor v)
    {
        using var scope = NewDisposeScope();
        capture?.Invoke(layer, k, v);
        long heads = q.shape[1], keyHeads = k.shape[1], size = q.shape[2];
        q = (q / Kept.Scalar(Math.Sqrt(size))).view(q.shape[0], keyHeads, group, size);
        v = PartialAttention.WithDenominator(v);

        // Split, not sliced: the gradient of a slice is as large as all rows.
        long[] sizes = [layout.TrunkRows, .. layout.Runs.Select(run => (long)run.Length * run.Attach.Count)];
        var (qs, ks, vs) = (q.split(sizes), k.split(sizes), v.split(sizes));
        var parts = new List<Tensor>();
        Tensor? trunkKeys = null, trunkValues = null;
        if (layout.TrunkRows > 0)
        {
            (trunkKeys, trunkValues) = (ks[0].transpose(0, 1), vs[0].transpose(0, 1));
            var queries = ByHead(qs[0]);
            var own = PartialAttention.Scores(queries, trunkKeys, trunkBias!);
            var sum = PartialAttention.Weighted(own, PartialAttention.RowMaximum(own), queries, trunkKeys, trunkValues);
            parts.Add(ToRows(sum.view(keyHeads, 1, layout.TrunkRows, group, -1).transpose(0, 1)));
        }

        for (var i = 0; i < layout.Runs.Count; i++)
        {
            var run = layout.Runs[i];
            long batch = run.Attach.Count, length = run.Length;
            var (queries, keys, values) = (ByBranch(qs[i + 1]), Keys(ks[i + 1]), Keys(vs[i + 1]));
            var own = PartialAttention.Scores(queries, keys, biases[i].Own);
            var maximum = PartialAttention.RowMaximum(own);
            Tensor sum;
            if (trunkKeys is null)
            {
                sum = PartialAttention.Weighted(own, maximum, queries, keys, values);
            }
            else
            {
                var (outside, seenKeys) = (ByHead(qs[i + 1]), trunkKeys.slice(1, 0, run.TrunkKeys, 1));
                var trunk = PartialAttention.Scores(outside, seenKeys, biases[i].Trunk!);
                maximum = maximum.maximum(HeadsInside(PartialAttention.RowMaximum(trunk)));
                var trunkMaximum = maximum.view(batch, keyHeads, length * group, 1).transpose(0, 1).reshape(keyHeads, -1, 1);
                sum = PartialAttention.Weighted(own, maximum, queries, keys, values)
                    .Plus(HeadsInside(PartialAttention.Weighted(trunk, trunkMaximum, outside, seenKeys, trunkValues!.slice(1, 0, run.TrunkKeys, 1))));
            }

            parts.Add(ToRows(sum.view(batch, keyHeads, length, group, -1)));

            // [rows, keyHeads, (group,) d] → [batch·keyHeads, length(·group), d]
            Tensor ByBranch(Tensor x) =>
                x.view(batch, length, keyHeads, -1, x.shape[^1]).transpose(1, 2).reshape(batch * keyHeads, -1, x.shape[^1]);

            // the same with at least LeastKeys keys
            Tensor Keys(Tensor x) => length >= PartialAttention.LeastKeys ? ByBranch(x)
                : nn.functional.pad(ByBranch(x), [0, 0, 0, PartialAttention.LeastKeys - length]);

            // [keyHeads, batch·length·group, d] → [batch·keyHeads, length·group, d]
            Tensor HeadsInside(Tensor x) => x.view(keyHeads, batch, length * group, -1).transpose(0, 1)
                .reshape(batch * keyHeads, length * group, -1);
        }

        return (parts.Count == 1 ? parts[0] : cat(parts, 0)).MoveToOuterDisposeScope();

        // rows of q → [keyHeads, rows·group, d]
        Tensor ByHead(Tensor x) => x.transpose(0, 1).reshape(keyHeads, -1, size);

        // [batch, keyHeads, length, group, d + 8] → [batch·length, heads, d]
        Tensor ToRows(Tensor x) =>
            PartialAttention.Normalised(x.transpose(1, 2)).reshape(-1, heads, size);
    }

    /// <summary>[length·group, keys]: true where the key lies after the query.</summary>
    private Tensor Future(int length, Device device) =>
        ones(length, Math.Max(length, PartialAttention.LeastKeys), ScalarType.Bool, device).triu(1)
            .repeat_interleave(group, 0);
}
