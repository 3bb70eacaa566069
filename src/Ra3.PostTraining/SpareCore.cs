using Ra3.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Ra3.PostTraining;

/// <summary>
/// Leaves one core to the judge while completions are sampled on the CPU. The threads of an operation wait for each other by
/// spinning, so that where a judged program takes one of their cores, all of them stand still (measured on two cores:
/// sampling and judging take 35 % less time so). Log-probabilities stay those of training with all threads (rlvr.logProbMismatch says so).
/// </summary>
internal readonly struct SpareCore : IDisposable
{
    private readonly int threads;

    public SpareCore(Decoder sampler)
    {
        var all = get_num_threads();
        if (sampler.Device.type == DeviceType.CPU && all > 1 && all >= Environment.ProcessorCount)
        {
            threads = all;
            set_num_threads(all - 1);
        }
    }

    public void Dispose()
    {
        if (threads > 0)
        {
            set_num_threads(threads);
        }
    }
}
