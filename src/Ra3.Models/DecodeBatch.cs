using static TorchSharp.torch;

namespace Ra3.Models;

/// <summary>
/// Sequences decoded side by side with a key/value cache: each slot continues a shared trunk (or starts from nothing) and
/// takes one token at a time, or several where they are known. Slots in use are always the first <see cref="Active"/>; closing one moves the last into its place.
/// Its hidden states equal those of <see cref="TreeAttention"/> over the same tokens bit for bit on CPUs whose matrix
/// kernels treat rows alike (measured by a test; ra3 doctor says whether this machine's do).
/// </summary>
public sealed partial class DecodeBatch : IDisposable
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
        var each = new int[Active][];
        for (var slot = 0; slot < Active; slot++)
        {
            each[slot] = [tokens[slot]];
        }

        return Feed(each).Hidden;
    }

    /// <summary>Feeds every active slot its next tokens, one or more each; the hidden states are those that single steps give.</summary>
    /// <returns>Hidden states [rows padded to 8, HiddenSize], and for each slot the row of its first token; its others follow it.</returns>
    /// <exception cref="ArgumentException">A slot gets no token, or there are more or fewer lists than slots.</exception>
    public (Tensor Hidden, int[] FirstRows) Feed(IReadOnlyList<int[]> tokens)
    {
        if (tokens.Count != Active || tokens.Any(some => some.Length == 0))
        {
            throw new ArgumentException($"Each of the {Active} active slots needs at least one token.");
        }

        var rows = PartialAttention.Padded(tokens.Sum(some => some.Length));
        var (ids, positions, firstRows) = (new long[rows], new long[rows], new int[Active]);
        var next = 0;
        for (var slot = 0; slot < Active; slot++)
        {
            while (length[slot] + tokens[slot].Length > Capacity)
            {
                Grow();
            }

            firstRows[slot] = next;
            for (var i = 0; i < tokens[slot].Length; i++)
            {
                (ids[next], positions[next++]) = (tokens[slot][i], attach[slot] + length[slot] + i);
            }
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var attention = new CachedAttention(this, [.. tokens.Select(some => some.Length)]);
        var hidden = decoder.Hidden(
            tensor(ids, ScalarType.Int64, decoder.Device), tensor(positions, ScalarType.Int64, decoder.Device), attention);
        for (var slot = 0; slot < Active; slot++)
        {
            length[slot] += tokens[slot].Length;
        }

        return (hidden.MoveToOuterDisposeScope(), firstRows);
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
}
