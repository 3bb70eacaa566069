using System.Globalization;
using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.Cli.Training;

/// <summary>
/// Bytes that a training run will take, by what takes them. Within a tenth of the peaks measured with 0.5 G parameters; the smaller the
/// model, the more is left out (a program of 0.8 GB was estimated at 0.4).
/// </summary>
internal static class MemoryEstimate
{
    private const long ProgramBytes = 250_000_000; // with its libraries, before any tensor
    private const string Program = "program";
    private const double UsableShare = 0.95; // of what the machine has

    /// <summary>What every training run holds.</summary>
    /// <param name="config">The model's.</param>
    /// <param name="type">Of the matrix products.</param>
    /// <param name="rows">Tokens whose activations are kept for one backward pass.</param>
    /// <param name="context">Tokens that the last of a sequence sees.</param>
    public static Dictionary<string, long> Of(ModelConfig config, ScalarType type, long rows, long context)
    {
        long parameters = config.ParameterCount(), compute = SizeOf(type);
        long heads = (long)config.Heads * config.HeadSize, keys = (long)config.KeyValueHeads * config.HeadSize;

        // Per token and layer: two norms and the stream in fp32, q k v before and after rotation and repeated, the MLP's four widths, and
        // the attention's weights, half of which lie in the future and are mostly left out.
        var perLayer = (8L * config.HiddenSize * 4) + (((4 * heads) + (4 * keys)) * 4) + (4L * config.IntermediateSize * compute)
            + (config.Heads * (64 + (context / 2)) * 4);

        // The logits of a chunk, and the gradients of head and embedding on their way to the parameter.
        var vocabulary = config.VocabularySize * ((512L * 4 * 3) + (config.HiddenSize * 10L));
        var memory = new Dictionary<string, long>
        {
            [Program] = ProgramBytes,
            ["weights and gradients"] = parameters * 8,
            ["moments"] = parameters * 8,
            ["activations"] = (rows * config.Layers * perLayer) + vocabulary,
        };
        if (compute < sizeof(float))
        {
            memory["bf16 copies"] = parameters * compute;
        }

        return memory;
    }

    /// <summary>Bytes of a number.</summary>
    public static long SizeOf(ScalarType type) => type == ScalarType.BFloat16 ? 2 : 4;

    /// <summary>For people.</summary>
    public static string Text(IReadOnlyDictionary<string, long> memory) => string.Create(CultureInfo.InvariantCulture,
        $"about {memory.Values.Sum() / 1e9:0.00} GB: {string.Join(", ", memory.Select(part => string.Create(CultureInfo.InvariantCulture, $"{part.Key} {part.Value / 1e9:0.00}")))}");

    /// <summary>Whether the machine can hold it, or the GPU where one computes: all but the program is there.</summary>
    public static bool Fits(IReadOnlyDictionary<string, long> memory) => Fits(memory, Available());

    /// <summary>Whether it fits into so many bytes.</summary>
    internal static bool Fits(IReadOnlyDictionary<string, long> memory, (long Bytes, bool OnGpu) available) =>
        memory.Sum(part => available.OnGpu && part.Key == Program ? 0 : part.Value) <= UsableShare * available.Bytes;

    /// <summary>Bytes of the device that computes. A GPU that does not say has no bound here.</summary>
    private static (long Bytes, bool OnGpu) Available() => Compute.Device.type == TorchSharp.DeviceType.CUDA
        ? (GpuMemory.Total() ?? long.MaxValue, true)
        : (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, false);

    /// <summary>Refuses what this machine cannot hold: the system would kill the run without a word.</summary>
    /// <param name="memory">The estimate.</param>
    /// <param name="keys">Of the recipe: what to lower.</param>
    /// <exception cref="ArgumentException">It does not fit.</exception>
    public static void Require(IReadOnlyDictionary<string, long> memory, string keys)
    {
        var available = Available();
        if (!Fits(memory, available))
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"The run would take {Text(memory)}; this {(available.OnGpu ? "GPU" : "machine")} has {available.Bytes / 1e9:0.0} GB. Lower {keys} (--set KEY=VALUE), or take a smaller model or a larger machine."));
        }
    }
}
