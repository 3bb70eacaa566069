using TorchSharp;

namespace Ra3.Models;

/// <summary>
/// Scalars that outlive the operation they are passed to. TorchSharp turns a number into a native scalar whose finalizer may
/// free it while native code still reads it (seen: a fill with −∞ failed on a freed scalar); holding the last few thousand closes that gap.
/// </summary>
public static class Kept
{
    private static readonly Scalar?[] Recent = new Scalar?[4096];
    private static int next;

    /// <summary>A scalar that stays alive until some thousand others were made.</summary>
    public static Scalar Scalar(double value)
    {
        Scalar scalar = value;
        Recent[(uint)Interlocked.Increment(ref next) % (uint)Recent.Length] = scalar;
        return scalar;
    }
}
