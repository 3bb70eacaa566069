using System.Diagnostics;

namespace Ra3.Sandbox;

/// <summary>The command line that starts a program in namespaces of its own.</summary>
internal static class Bubblewrap
{
    /// <summary>Path of bwrap, or null.</summary>
    public static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Append("/usr/bin").Select(folder => Path.Combine(folder, "bwrap")).FirstOrDefault(File.Exists);

    /// <summary>bwrap with everything but the interpreter's own arguments.</summary>
    /// <exception cref="SandboxUnavailableException">bwrap is not installed.</exception>
    public static ProcessStartInfo Command(Interpreter python, bool isRoot)
    {
        var path = Find() ?? throw new SandboxUnavailableException("bubblewrap is not installed");
        var start = new ProcessStartInfo(path);
        void Add(params string[] arguments)
        {
            foreach (var argument in arguments)
            {
                start.ArgumentList.Add(argument);
            }
        }

        // Not --die-with-parent: it follows the thread that started bwrap, and .NET ends threads at will. The
        // supervisor ends when its stdin closes; as process 1 of its namespace it takes everything with it.
        Add("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--as-pid-1");
        if (isRoot)
        {
            // Real root needs no user namespace; the supervisor gives these two up when it becomes another user.
            Add("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID");
        }
        else
        {
            Add("--unshare-user");
        }

        // bwrap makes the folders above what it binds for the starting user alone; programs run as another.
        var shown = python.Libraries.Append(python.Executable).Append("/dev/null").ToList();
        foreach (var folder in shown.SelectMany(Ancestors).Distinct(StringComparer.Ordinal))
        {
            Add("--dir", folder);
        }

        foreach (var library in python.Libraries)
        {
            Add("--ro-bind", library, library);
        }

        Add("--ro-bind", python.Executable, python.Executable);
        foreach (var device in new[] { "/dev/null", "/dev/zero", "/dev/urandom" })
        {
            Add("--dev-bind", device, device); // single devices: what --dev makes is writable
        }

        // malloc reads here whether there are huge pages; out of the programs' reach like all but the libraries.
        const string hugePages = "/sys/kernel/mm/transparent_hugepage";
        Add("--ro-bind-try", hugePages, hugePages);
        Add("--remount-ro", "/", "--chdir", "/", "--", python.Executable);
        return start;
    }

    private static IEnumerable<string> Ancestors(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries)
        .SkipLast(1).Aggregate(new List<string> { "" }, (found, part) => [.. found, found[^1] + "/" + part]).Skip(1);
}
