using System.Runtime.InteropServices;

namespace Ra3.Cli.Training;

/// <summary>Memory of the first GPU, by the driver's word: TorchSharp does not tell.</summary>
internal static partial class GpuMemory
{
    private const string Driver = "libcuda.so.1";

    /// <summary>Bytes; null without a driver or a device.</summary>
    public static long? Total()
    {
        try
        {
            return Initialize(0) == 0 && DeviceAt(out var device, 0) == 0 && TotalMemory(out var bytes, device) == 0 ? (long)bytes : null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    [LibraryImport(Driver, EntryPoint = "cuInit")]
    private static partial int Initialize(uint flags);

    [LibraryImport(Driver, EntryPoint = "cuDeviceGet")]
    private static partial int DeviceAt(out int device, int ordinal);

    [LibraryImport(Driver, EntryPoint = "cuDeviceTotalMem_v2")]
    private static partial int TotalMemory(out nuint bytes, int device);
}
