using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Ra3.Bench;

/// <summary>CPU time of this thread where the system tells it, else wall time, in seconds.</summary>
internal static partial class Clock
{
    private const int ThreadCpuTime = 3;

    public static double Seconds()
    {
        if (OperatingSystem.IsLinux() && clock_gettime(ThreadCpuTime, out var time) == 0)
        {
            return time.Seconds + (time.Nanoseconds * 1e-9);
        }

        return Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out Time time);

    private readonly record struct Time(long Seconds, long Nanoseconds);
}
