using System.Globalization;
using System.Runtime.InteropServices;
using Ra3.Cli.Data;
using Ra3.Models;

namespace Ra3.Cli.Diagnostics;

/// <summary>Runtime, processor, memory and disk.</summary>
internal static class Machine
{
    private const double Gibi = 1L << 30;
    private const double EnoughMemory = 4; // GiB; the quickstart stays below
    private const double BusyShare = 0.7; // of the cores
    private const double EnoughDisk = 2; // GiB for checkpoints of a small run

    public static IEnumerable<Check> Checks()
    {
        yield return new Check(".NET", CheckState.Ok, $"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}");
        yield return Processor();
        yield return Threads();
        yield return Memory();
        foreach (var folder in new[] { Environment.CurrentDirectory, DataFile.DefaultFolder })
        {
            if (Disk(folder) is { } disk)
            {
                yield return disk;
            }
        }
    }

    private static Check Processor()
    {
        var info = File.Exists("/proc/cpuinfo") ? File.ReadAllLines("/proc/cpuinfo") : [];
        string Field(string name) => info.FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? string.Empty;
        var flags = Field("flags").Split(' ').ToHashSet();
        var wide = new[] { "avx2", "avx512f", "avx512_bf16", "amx_bf16" }.Where(flags.Contains).ToList();
        var model = Field("model name");
        var found = $"{Environment.ProcessorCount} cores{(model.Length > 0 ? $", {model}" : string.Empty)}{(wide.Count > 0 ? $" ({string.Join(", ", wide)})" : string.Empty)}";
        return wide.Contains("avx512_bf16") || wide.Contains("amx_bf16")
            ? new Check("processor", CheckState.Ok, found)
            : new Check("processor", CheckState.Ok, found, "no bf16 instructions were seen: training in fp32 will be the faster choice");
    }

    /// <summary>How work is shared among cores, and whether others want them: their work and ours slow each other.</summary>
    private static Check Threads()
    {
        var waits = Environment.GetEnvironmentVariable("GOMP_SPINCOUNT") is { Length: > 0 } count ? $"spin {count} times"
            : Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is { Length: > 0 } policy ? $"are {policy.ToLowerInvariant()}" : $"spin {NativeThreads.Spins} times";
        var found = $"threads that wait {waits}; ";
        const string Load = "/proc/loadavg";
        if (!File.Exists(Load))
        {
            return new Check("threads", CheckState.Ok, found + "how busy this machine is could not be read");
        }

        var load = double.Parse(File.ReadAllText(Load).Split(' ')[0], CultureInfo.InvariantCulture);
        found += string.Create(CultureInfo.InvariantCulture, $"{load:0.0} processes at work in the last minute, {Environment.ProcessorCount} cores");
        return load < BusyShare * Environment.ProcessorCount
            ? new Check("threads", CheckState.Ok, found)
            : new Check("threads", CheckState.Absent, found, "other programs use this machine: training may take twice as long or more; --threads leaves them cores");
    }

    private static Check Memory()
    {
        var total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Gibi;
        var free = total;
        if (File.Exists("/proc/meminfo") && File.ReadLines("/proc/meminfo").FirstOrDefault(l => l.StartsWith("MemAvailable:", StringComparison.Ordinal)) is { } line)
        {
            var kibi = long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
            free = Math.Min(total, kibi * 1024 / Gibi); // a container may have less than the machine
        }

        var found = string.Create(CultureInfo.InvariantCulture, $"{free:0.0} of {total:0.0} GiB available");
        return free >= EnoughMemory
            ? new Check("memory", CheckState.Ok, found)
            : new Check("memory", CheckState.Absent, found, $"less than {EnoughMemory} GiB: close other programs, or choose smaller models and batches");
    }

    private static Check? Disk(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            if (at.Exists)
            {
                var free = new DriveInfo(at.FullName).AvailableFreeSpace / Gibi;
                var found = string.Create(CultureInfo.InvariantCulture, $"{free:0.0} GiB free for {folder}");
                return free >= EnoughDisk
                    ? new Check("disk", CheckState.Ok, found)
                    : new Check("disk", CheckState.Absent, found, "little room for checkpoints: free some, or choose another folder with --out");
            }
        }

        return null;
    }
}
