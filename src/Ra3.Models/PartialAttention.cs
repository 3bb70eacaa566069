using static TorchSharp.torch;

namespace Ra3.Models;

/// <summary>
/// Softmax attention over a key set given in parts, written so that training and cached decoding agree bit for bit:
/// every sum over keys is a matrix product whose terms keep their order, keys that a query may not see add an exact zero,
/// and products have at least <see cref="RowMultiple"/> rows, since the library's kernels for fewer rows round differently.
/// </summary>
internal static class PartialAttention
{
    /// <summary>Rows of every matrix product are padded to a multiple of this.</summary>
    public const int RowMultiple = 8;

    /// <summary>Least number of keys in a product, for the same reason.</summary>
    public const int LeastKeys = 16;

    /// <summary>Keys summed in one product. Longer sums are split by the library at places that depend on their length; fixed
    /// blocks keep the order of terms whatever comes behind.</summary>
    public const int KeyBlock = 128;

    /// <summary>Extra value columns: the first holds ones, so that the product with the values also yields the softmax
    /// denominator; the others keep rows aligned.</summary>
    public const int DenominatorColumns = 8;

    /// <summary>The least multiple of <see cref="RowMultiple"/> that holds <paramref name="rows"/>.</summary>
    public static int Padded(int rows) => (rows + RowMultiple - 1) / RowMultiple * RowMultiple;

    /// <summary>Values [..., HeadSize] with the denominator's columns behind them.</summary>
    public static Tensor WithDenominator(Tensor values)
    {
        using var scope = NewDisposeScope();
        var shape = values.shape;
        shape[^1] = DenominatorColumns;
        var columns = zeros(shape, values.dtype, values.device);
        using (no_grad())
        {
            columns.slice(-1, 0, 1, 1).fill_(Kept.Scalar(1));
        }

        return cat([values, columns], -1).MoveToOuterDisposeScope();
    }

    /// <summary>0 where a query may see a key and −∞ where <paramref name="hidden"/> says not, to be added to scores.</summary>
    public static Tensor Bias(Tensor hidden, ScalarType type) =>
        zeros(hidden.shape, type, hidden.device).masked_fill_(hidden, Kept.Scalar(double.NegativeInfinity));

    /// <summary>Such a bias [rows, keys] where each row may see the keys before its limit [rows].</summary>
    public static Tensor BiasBefore(Tensor limits, long keys, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var places = arange(Kept.Scalar(0), Kept.Scalar(keys), Kept.Scalar(1), ScalarType.Int64, limits.device);
        return Bias(places.unsqueeze(0).ge(limits.unsqueeze(1)), type).MoveToOuterDisposeScope();
    }

    /// <summary>Queries [b, rows, d] times keys [b, keys, d], plus the bias, which broadcasts to [b, rows, last keys] and is for the
    /// last keys where there are fewer of it.</summary>
    public static Tensor Scores(Tensor queries, Tensor keys, Tensor bias)
    {
        using var scope = NewDisposeScope();
        var scores = matmul(queries, keys.transpose(-1, -2));
        var count = scores.shape[^1];
        scores.slice(-1, count - bias.shape[^1], count, 1).AddInPlace(bias);
        return scores.MoveToOuterDisposeScope();
    }

    /// <summary>Largest score of each row, which cancels and only keeps exp in range.</summary>
    public static Tensor RowMaximum(Tensor scores) => scores.amax([-1], keepdim: true);

    /// <summary>Σ exp(score − maximum) · [value, 1]: numerator and denominator side by side. The scores are overwritten.</summary>
    public static Tensor Weighted(Tensor scores, Tensor maximum, Tensor valuesWithDenominator)
    {
        using var scope = NewDisposeScope();
        var weights = scores.SubtractInPlace(maximum).exp_();
        var keys = weights.shape[^1];
        Tensor? sum = null;
        for (long start = 0; start < keys; start += KeyBlock)
        {
            var end = Math.Min(keys, start + KeyBlock);
            var part = matmul(weights.slice(-1, start, end, 1), valuesWithDenominator.slice(-2, start, end, 1));
            sum = sum is null ? part : sum.AddInPlace(part);
        }

        return sum!.MoveToOuterDisposeScope();
    }

    /// <summary>Divides the numerator columns by the denominator column: [..., HeadSize + 8] → [..., HeadSize].</summary>
    public static Tensor Normalised(Tensor weighted)
    {
        using var scope = NewDisposeScope();
        var size = weighted.shape[^1] - DenominatorColumns;
        return (weighted.slice(-1, 0, size, 1) / weighted.slice(-1, size, size + 1, 1)).MoveToOuterDisposeScope();
    }
}
