using static TorchSharp.torch;

namespace Ra3.Models;

/// <summary>How the next token is drawn from logits: the distribution whose log-probs are recorded and trained.</summary>
/// <param name="Temperature">Logits are divided by this; positive.</param>
/// <param name="Forbidden">Optional bool tensor [VocabularySize]: tokens of probability zero, the rest renormalised.</param>
/// <param name="FreeRows">Rows at the beginning in which no token is forbidden: both kinds pass at once.</param>
public sealed record HeadDistribution(double Temperature = 1, Tensor? Forbidden = null, long FreeRows = 0);

/// <summary>
/// Log-probabilities of target tokens without ever holding all logits: rows pass the LM head in chunks, in the forward
/// pass and again in the backward pass.
/// </summary>
public static class LanguageModelHead
{
    private const long RowsPerChunk = 512;

    /// <summary>log softmax(logits/T) at each target, differentiable in the hidden states and the head's weight.</summary>
    /// <param name="decoder">Whose head to use.</param>
    /// <param name="hidden">[n, HiddenSize] in the compute type.</param>
    /// <param name="targets">[n] token ids, int64.</param>
    /// <param name="distribution">Temperature and forbidden tokens.</param>
    /// <returns>[n] in the residual type.</returns>
    public static Tensor LogProbs(Decoder decoder, Tensor hidden, Tensor targets, HeadDistribution? distribution = null) =>
        TargetLogProbs.apply(hidden, decoder.HeadWeight(), targets, distribution ?? new HeadDistribution(), decoder.ResidualType);

    /// <summary>log softmax over the whole vocabulary; for sampling, outside any graph.</summary>
    /// <returns>[n, VocabularySize] in the residual type.</returns>
    public static Tensor LogDistribution(Decoder decoder, Tensor hidden, HeadDistribution distribution)
    {
        using var noGrad = no_grad();
        return LogSoftmax(hidden, decoder.HeadWeight(), distribution, decoder.ResidualType);
    }

    /// <summary>Entropy in nats of each row's distribution; not differentiable.</summary>
    /// <returns>[n] in the residual type.</returns>
    public static Tensor Entropy(Decoder decoder, Tensor hidden, HeadDistribution? distribution = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var chunks = Chunks(hidden.shape[0]).Select(chunk =>
        {
            using var inner = NewDisposeScope();
            var log = LogSoftmax(
                hidden.slice(0, chunk.Start, chunk.End, 1), decoder.HeadWeight(), distribution ?? new(),
                decoder.ResidualType, chunk.Start);
            return (log.exp() * log.masked_fill(log.isinf(), Kept.Scalar(0))).sum(-1).neg().MoveToOuterDisposeScope();
        }).ToList();
        return cat(chunks, 0).MoveToOuterDisposeScope();
    }

    private static IEnumerable<(long Start, long End)> Chunks(long rows)
    {
        for (long start = 0; start < rows; start += RowsPerChunk)
        {
            yield return (start, Math.Min(rows, start + RowsPerChunk));
        }
    }

    /// <summary>Rows are padded as in <see cref="PartialAttention"/>, so that sampling and training round alike.</summary>
    private static Tensor LogSoftmax(
        Tensor hidden, Tensor weight, HeadDistribution distribution, ScalarType type, long firstRow = 0)
    {
        using var logits = Logits(hidden, weight, distribution, type, firstRow);
        return logits.log_softmax(-1);
    }

    private static Tensor Logits(
        Tensor hidden, Tensor weight, HeadDistribution distribution, ScalarType type, long firstRow)
    {
        using var scope = NewDisposeScope();
        var rows = hidden.shape[0];
        var missing = PartialAttention.Padded((int)rows) - rows;
        var padded = missing == 0 ? hidden : nn.functional.pad(hidden, [0, 0, 0, missing]);
        var logits = nn.functional.linear(padded, weight).slice(0, 0, rows, 1).to_type(type);
        if (distribution.Temperature != 1)
        {
            logits /= Kept.Scalar(distribution.Temperature);
        }

        if (distribution.Forbidden is { } forbidden)
        {
            var free = Math.Clamp(distribution.FreeRows - firstRow, 0, rows);
            logits.slice(0, free, rows, 1).masked_fill_(forbidden, Kept.Scalar(double.NegativeInfinity));
        }

        return logits.MoveToOuterDisposeScope();
    }

    /// <summary>The custom autograd node: saves hidden, weight and targets; recomputes the logits on the way back.</summary>
    private sealed class TargetLogProbs : autograd.SingleTensorFunction<TargetLogProbs>
    {
        public override string Name => nameof(TargetLogProbs);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (hidden, weight, targets) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2]);
            var (distribution, type) = ((HeadDistribution)vars[3], (ScalarType)vars[4]);
            ctx.save_for_backward([hidden, weight, targets]);
            ctx.save_data("distribution", distribution);
            ctx.save_data("type", type);
            using var scope = NewDisposeScope();
            var parts = new List<Tensor>();
            foreach (var (start, end) in Chunks(hidden.shape[0]))
            {
                using var inner = NewDisposeScope();
                var log = LogSoftmax(hidden.slice(0, start, end, 1), weight, distribution, type, start);
                parts.Add(log.gather(1, targets.slice(0, start, end, 1).unsqueeze(1)).squeeze(1).MoveToOuterDisposeScope());
            }

            return cat(parts, 0).MoveToOuterDisposeScope();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            using var scope = NewDisposeScope();
            var saved = ctx.get_saved_variables();
            var (hidden, weight, targets) = (saved[0], saved[1], saved[2]);
            var distribution = (HeadDistribution)ctx.get_data("distribution");
            var type = (ScalarType)ctx.get_data("type");
            var hiddenParts = new List<Tensor>();
            var weightGradient = zeros(weight.shape, type, weight.device);
            foreach (var (start, end) in Chunks(hidden.shape[0]))
            {
                using var inner = NewDisposeScope();
                var rows = hidden.slice(0, start, end, 1);
                var gradient = grad_output.slice(0, start, end, 1).unsqueeze(1).to_type(type) / Kept.Scalar(distribution.Temperature);

                // d logp/d logits = onehot − softmax; its rows are scaled by the gradient behind the products, where they are short.
                var logits = Logits(rows, weight, distribution, type, start).softmax(-1);
                var at = targets.slice(0, start, end, 1).unsqueeze(1);
                var cast = logits.scatter_add_(1, at, ones_like(gradient).neg_()).to_type(weight.dtype);
                weightGradient.SubtractInPlace(matmul(cast.t(), (rows * gradient).to_type(weight.dtype)));
                hiddenParts.Add((matmul(cast, weight) * -gradient).MoveToOuterDisposeScope());
            }

            return
            [
                cat(hiddenParts, 0).to_type(hidden.dtype).MoveToOuterDisposeScope(),
                weightGradient.to_type(weight.dtype).MoveToOuterDisposeScope(),
                null!, null!, null!,
            ];
        }
    }
}
