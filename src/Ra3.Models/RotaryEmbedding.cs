using static TorchSharp.torch;

namespace Ra3.Models;

/// <summary>Rotary position embedding in the Hugging Face layout: dimension i is paired with i + HeadSize/2.</summary>
internal static class RotaryEmbedding
{
    /// <summary>cos [N, 1, HeadSize] at the given positions [N], and sin with the sign of rotate-half folded in: (−sin, +sin).
    /// Computed in double, so that far positions lose nothing.</summary>
    public static (Tensor Cosines, Tensor SignedSines) Tables(ModelConfig config, Tensor positions, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var frequencies = tensor(InverseFrequencies(config), ScalarType.Float64, positions.device);
        var angles = outer(positions.to_type(ScalarType.Float64), frequencies).unsqueeze(1);
        var cos = angles.cos();
        var sin = angles.sin();
        return (
            cat([cos, cos], -1).to_type(type).MoveToOuterDisposeScope(),
            cat([-sin, sin], -1).to_type(type).MoveToOuterDisposeScope());
    }

    /// <summary>Rotates x [N, heads, HeadSize]; tables are [N, 1, HeadSize].</summary>
    public static Tensor Rotate(Tensor x, Tensor cos, Tensor signedSin)
    {
        using var scope = NewDisposeScope();
        return (x * cos).addcmul(x.roll(x.shape[^1] / 2, -1), signedSin, Kept.Scalar(1)).MoveToOuterDisposeScope();
    }

    /// <summary>Inverse frequency of each pair, in radians per position, with Llama-3 scaling where configured.</summary>
    internal static double[] InverseFrequencies(ModelConfig config)
    {
        var frequencies = new double[config.HeadSize / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            var frequency = Math.Pow(config.RopeTheta, -2.0 * i / config.HeadSize);
            if (config.RopeScaling is { } scaling)
            {
                var turns = scaling.OriginalMaxPositions * frequency / (2 * Math.PI);
                var keep = (turns - scaling.LowFrequencyFactor) / (scaling.HighFrequencyFactor - scaling.LowFrequencyFactor);
                keep = Math.Clamp(keep, 0, 1);
                frequency *= keep + ((1 - keep) / scaling.Factor);
            }

            frequencies[i] = frequency;
        }

        return frequencies;
    }
}
