using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.Training;

/// <summary>Next-token prediction over rows of equal length.</summary>
public static class NextTokenLoss
{
    /// <summary>
    /// Adds the gradient of Σ −log p(token) / <paramref name="normalizer"/> to the parameters' gradients, one micro-batch
    /// at a time; since every micro-batch is divided by the same global count, their size changes nothing but memory.
    /// </summary>
    /// <param name="decoder">The model.</param>
    /// <param name="rows">Token rows [n][L + 1]: the first L predict the last L.</param>
    /// <param name="microBatch">Most rows at once.</param>
    /// <param name="normalizer">Target tokens of the whole optimizer step, over all its rows (and ranks).</param>
    /// <param name="stop">Cancels between micro-batches; the gradient then holds part of the rows.</param>
    /// <returns>The summed negative log-likelihood of the rows' targets, in nats.</returns>
    /// <exception cref="InvalidDataException">The loss is NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static double Backward(
        Decoder decoder, IReadOnlyList<int[]> rows, int microBatch, double normalizer, CancellationToken stop = default)
    {
        double total = 0;
        for (var start = 0; start < rows.Count; start += microBatch)
        {
            stop.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var logProbs = LogProbs(decoder, [.. rows.Skip(start).Take(microBatch)]);
            var loss = -logProbs.sum();
            var value = loss.to_type(ScalarType.Float64).item<double>();
            if (!double.IsFinite(value))
            {
                throw new InvalidDataException(
                    "The loss is not finite, so training stopped before the update. Resume from the last checkpoint with a lower learning rate.");
            }

            (loss / Kept.Scalar(normalizer)).backward();
            total += value;
        }

        return total;
    }

    /// <summary>Log-probability of every target [n·L] for rows [n][L + 1], differentiable while gradients are on.</summary>
    public static Tensor LogProbs(Decoder decoder, IReadOnlyList<int[]> rows)
    {
        using var scope = NewDisposeScope();
        var length = rows[0].Length - 1;
        var inputs = new long[rows.Count * length];
        var targets = new long[rows.Count * length];
        var positions = new long[rows.Count * length];
        for (var row = 0; row < rows.Count; row++)
        {
            for (var i = 0; i < length; i++)
            {
                var at = (row * length) + i;
                inputs[at] = rows[row][i];
                targets[at] = rows[row][i + 1];
                positions[at] = i;
            }
        }

        var hidden = decoder.Hidden(
            tensor(inputs, ScalarType.Int64, decoder.Device), tensor(positions, ScalarType.Int64, decoder.Device),
            new CausalAttention(rows.Count, length));
        return LanguageModelHead.LogProbs(decoder, hidden, tensor(targets, ScalarType.Int64, decoder.Device))
            .MoveToOuterDisposeScope();
    }

}
