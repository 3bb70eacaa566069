using System.Runtime.InteropServices;

namespace Ra3.Models;

/// <summary>
/// Keeps the C allocator from giving memory back between operations. Every large tensor would otherwise be a fresh mapping
/// whose pages fault in one by one; on a virtual machine that costs more than many an operation itself (measured: a 100M-parameter
/// bf16 step went from 26 % to 46 % of the matmul peak).
/// </summary>
internal static partial class NativeMemory
{
    private const int TrimThreshold = -1;
    private const int MmapMax = -4;
    private const int ArenaMax = -8;
    private const int HugePages = 14; // MADV_HUGEPAGE
    private const long HugePage = 2 << 20;

    private static bool Done;

    /// <summary>Tunes glibc's malloc once; does nothing where there is none.</summary>
    public static void KeepPages()
    {
        if (Done || !OperatingSystem.IsLinux())
        {
            return;
        }

        Done = true;
        try
        {
            // No separate mappings, no trimming, one heap; then the heap's address range is claimed (not touched) and
            // marked for huge pages.
            if (SetOption(MmapMax, 0) == 0 || SetOption(TrimThreshold, -1) == 0 || SetOption(ArenaMax, 1) == 0)
            {
                return;
            }

            var size = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 * 3 / HugePage * HugePage;
            var heap = Allocate((nuint)size);
            if (heap != 0)
            {
                var start = (heap + HugePage - 1) / HugePage * HugePage;
                _ = Advise((nint)start, (nuint)(size - HugePage), HugePages);
                Release((nint)heap);
            }
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            // Another C library (musl): its allocator is its own affair.
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);

    [LibraryImport("libc", EntryPoint = "malloc")]
    private static partial nint Allocate(nuint size);

    [LibraryImport("libc", EntryPoint = "free")]
    private static partial void Release(nint memory);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint start, nuint length, int advice);
}
