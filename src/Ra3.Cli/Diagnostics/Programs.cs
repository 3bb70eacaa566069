using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Ra3.Cli.Diagnostics;

/// <summary>Programs that Ra3 starts: Python, and what fences in untrusted code.</summary>
internal static partial class Programs
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static IEnumerable<Check> Checks()
    {
        yield return Python();
        yield return Bubblewrap();
        yield return Landlock();
    }

    private static Check Python()
    {
        const string Remedy = "the quickstart trains on its standard library and the sandbox runs it: install python3 (Debian, Ubuntu: apt-get install python3)";
        var (code, output) = Run("python3", "-c", "import sys, sysconfig; print(sys.version.split()[0]); print(sysconfig.get_path('stdlib'))");
        if (code != 0)
        {
            return new Check("python3", CheckState.Missing, "not found", Remedy);
        }

        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var library = lines.ElementAtOrDefault(1) ?? string.Empty;
        var files = Directory.Exists(library) ? Directory.EnumerateFiles(library, "*.py", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true }).Count() : 0;
        return files > 0
            ? new Check("python3", CheckState.Ok, $"{lines[0]}, standard library in {library} ({files} files)")
            : new Check("python3", CheckState.Missing, $"{lines[0]}, but without its standard library in {library}", Remedy);
    }

    private static Check Bubblewrap()
    {
        const string Name = "bubblewrap";
        var (found, version) = Run("bwrap", "--version");
        if (found != 0)
        {
            return new Check(Name, CheckState.Absent, "not found", "it fences in the programs that models write; install it (Debian, Ubuntu: apt-get install bubblewrap)");
        }

        var (works, _) = Run("bwrap", "--ro-bind", "/", "/", "--unshare-all", "true");
        return works == 0
            ? new Check(Name, CheckState.Ok, version.Trim())
            : new Check(Name, CheckState.Absent, $"{version.Trim()}, but it may not create namespaces here", "allow unprivileged user namespaces (in a container: a less strict seccomp profile)");
    }

    private static Check Landlock()
    {
        const int CreateRuleset = 444; // landlock_create_ruleset, the same number on every architecture
        const int AskForVersion = 1;
        const string Name = "Landlock";
        var version = OperatingSystem.IsLinux() ? SystemCall(CreateRuleset, 0, 0, AskForVersion) : -1;
        return version > 0
            ? new Check(Name, CheckState.Ok, $"version {version}")
            : new Check(Name, CheckState.Absent, "not offered by this kernel");
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long SystemCall(long number, nint attributes, nint size, long flags);

    /// <summary>Exit code and output; -1 where the program is not there or does not end.</summary>
    private static (int Code, string Output) Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
            var output = process.StandardOutput.ReadToEndAsync();
            _ = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(Patience))
            {
                process.Kill(entireProcessTree: true);
                return (-1, string.Empty);
            }

            return (process.ExitCode, output.GetAwaiter().GetResult());
        }
        catch (Win32Exception)
        {
            return (-1, string.Empty);
        }
    }
}
