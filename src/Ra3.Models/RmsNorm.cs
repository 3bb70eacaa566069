using static TorchSharp.torch;

namespace Ra3.Models;

/// <summary>Root-mean-square normalisation over the last dimension: x · gain / √(mean(x²) + ε).</summary>
internal static class RmsNorm
{
    public static Tensor Apply(Tensor x, Tensor gain, double epsilon)
    {
        using var scope = NewDisposeScope();
        var inverse = x.pow(Kept.Scalar(2)).mean([-1], keepdim: true).add_(Kept.Scalar(epsilon), Kept.Scalar(1)).rsqrt_();
        return (x * inverse * gain).MoveToOuterDisposeScope();
    }
}
