using TorchSharp;
using static TorchSharp.torch;

namespace Ra3.Models;

/// <summary>
/// Scalars that outlive the operation they are passed to. TorchSharp turns a number into a native scalar whose finalizer may
/// free it while native code still reads it (seen: a fill with −∞ failed on a freed scalar). Native calls end on the thread that
/// made them, so it is enough that each thread holds its last few.
/// </summary>
public static class Kept
{
    private const int Count = 256; // far more than one operation takes

    [ThreadStatic]
    private static Scalar?[]? Recent;

    [ThreadStatic]
    private static int Next;

    /// <summary>A scalar that stays alive until this thread has made some hundred others.</summary>
    public static Scalar Scalar(double value)
    {
        Scalar scalar = value;
        (Recent ??= new Scalar?[Count])[Next++ & (Count - 1)] = scalar;
        return scalar;
    }

    /// <summary>a + b. The operator makes a scalar 1 of its own, which the finalizer can free inside the call (seen in long runs).</summary>
    public static Tensor Plus(this Tensor a, Tensor b) => a.add(b, Scalar(1));

    /// <summary>a − b, for the same reason.</summary>
    public static Tensor Minus(this Tensor a, Tensor b) => a.add(b, Scalar(-1));

    /// <summary>a += b in place.</summary>
    public static Tensor AddInPlace(this Tensor a, Tensor b) => a.add_(b, Scalar(1));

    /// <summary>a −= b in place.</summary>
    public static Tensor SubtractInPlace(this Tensor a, Tensor b) => a.add_(b, Scalar(-1));
}
