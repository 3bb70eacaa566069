using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.Training;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019) over a decoder's master weights. Its state is plain tensors under the parameters'
/// names, so that a checkpoint holds it as safetensors and a resumed run continues bit for bit.
/// </summary>
public sealed class AdamW : IDisposable
{
    private const string First = "first/";
    private const string Second = "second/";
    private readonly Decoder decoder;
    private readonly OptimizerOptions options;
    private readonly Dictionary<string, Tensor> state = [];

    /// <summary>Starts with moments of zero.</summary>
    public AdamW(Decoder decoder, OptimizerOptions options)
    {
        this.decoder = decoder;
        this.options = options;
        using var noGrad = no_grad();
        foreach (var (name, parameter) in decoder.Parameters)
        {
            state[First + name] = zeros_like(parameter).DetachFromDisposeScope();
            state[Second + name] = zeros_like(parameter).DetachFromDisposeScope();
        }
    }

    /// <summary>Updates so far; bias correction depends on it.</summary>
    public long Steps { get; private set; }

    /// <summary>Both moments of every parameter.</summary>
    public IReadOnlyDictionary<string, Tensor> State => state;

    /// <summary>Takes over saved moments.</summary>
    /// <exception cref="InvalidDataException">They do not fit the model.</exception>
    public void Restore(IReadOnlyDictionary<string, Tensor> saved, long steps)
    {
        using var noGrad = no_grad();
        foreach (var (name, moment) in state)
        {
            if (!saved.TryGetValue(name, out var value) || !value.shape.SequenceEqual(moment.shape))
            {
                throw new InvalidDataException($"The optimizer state lacks {name} in the model's shape: it belongs to another run.");
            }

            moment.copy_(value);
        }

        Steps = steps;
    }

    /// <summary>Clips the gradient, updates the parameters, and clears the gradient.</summary>
    /// <param name="learningRate">Of this step.</param>
    /// <returns>Norm of the whole gradient before clipping.</returns>
    /// <exception cref="InvalidDataException">The gradient is NaN or infinite; the parameters are untouched.</exception>
    public double Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var gradients = decoder.Parameters.Where(parameter => parameter.Value.grad is not null).ToList();
        var norm = Math.Sqrt(gradients.Sum(parameter => parameter.Value.grad!.pow(Kept.Scalar(2)).sum(ScalarType.Float64).item<double>()));
        if (!double.IsFinite(norm))
        {
            throw new InvalidDataException(
                $"The gradient of update {Steps + 1} is not finite, so training stopped before it touched the weights. "
                + "Resume from the last checkpoint with a lower learning rate or a smaller clipNorm.");
        }

        Steps++;
        var scale = options.ClipNorm > 0 && norm > options.ClipNorm ? options.ClipNorm / norm : 1;
        var firstCorrection = 1 - Math.Pow(options.Beta1, Steps);
        var secondCorrection = Math.Sqrt(1 - Math.Pow(options.Beta2, Steps));
        foreach (var (name, parameter) in gradients)
        {
            using var inner = NewDisposeScope();
            var gradient = parameter.grad!;
            if (scale != 1)
            {
                gradient.mul_(Kept.Scalar(scale));
            }

            if (options.WeightDecay > 0 && parameter.dim() > 1)
            {
                parameter.mul_(Kept.Scalar(1 - (learningRate * options.WeightDecay)));
            }

            var first = state[First + name].mul_(Kept.Scalar(options.Beta1)).add_(gradient, Kept.Scalar(1 - options.Beta1));
            var second = state[Second + name].mul_(Kept.Scalar(options.Beta2)).addcmul_(gradient, gradient, Kept.Scalar(1 - options.Beta2));
            var denominator = second.sqrt().div_(Kept.Scalar(secondCorrection)).add_(Kept.Scalar(options.Epsilon), Kept.Scalar(1));
            parameter.addcdiv_(first, denominator, Kept.Scalar(-learningRate / firstCorrection));
            gradient.zero_();
        }

        decoder.Changed();
        return norm;
    }

    /// <summary>Forgets the gradient, as after a step that was given up on its way.</summary>
    public void DiscardGradient()
    {
        using var noGrad = no_grad();
        foreach (var parameter in decoder.Parameters.Values)
        {
            parameter.grad?.zero_();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var moment in state.Values)
        {
            moment.Dispose();
        }
    }
}
