using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ra3.Models.Files;

/// <summary>
/// Looks for NaN and infinity by their bits (all exponent bits set): one pass over memory, where torch's isfinite on bf16
/// makes several whole temporaries.
/// </summary>
public static class Finite
{
    /// <summary>Whether a contiguous CPU tensor of a floating-point type holds only finite values.</summary>
    public static bool All(Tensor tensor) => SafetensorsFile.Pieces(tensor).All(piece =>
    {
        using (piece)
        {
            return tensor.dtype switch
            {
                ScalarType.Float64 => None(piece.bytes, 0x7FF0_0000_0000_0000UL),
                ScalarType.Float32 => None(piece.bytes, 0x7F80_0000U),
                ScalarType.BFloat16 => None(piece.bytes, (ushort)0x7F80),
                ScalarType.Float16 => None(piece.bytes, (ushort)0x7C00),
                _ => throw new ArgumentException($"{tensor.dtype} is no stored floating-point type."),
            };
        }
    });

    private static bool None<T>(ReadOnlySpan<byte> bytes, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        var values = MemoryMarshal.Cast<byte, T>(bytes);
        var wide = MemoryMarshal.Cast<T, Vector<T>>(values);
        var mask = new Vector<T>(exponent);
        foreach (var vector in wide)
        {
            if (Vector.EqualsAny(vector & mask, mask))
            {
                return false;
            }
        }

        foreach (var value in values[(wide.Length * Vector<T>.Count)..])
        {
            if ((value & exponent) == exponent)
            {
                return false;
            }
        }

        return true;
    }
}
