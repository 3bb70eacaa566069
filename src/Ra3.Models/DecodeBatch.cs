using static TorchSharp.torch;

namespace Ra3.Models;

/// <summary>
/// Sequences decoded side by side with a key/value cache: each slot continues a shared trunk (or starts from nothing) and
/// takes one token a step. Slots in use are always the first <see cref="Active"/>; closing one moves the last into its place.
/// Its hidden states equal those of <see cref="TreeAttention"/> over the same tokens bit for bit on CPUs whose matrix
/// kernels treat rows alike (measured by a test; ra3 doctor says whether this machine's do).
/// </summary>
public sealed class DecodeBatch : IDisposable
{
    private const int KeyMultiple = 16;

    private readonly Decoder decoder;
    private readonly int group;
    private readonly (Tensor Keys, Tensor Values)[] trunk;
    private readonly (Tensor Keys, Tensor Values)[] own;
    private readonly int[] attach;
    private readonly int[] length;
    private int trunkLength;

    /// <summary>Reserves memory for <paramref name="slots"/> sequences of <paramref name="capacity"/> tokens each, trunk not
    /// counted; it grows where a sequence needs more.</summary>
    public DecodeBatch(Decoder decoder, int slots, int capacity)
    {
        this.decoder = decoder;
        Slots = slots;
        Capacity = (capacity + KeyMultiple - 1) / KeyMultiple * KeyMultiple;
        group = decoder.Config.Heads / decoder.Config.KeyValueHeads;
        attach = new int[slots];
        length = new int[slots];
        trunk = new (Tensor, Tensor)[decoder.Config.Layers];
        own = new (Tensor, Tensor)[decoder.Config.Layers];
        using var noGrad = no_grad();
        for (var layer = 0; layer < own.Length; layer++)
        {
            long[] shape = [slots, decoder.Config.KeyValueHeads, Capacity, decoder.Config.HeadSize];
            using var values = zeros(shape, decoder.ResidualType, decoder.Device);
            own[layer] = (
                zeros(shape, decoder.ResidualType, decoder.Device).DetachFromDisposeScope(),
                PartialAttention.WithDenominator(values).DetachFromDisposeScope());
        }
    }

    /// <summary>Sequences it has room for.</summary>
    public int Slots { get; }

    /// <summary>Tokens a slot can hold beyond the trunk.</summary>
    public int Capacity { get; private set; }

    /// <summary>Slots in use: 0 … Active − 1.</summary>
    public int Active { get; private set; }

    /// <summary>Tokens that a slot has taken beyond the trunk.</summary>
    public int Length(int slot) => length[slot];

    /// <summary>Reads the trunk that slots may continue; closes all slots.</summary>
    /// <returns>Hidden states [at least tokens.Count, HiddenSize] of its rows, in order.</returns>
    public Tensor ReadTrunk(IReadOnlyList<int> tokens)
    {
        Active = 0;
        trunkLength = tokens.Count;
        var layout = new TreeLayout(tokens, []);
        return Forward(layout, (layer, keys, values) =>
        {
            trunk[layer].Keys?.Dispose();
            trunk[layer].Values?.Dispose();
            trunk[layer] = (
                keys.transpose(0, 1).contiguous().DetachFromDisposeScope(),
                PartialAttention.WithDenominator(values.transpose(0, 1)).DetachFromDisposeScope());
        });
    }

    /// <summary>Opens a slot that continues the trunk's first <paramref name="attachAt"/> tokens.</summary>
    /// <returns>Its slot.</returns>
    /// <exception cref="InvalidOperationException">No slot is free, or it attaches outside the trunk.</exception>
    public int Open(int attachAt = 0)
    {
        if (Active == Slots || attachAt > trunkLength)
        {
            throw new InvalidOperationException($"No free slot among {Slots}, or {attachAt} is beyond the trunk.");
        }

        attach[Active] = attachAt;
        length[Active] = 0;
        return Active++;
    }

    /// <summary>Opens a slot for each prompt and reads them all at once; only without a trunk.</summary>
    /// <returns>Hidden state [prompts padded, HiddenSize] of each prompt's last token, in order.</returns>
    public Tensor OpenPrompts(IReadOnlyList<int[]> prompts)
    {
        if (trunkLength > 0)
        {
            throw new InvalidOperationException("Prompts are read only where there is no trunk.");
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var first = Active;
        var layout = new TreeLayout([], [.. prompts.Select(prompt => new TreeBranch(0, prompt))]);
        foreach (var prompt in prompts)
        {
            length[Open()] = prompt.Length;
        }

        var hidden = Forward(layout, (layer, keys, values) =>
        {
            for (var i = 0; i < prompts.Count; i++)
            {
                long row = layout.Row(i, 0), count = prompts[i].Length;
                Slot(own[layer].Keys, first + i, count).copy_(keys.slice(0, row, row + count, 1).transpose(0, 1));
                Slot(own[layer].Values, first + i, count).slice(-1, 0, decoder.Config.HeadSize, 1)
                    .copy_(values.slice(0, row, row + count, 1).transpose(0, 1));
            }
        });
        var rows = new long[PartialAttention.Padded(prompts.Count)];
        for (var i = 0; i < prompts.Count; i++)
        {
            rows[i] = layout.Row(i, prompts[i].Length - 1);
        }

        return hidden.index_select(0, tensor(rows, ScalarType.Int64, decoder.Device)).MoveToOuterDisposeScope();

        static Tensor Slot(Tensor cache, int slot, long count) => cache[slot].slice(1, 0, count, 1);
    }

    /// <summary>Opens a slot that holds what another holds.</summary>
    /// <returns>Its slot.</returns>
    /// <exception cref="InvalidOperationException">No slot is free.</exception>
    public int Fork(int slot)
    {
        var copy = Open(attach[slot]);
        Copy(slot, copy);
        return copy;
    }

    /// <summary>Closes a slot; the last active slot takes its place.</summary>
    /// <returns>The slot that moved here, or −1 where the closed one was last.</returns>
    public int Close(int slot)
    {
        var last = --Active;
        if (slot == last)
        {
            return -1;
        }

        Copy(last, slot);
        return last;
    }

    /// <summary>Forgets a slot's tokens from <paramref name="newLength"/> on.</summary>
    public void Truncate(int slot, int newLength) => length[slot] = Math.Min(length[slot], newLength);

    /// <summary>Feeds one token to every active slot.</summary>
    /// <returns>Hidden states [Active padded to 8, HiddenSize]; row i belongs to slot i.</returns>
    public Tensor Step(ReadOnlySpan<int> tokens)
    {
        var rows = PartialAttention.Padded(Active);
        var ids = new long[rows];
        var positions = new long[rows];
        for (var slot = 0; slot < Active; slot++)
        {
            if (length[slot] == Capacity)
            {
                Grow();
            }

            ids[slot] = tokens[slot];
            positions[slot] = attach[slot] + length[slot];
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var attention = new CachedAttention(this);
        for (var slot = 0; slot < Active; slot++)
        {
            length[slot]++;
        }

        return decoder.Hidden(
            tensor(ids, ScalarType.Int64, decoder.Device), tensor(positions, ScalarType.Int64, decoder.Device), attention)
            .MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (keys, values) in own.Concat(trunk))
        {
            keys?.Dispose();
            values?.Dispose();
        }
    }

    private void Copy(int from, int to)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (keys, values) in own)
        {
            keys[to].slice(1, 0, length[from], 1).copy_(keys[from].slice(1, 0, length[from], 1));
            values[to].slice(1, 0, length[from], 1).copy_(values[from].slice(1, 0, length[from], 1));
        }

        (attach[to], length[to]) = (attach[from], length[from]);
    }

    /// <summary>Doubles the room of every slot.</summary>
    private void Grow()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        for (var layer = 0; layer < own.Length; layer++)
        {
            var (keys, values) = own[layer];
            own[layer] = (
                nn.functional.pad(keys, [0, 0, 0, Capacity]).DetachFromDisposeScope(),
                nn.functional.pad(values, [0, 0, 0, Capacity]).DetachFromDisposeScope());
            own[layer].Values.slice(-1, decoder.Config.HeadSize, decoder.Config.HeadSize + 1, 1).fill_(Kept.Scalar(1));
            keys.Dispose();
            values.Dispose();
        }

        Capacity *= 2;
    }

    private Tensor Forward(TreeLayout layout, Action<int, Tensor, Tensor> capture)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return decoder.Hidden(
            tensor(layout.Tokens, ScalarType.Int64, decoder.Device),
            tensor(layout.Positions, ScalarType.Int64, decoder.Device),
            new TreeAttention(layout, decoder, capture)).MoveToOuterDisposeScope();
    }

    /// <summary>One new query per active slot against its own cache and the trunk.</summary>
    private sealed class CachedAttention : Attention
    {
        private readonly DecodeBatch batch;
        private readonly Tensor writeRows;
        private readonly Tensor ownBias;
        private readonly Tensor? trunkBias;
        private readonly long keyCount;
        private readonly int ownRows;
        private readonly int trunkRows;

        public CachedAttention(DecodeBatch batch)
        {
            this.batch = batch;
            int active = batch.Active, keyHeads = batch.decoder.Config.KeyValueHeads, group = batch.group;
            var device = batch.decoder.Device;
            ownRows = PartialAttention.Padded(group);
            trunkRows = PartialAttention.Padded(active * group);
            var write = new long[active * keyHeads];
            var last = new long[active];
            for (var slot = 0; slot < active; slot++)
            {
                last[slot] = batch.length[slot];
                for (var head = 0; head < keyHeads; head++)
                {
                    write[(slot * keyHeads) + head] = ((((long)slot * keyHeads) + head) * batch.Capacity) + batch.length[slot];
                }
            }

            writeRows = tensor(write, ScalarType.Int64, device);
            keyCount = Math.Min(batch.Capacity, (last.Max() + KeyMultiple) / KeyMultiple * KeyMultiple);
            var lastKey = tensor(last, ScalarType.Int64, device).repeat_interleave(keyHeads).view(-1, 1, 1);
            ownBias = PartialAttention.Bias(
                arange(Kept.Scalar(keyCount), ScalarType.Int64, device).view(1, 1, -1).gt(lastKey), batch.decoder.ResidualType);
            if (batch.trunkLength > 0)
            {
                var seen = new long[trunkRows];
                for (var row = 0; row < active * group; row++)
                {
                    seen[row] = batch.attach[row / group];
                }

                trunkBias = PartialAttention.Bias(
                    arange(Kept.Scalar(batch.trunk[0].Keys.shape[1]), ScalarType.Int64, device).view(1, 1, -1)
                        .ge(tensor(seen, ScalarType.Int64, device).view(1, -1, 1)),
                    batch.decoder.ResidualType);
            }
        }

        public override Tensor Attend(int layer, Tensor q, Tensor k, Tensor v)
        {
            using var scope = NewDisposeScope();
            long rows = q.shape[0], active = batch.Active, heads = q.shape[1], keyHeads = k.shape[1], size = q.shape[2];
            long group = batch.group;
            var (keys, values) = batch.own[layer];
            keys.view(-1, size).index_copy_(0, writeRows, k.slice(0, 0, active, 1).reshape(-1, size));
            values.view(-1, values.shape[^1]).slice(1, 0, size, 1)
                .index_copy_(0, writeRows, v.slice(0, 0, active, 1).reshape(-1, size));

            q = (q.slice(0, 0, active, 1) / Kept.Scalar(Math.Sqrt(size))).view(active, keyHeads, group, size);
            var ownQueries = nn.functional.pad(q.reshape(active * keyHeads, group, size), [0, 0, 0, ownRows - group]);
            var own = PartialAttention.Scores(ownQueries, Cached(keys), ownBias);
            var maximum = PartialAttention.RowMaximum(own);
            Tensor sum;
            if (trunkBias is null)
            {
                sum = PartialAttention.Weighted(own, maximum, Cached(values)).slice(1, 0, group, 1);
            }
            else
            {
                var (trunkKeys, trunkValues) = batch.trunk[layer];
                var queries = nn.functional.pad(
                    q.transpose(0, 1).reshape(keyHeads, active * group, size), [0, 0, 0, trunkRows - (active * group)]);
                var trunk = PartialAttention.Scores(queries, trunkKeys, trunkBias);
                var trunkMaximum = PartialAttention.RowMaximum(trunk).slice(1, 0, active * group, 1)
                    .view(keyHeads, active, group, 1).transpose(0, 1).reshape(active * keyHeads, group, 1);
                maximum = maximum.slice(1, 0, group, 1).maximum(trunkMaximum);
                var outside = nn.functional.pad(
                    maximum.view(active, keyHeads, group, 1).transpose(0, 1).reshape(keyHeads, active * group, 1),
                    [0, 0, 0, trunkRows - (active * group)]);
                var ownMaximum = nn.functional.pad(maximum, [0, 0, 0, ownRows - group]);
                sum = PartialAttention.Weighted(own, ownMaximum, Cached(values)).slice(1, 0, group, 1)
                    + PartialAttention.Weighted(trunk, outside, trunkValues).slice(1, 0, active * group, 1)
                        .view(keyHeads, active, group, -1).transpose(0, 1).reshape(active * keyHeads, group, -1);
            }

            var attended = PartialAttention.Normalised(sum).reshape(active, heads, size);
            return nn.functional.pad(attended, [0, 0, 0, 0, 0, rows - active]).MoveToOuterDisposeScope();

            // [slots, keyHeads, capacity, d] → a view [active·keyHeads, keys, d]
            Tensor Cached(Tensor cache) =>
                cache.slice(0, 0, active, 1).slice(2, 0, keyCount, 1).flatten(0, 1);
        }
    }
}
