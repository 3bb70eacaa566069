using System.Diagnostics;
using System.Globalization;
using TorchSharp;

namespace Ra3.Cli.Diagnostics;

/// <summary>Whether the tensor library loads, what it can use, and how fast it multiplies here.</summary>
internal static class TensorLibrary
{
    private const int Size = 1024; // 2·1024³ = 2.1 GFLOP per product: large enough to reach the peak, a few ms each

    public static IEnumerable<Check> Checks()
    {
        Check loads;
        try
        {
            loads = new Check("TorchSharp", CheckState.Ok, Describe());
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or NotSupportedException or FileNotFoundException or BadImageFormatException)
        {
            var cause = (e.InnerException ?? e).Message.Split('\n')[0];
            loads = new Check("TorchSharp", CheckState.Missing, cause,
                "the native library does not load: build again (the build adapts it to an older libstdc++), on a 64-bit system with glibc 2.28 or newer");
        }

        yield return loads;
        if (loads.State != CheckState.Ok)
        {
            yield break;
        }

        yield return torch.cuda.is_available()
            ? new Check("CUDA", CheckState.Ok, $"{torch.cuda.device_count()} device(s)")
            : new Check("CUDA", CheckState.Absent, "none found; the CPU is used", "with an NVIDIA GPU, build with -p:Cuda=true");

        var single = Rate(torch.float32);
        var half = Rate(torch.bfloat16);
        yield return new Check("matmul fp32", CheckState.Ok, $"{Text(single)} GFLOP/s at {Size}");
        yield return new Check("matmul bf16", CheckState.Ok, $"{Text(half)} GFLOP/s at {Size}, {(half / single).ToString("0.0", CultureInfo.InvariantCulture)}× fp32",
            half > single ? null : "bf16 is not faster than fp32 here: train in fp32");
    }

    private static string Describe() => $"libtorch {torch.__version__}, {torch.get_num_threads()} threads";

    /// <summary>GFLOP/s of square products: the best of several, so that a busy moment does not count.</summary>
    private static double Rate(torch.ScalarType dtype)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var a = torch.ones(Size, Size, dtype);
        var b = torch.ones(Size, Size, dtype);
        a.mm(b).Dispose();
        var best = TimeSpan.MaxValue;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(0.4);)
        {
            var before = Stopwatch.GetTimestamp();
            a.mm(b).Dispose();
            var spent = Stopwatch.GetElapsedTime(before);
            best = spent < best ? spent : best;
        }

        return 2.0 * Size * Size * Size / best.TotalSeconds / 1e9;
    }

    private static string Text(double rate) => rate.ToString("0", CultureInfo.InvariantCulture);
}
