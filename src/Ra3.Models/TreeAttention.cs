using static TorchSharp.torch;

namespace Ra3.Models;

/// <summary>Attention over a <see cref="TreeLayout"/>: each branch sees its part of the trunk and its own past.</summary>
/// <remarks>
/// Branch queries meet the trunk's keys once for all branches of a run and their own keys branch by branch; no pair of branches is
/// ever multiplied, so the cost is linear in the number of branches. One node of the graph holds a layer's attention: its way back
/// adds up the trunk's gradients in place, which single operations would make anew, as large as the trunk, for every run.
/// </remarks>
public sealed class TreeAttention : Attention
{
    /// <summary>Trunk rows taken at a time, each time with the keys up to the last of them.</summary>
    private const int TrunkBlock = 256;

    private readonly TreeLayout layout;
    private readonly Action<int, Tensor, Tensor>? capture;
    private readonly List<Block> blocks = [];

    /// <summary>Builds the masks on the decoder's device.</summary>
    /// <param name="layout">The tree.</param>
    /// <param name="decoder">Whose heads and device to serve.</param>
    /// <param name="capture">Called with (layer, keys, values) [N, KeyValueHeads, HeadSize] for a cache to copy.</param>
    public TreeAttention(TreeLayout layout, Decoder decoder, Action<int, Tensor, Tensor>? capture = null)
    {
        this.layout = layout;
        this.capture = capture;
        var group = decoder.Config.Heads / decoder.Config.KeyValueHeads;
        var (device, type) = (decoder.Device, decoder.ResidualType);
        using var noGrad = no_grad();
        for (var start = 0; start < layout.TrunkRows; start += TrunkBlock)
        {
            var rows = Math.Min(TrunkBlock, layout.TrunkRows - start);
            blocks.Add(new Block(start, rows, 0, null, start + rows, Future(rows, rows)));
        }

        foreach (var run in layout.Runs)
        {
            Tensor? unseen = null;
            if (layout.TrunkRows > 0)
            {
                // Keys before the first attachment are seen by all.
                var first = run.Attach[0];
                var attach = tensor(run.Attach.Select(a => (long)(a - first)).ToArray(), ScalarType.Int64, device);
                unseen = PartialAttention.BiasBefore(attach.repeat_interleave((long)run.Length * group), run.TrunkKeys - first, type).unsqueeze(0);
            }

            var own = Future(run.Length, Math.Max(run.Length, PartialAttention.LeastKeys));
            blocks.Add(new Block(run.Start, run.Length * run.Attach.Count, run.Attach.Count, own, run.TrunkKeys, unseen));
        }

        // [rows·group, keys]: hidden where the key lies after the query.
        Tensor Future(int rows, int keys) =>
            PartialAttention.Bias(ones(rows, keys, ScalarType.Bool, device).triu(1).repeat_interleave(group, 0), type);
    }

    /// <inheritdoc/>
    public override Tensor Attend(int layer, Tensor q, Tensor k, Tensor v)
    {
        using var scope = NewDisposeScope();
        capture?.Invoke(layer, k, v);
        var attended = is_grad_enabled() && (q.requires_grad || k.requires_grad || v.requires_grad)
            ? Node.apply(this, q, k, v)
            : Forward(q, k, v, saved: null);
        return attended.MoveToOuterDisposeScope();
    }

    /// <summary>What <see cref="Attend"/> returns; adds to <paramref name="saved"/> what the way back takes, in its order. To be called
    /// in a scope, which then holds both.</summary>
    private Tensor Forward(Tensor q, Tensor k, Tensor v, List<Tensor>? saved)
    {
        using var noGrad = no_grad();
        long heads = q.shape[1], keyHeads = k.shape[1], size = q.shape[2];
        var attended = empty_like(q);
        q = q / Kept.Scalar(Math.Sqrt(size));
        Tensor? trunkKeys = null, trunkValues = null;
        if (layout.TrunkRows > 0)
        {
            trunkKeys = ByHead(Rows(k, 0, layout.TrunkRows), keyHeads);
            trunkValues = PartialAttention.WithDenominator(ByHead(Rows(v, 0, layout.TrunkRows), keyHeads));
            saved?.AddRange([trunkKeys, trunkValues]);
        }

        foreach (var block in blocks)
        {
            using var inner = NewDisposeScope();
            var queries = ByHead(Rows(q, block.Start, block.Rows), keyHeads);
            Tensor? trunkScores = null, ownScores = null, maximum = null, sum = null;
            if (block.TrunkBias is not null)
            {
                trunkScores = PartialAttention.Scores(queries, trunkKeys!.slice(1, 0, block.TrunkKeys, 1), block.TrunkBias);
                maximum = PartialAttention.RowMaximum(trunkScores);
            }

            Keep(queries);
            if (block.OwnBias is not null)
            {
                var (ownKeys, ownValues) = (Own(k), PartialAttention.WithDenominator(Own(v)));
                ownScores = PartialAttention.Scores(block.ByBranch(queries), ownKeys, block.OwnBias);
                var largest = PartialAttention.RowMaximum(ownScores);
                largest = maximum is null ? largest : largest.maximum(block.ByBranch(maximum));
                maximum = largest.view(keyHeads, -1, 1);
                sum = PartialAttention.Weighted(ownScores, largest, ownValues).view(keyHeads, -1, size + PartialAttention.DenominatorColumns);
                Keep(ownKeys, ownValues, ownScores);
            }

            if (trunkScores is not null)
            {
                var part = PartialAttention.Weighted(trunkScores, maximum!, trunkValues!.slice(1, 0, block.TrunkKeys, 1));
                sum = sum is null ? part : sum.AddInPlace(part);
                Keep(trunkScores);
            }

            ByHeadView(Rows(attended, block.Start, block.Rows), keyHeads)
                .copy_(PartialAttention.Normalised(sum!).view(keyHeads, block.Rows, heads / keyHeads, size));
            Keep(sum!);

            // [keyHeads·branches, at least LeastKeys, size]
            Tensor Own(Tensor x)
            {
                var own = block.ByBranch(ByHead(Rows(x, block.Start, block.Rows), keyHeads));
                var missing = block.OwnBias.shape[^1] - own.shape[1];
                return missing == 0 ? own : nn.functional.pad(own, [0, 0, 0, missing]);
            }
        }

        return attended;

        void Keep(params ReadOnlySpan<Tensor> tensors)
        {
            foreach (var tensor in tensors)
            {
                saved?.Add(tensor.MoveToOuterDisposeScope());
            }
        }
    }

    private List<Tensor> Backward(Tensor gradient, IReadOnlyList<Tensor> saved)
    {
        using var scope = NewDisposeScope();
        long rows = gradient.shape[0], heads = gradient.shape[1], size = gradient.shape[2];
        var next = 0;
        Tensor? trunkKeys = null, trunkValues = null, trunkKeyGradient = null, trunkValueGradient = null;
        var keyHeads = saved[0].shape[0];
        if (layout.TrunkRows > 0)
        {
            (trunkKeys, trunkValues) = (saved[next++], saved[next++]);
            (trunkKeyGradient, trunkValueGradient) = (zeros_like(trunkKeys), zeros_like(trunkValues));
        }

        var qGradient = empty_like(gradient);
        var (kGradient, vGradient) = (gradient.new_empty(rows, keyHeads, size), gradient.new_empty(rows, keyHeads, size));
        foreach (var block in blocks)
        {
            using var inner = NewDisposeScope();
            var queries = saved[next++];
            var own = block.OwnBias is null ? default : (Keys: saved[next++], Values: saved[next++], Weights: saved[next++]);
            var trunkWeights = block.TrunkBias is null ? null : saved[next++];
            var sumGradient = NormalisedGradient(ByHead(Rows(gradient, block.Start, block.Rows), keyHeads), saved[next++]);
            Tensor? queryGradient = null;
            if (block.OwnBias is not null)
            {
                var mine = block.ByBranch(sumGradient);
                var scoreGradient = matmul(mine, own.Values.transpose(-1, -2)).mul_(own.Weights);
                queryGradient = matmul(scoreGradient, own.Keys).view_as(queries);
                Write(kGradient, matmul(scoreGradient.transpose(-1, -2), block.ByBranch(queries)));
                Write(vGradient, matmul(own.Weights.transpose(-1, -2), mine));
            }

            if (trunkWeights is not null)
            {
                var scoreGradient = matmul(sumGradient, Seen(trunkValues!).transpose(-1, -2)).mul_(trunkWeights);
                var part = matmul(scoreGradient, Seen(trunkKeys!));
                queryGradient = queryGradient is null ? part : queryGradient.AddInPlace(part);
                Seen(trunkKeyGradient!).AddInPlace(matmul(scoreGradient.transpose(-1, -2), queries));
                Seen(trunkValueGradient!).AddInPlace(matmul(trunkWeights.transpose(-1, -2), sumGradient));
            }

            ByHeadView(Rows(qGradient, block.Start, block.Rows), keyHeads).copy_(queryGradient!.view(keyHeads, block.Rows, -1, size));

            Tensor Seen(Tensor trunk) => trunk.slice(1, 0, block.TrunkKeys, 1);

            // [keyHeads·branches, at least the branch's keys, at least size] into the block's rows of [N, keyHeads, size]
            void Write(Tensor into, Tensor x)
            {
                var length = block.Rows / block.Branches;
                ByHeadView(Rows(into, block.Start, block.Rows), keyHeads).copy_(
                    x.slice(1, 0, length, 1).slice(2, 0, size, 1).reshape(keyHeads, block.Rows, 1, size));
            }
        }

        if (trunkKeys is not null)
        {
            Rows(kGradient, 0, layout.TrunkRows).copy_(trunkKeyGradient!.transpose(0, 1));
            Rows(vGradient, 0, layout.TrunkRows).copy_(trunkValueGradient!.slice(-1, 0, size, 1).transpose(0, 1));
        }

        qGradient.div_(Kept.Scalar(Math.Sqrt(size)));
        return [qGradient.MoveToOuterDisposeScope(), kGradient.MoveToOuterDisposeScope(), vGradient.MoveToOuterDisposeScope()];
    }

    /// <summary>From the gradient of numerator/denominator to that of both, side by side as in <see cref="PartialAttention.Weighted"/>.</summary>
    private static Tensor NormalisedGradient(Tensor gradient, Tensor weighted)
    {
        using var scope = NewDisposeScope();
        var size = gradient.shape[^1];
        var (numerator, denominator) = (weighted.slice(-1, 0, size, 1), weighted.slice(-1, size, size + 1, 1));
        var result = zeros_like(weighted);
        var ofNumerator = gradient / denominator;
        result.slice(-1, 0, size, 1).copy_(ofNumerator);
        result.slice(-1, size, size + 1, 1).copy_((ofNumerator * numerator).sum(-1, keepdim: true).neg_().div_(denominator));
        return result.MoveToOuterDisposeScope();
    }

    private static Tensor Rows(Tensor x, long start, long count) => x.slice(0, start, start + count, 1);

    /// <summary>[rows, heads, d] → a view [keyHeads, rows, heads/keyHeads, d].</summary>
    private static Tensor ByHeadView(Tensor x, long keyHeads) => x.view(x.shape[0], keyHeads, -1, x.shape[^1]).transpose(0, 1);

    /// <summary>[rows, heads, d] → [keyHeads, rows·heads/keyHeads, d].</summary>
    private static Tensor ByHead(Tensor x, long keyHeads) => ByHeadView(x, keyHeads).reshape(keyHeads, -1, x.shape[^1]);

    /// <summary>Rows that share their products: a piece of the trunk, or a run of <paramref name="Branches"/> branches.</summary>
    private sealed record Block(int Start, int Rows, int Branches, Tensor? OwnBias, int TrunkKeys, Tensor? TrunkBias)
    {
        /// <summary>[keyHeads, rows·m, d] → a view [keyHeads·branches, length·m, d].</summary>
        public Tensor ByBranch(Tensor x) => x.reshape(x.shape[0] * Branches, -1, x.shape[^1]);
    }

    private sealed class Node : autograd.SingleTensorFunction<Node>
    {
        public override string Name => nameof(TreeAttention);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            // What is saved is taken over after this returns, so it lives until the caller's scope ends.
            var attention = (TreeAttention)vars[0];
            var saved = new List<Tensor>();
            var attended = attention.Forward((Tensor)vars[1], (Tensor)vars[2], (Tensor)vars[3], saved);
            ctx.save_for_backward(saved);
            ctx.save_data(nameof(TreeAttention), attention);
            return attended;
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
            [null!, .. ((TreeAttention)ctx.get_data(nameof(TreeAttention))).Backward(grad_output, ctx.get_saved_variables())];
    }
}
