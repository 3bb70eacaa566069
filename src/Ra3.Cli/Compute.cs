using TorchSharp;
using static TorchSharp.torch;

namespace Ra3.Cli;

/// <summary>Where and in which type a command computes.</summary>
internal enum Precision
{
    /// <summary>bf16 where the hardware multiplies it, fp32 elsewhere.</summary>
    Auto,

    /// <summary>32-bit floats.</summary>
    Fp32,

    /// <summary>bf16 matrix products over fp32 master weights.</summary>
    Bf16,
}

/// <summary>Chooses device and type.</summary>
internal static class Compute
{
    /// <summary>The GPU if TorchSharp finds one, else the CPU.</summary>
    public static Device Device => cuda.is_available() ? CUDA : CPU;

    /// <summary>The type of matrix products on <paramref name="device"/>.</summary>
    public static ScalarType Type(Precision precision, Device device) => precision switch
    {
        Precision.Fp32 => ScalarType.Float32,
        Precision.Bf16 => ScalarType.BFloat16,
        _ => device.type == DeviceType.CUDA || HasBf16() ? ScalarType.BFloat16 : ScalarType.Float32,
    };

    /// <summary>Whether this CPU multiplies bf16 in hardware (AVX512-BF16 or AMX, by the kernel's word).</summary>
    private static bool HasBf16()
    {
        const string Info = "/proc/cpuinfo";
        return File.Exists(Info)
            && File.ReadLines(Info).FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal)) is { } flags
            && (flags.Contains("avx512_bf16", StringComparison.Ordinal) || flags.Contains("amx_bf16", StringComparison.Ordinal));
    }
}
