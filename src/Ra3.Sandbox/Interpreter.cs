using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Ra3.Sandbox;

/// <summary>A Python interpreter: the real executable behind shims and links, and the folders it needs to read.</summary>
internal sealed record Interpreter(string Executable, Version Version, IReadOnlyList<string> Libraries)
{
    private const string Probe = """
        import json, os, sys, sysconfig
        paths = [sysconfig.get_path('stdlib'), sysconfig.get_path('platstdlib'), sysconfig.get_config_var('LIBDIR')
                 if sysconfig.get_config_var('Py_ENABLE_SHARED') else None]
        multiarch = sysconfig.get_config_var('MULTIARCH') or ''
        paths += ['/lib/' + multiarch, '/usr/lib/' + multiarch] if multiarch and os.path.isdir('/usr/lib/' + multiarch) else ['/lib', '/usr/lib']
        paths += ['/lib64', '/usr/lib64', '/etc/ld.so.cache', '/usr/share/zoneinfo']
        real = lambda p: os.path.realpath(p)
        print(json.dumps([real(sys.executable), list(sys.version_info[:3]), sorted({p for p in paths if p and os.path.exists(p)})]))
        """;

    /// <summary>Finds a python3 that the sandbox can use: RA3_PYTHON, /usr/bin, /usr/local/bin, then PATH.</summary>
    /// <param name="named">Path given by the user; then nothing else is tried.</param>
    /// <param name="byOthers">Whether it must be readable by another user (as root, without namespaces).</param>
    /// <exception cref="SandboxUnavailableException">No usable interpreter.</exception>
    public static Interpreter Find(string? named, bool byOthers)
    {
        named ??= Environment.GetEnvironmentVariable("RA3_PYTHON") is { Length: > 0 } set ? set : null;
        var folders = new[] { "/usr/bin", "/usr/local/bin" }
            .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries));
        var paths = named is not null ? [named] : folders.Select(f => Path.Combine(f, "python3")).Distinct().Where(File.Exists);
        var reasons = new List<string>();
        foreach (var path in paths)
        {
            if (Ask(path) is not { } found)
            {
                reasons.Add(path + " does not answer");
            }
            else if (found.Version < new Version(3, 9))
            {
                reasons.Add($"{path} is Python {found.Version}");
            }
            else if (byOthers && !found.Libraries.Append(found.Executable).All(IsReadableByOthers))
            {
                reasons.Add($"{found.Executable} is not readable by the user that programs run as");
            }
            else
            {
                return found;
            }
        }

        throw new SandboxUnavailableException(
            "No usable Python for the sandbox (" + (reasons.Count == 0 ? "none found" : string.Join("; ", reasons))
            + "): install python3 (3.9 or newer), or name one with RA3_PYTHON.");
    }

    private static Interpreter? Ask(string path)
    {
        try
        {
            var start = new ProcessStartInfo(path, ["-s", "-S", "-B", "-c", Probe])
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                RedirectStandardInput = true,
            };
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            var text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            using var answer = JsonDocument.Parse(text);
            var root = answer.RootElement;
            var version = string.Join('.', root[1].EnumerateArray().Select(n => n.GetInt32().ToString(CultureInfo.InvariantCulture)));
            return new Interpreter(root[0].GetString()!, Version.Parse(version),
                root[2].EnumerateArray().Select(p => p.GetString()!).ToList());
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or JsonException or IOException)
        {
            return null;
        }
    }

    private static bool IsReadableByOthers(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return true; // there is no sandbox there anyway
        }

        var real = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        if (!File.GetUnixFileMode(real).HasFlag(UnixFileMode.OtherRead))
        {
            return false;
        }

        for (var folder = Path.GetDirectoryName(real); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (!File.GetUnixFileMode(folder).HasFlag(UnixFileMode.OtherExecute))
            {
                return false;
            }
        }

        return true;
    }
}
