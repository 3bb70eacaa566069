using static TorchSharp.torch;

namespace Ra3.Models;

/// <summary>Which rows of a flat row of tokens see which; the only place where sequences exist.</summary>
public abstract class Attention
{
    /// <summary>Scaled dot-product attention with grouped key heads.</summary>
    /// <param name="layer">Index of the layer that asks.</param>
    /// <param name="q">Rotated queries [N, Heads, HeadSize].</param>
    /// <param name="k">Rotated keys [N, KeyValueHeads, HeadSize].</param>
    /// <param name="v">Values [N, KeyValueHeads, HeadSize].</param>
    /// <returns>[N, Heads, HeadSize].</returns>
    public abstract Tensor Attend(int layer, Tensor q, Tensor k, Tensor v);
}

/// <summary>Plain causal attention over B sequences of equal length L; N = B·L. The fast path for packed training.</summary>
public sealed class CausalAttention(int batch, int length) : Attention
{
    /// <inheritdoc/>
    public override Tensor Attend(int layer, Tensor q, Tensor k, Tensor v)
    {
        using var scope = NewDisposeScope();
        long heads = q.shape[1], keyHeads = k.shape[1], size = q.shape[2];
        var attended = nn.functional.scaled_dot_product_attention(
            Split(q, heads), Repeat(Split(k, keyHeads), heads / keyHeads), Repeat(Split(v, keyHeads), heads / keyHeads),
            is_casual: true);
        return attended.transpose(1, 2).reshape(-1, heads, size).MoveToOuterDisposeScope();

        Tensor Split(Tensor x, long count) => x.view(batch, length, count, size).transpose(1, 2);
        Tensor Repeat(Tensor x, long times) => times == 1 ? x : x.repeat_interleave(times, 1);
    }
}
