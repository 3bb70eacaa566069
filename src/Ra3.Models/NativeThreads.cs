using System.Globalization;
using System.Runtime.InteropServices;

namespace Ra3.Models;

/// <summary>
/// How the threads of one tensor operation wait for each other. By default OpenMP's threads spin for milliseconds; where another process
/// has one of the cores, all of them spin until it gives the core back, and work becomes several times slower. Threads that sleep at once pay for being
/// woken at each small operation. Spinning for some microseconds, then sleeping, costs next to nothing alone and keeps half the speed
/// beside a busy process (docs/experiments.md has the figures). Settings of the whole process, so they belong to the program that starts,
/// never to a library: call these before the first tensor, since OpenMP reads its environment once, when it is loaded.
/// </summary>
public static partial class NativeThreads
{
    /// <summary>Turns of a thread's loop before it sleeps, by <see cref="WaitBriefly"/>.</summary>
    public const int Spins = 1000;

    /// <summary>Threads that wait spin <see cref="Spins"/> times, then sleep; what a user set himself (OMP_WAIT_POLICY or GOMP_SPINCOUNT) stays.</summary>
    public static void WaitBriefly()
    {
        if (Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null)
        {
            Set("GOMP_SPINCOUNT", Spins.ToString(CultureInfo.InvariantCulture), overwrite: false);
        }
    }

    /// <summary>Threads of one operation; without this there is one for each core.</summary>
    /// <param name="threads">At least 1.</param>
    public static void Use(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Set("OMP_NUM_THREADS", threads.ToString(CultureInfo.InvariantCulture), overwrite: true);
        Set("MKL_NUM_THREADS", threads.ToString(CultureInfo.InvariantCulture), overwrite: true);
    }

    /// <summary>In the C library's environment: .NET's own changes to the environment are not seen by native code.</summary>
    private static void Set(string name, string value, bool overwrite)
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = SetEnvironment(name, value, overwrite ? 1 : 0);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
