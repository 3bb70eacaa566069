using System.ComponentModel;
using System.Diagnostics;

namespace Ra3.Corpora;

/// <summary>
/// The standard library of the machine's python3: real Python code that is wherever Python is. Left out are tests (data rather than
/// programs, some deliberately broken), installed packages, and files that are tables in Python's clothes (encodings, pydoc topics, Unicode
/// and entity tables, the generated grammars of lib2to3, system configuration), which would teach a model little but numbers.
/// </summary>
/// <param name="Folder">Where it is.</param>
/// <param name="Version">Such as "3.11.7".</param>
public sealed record PythonStandardLibrary(string Folder, string Version)
{
    private static readonly string[] FoldersLeftOut =
        ["test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__", "encodings", "pydoc_data", "lib2to3", "_pyrepl_test", "config"];

    private static readonly string[] FilesLeftOut = ["_sysconfigdata", "sre_constants.py", "stringprep.py", "html/entities.py", "__phello__", "this.py", "antigravity.py"];

    /// <summary>Asks python3 where its library is.</summary>
    /// <param name="python">The interpreter's name or path.</param>
    /// <exception cref="FileNotFoundException">There is no such interpreter, or it has no library.</exception>
    public static PythonStandardLibrary Find(string python = "python3")
    {
        const string Question = "import sys, sysconfig; print(sysconfig.get_paths()['stdlib']); print(sys.version.split()[0])";
        var start = new ProcessStartInfo(python, ["-I", "-c", Question]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        string[] answer;
        try
        {
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            answer = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            process.WaitForExit();
            _ = error.GetAwaiter().GetResult();
        }
        catch (Win32Exception error)
        {
            throw new FileNotFoundException($"{python} was not found; install Python 3 (on Debian: apt install python3), or name a corpus of your own.", python, error);
        }

        return answer is [var folder, var version] && File.Exists(Path.Combine(folder, "os.py"))
            ? new PythonStandardLibrary(folder, version)
            : throw new FileNotFoundException($"{python} has no standard library in source form; install it (on Debian: apt install libpython3-stdlib), or name a corpus of your own.", python);
    }

    /// <summary>A reader of the library's programs.</summary>
    public CorpusReader Reader() => new([Folder], new CorpusOptions { Exclude = IsLeftOut });

    /// <summary>Whether a file, by its path below the library's folder, is left out.</summary>
    public static bool IsLeftOut(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var parts = path.Split('/');
        return parts[..^1].Any(part => FoldersLeftOut.Contains(part) || part.StartsWith("config-", StringComparison.Ordinal))
            || FilesLeftOut.Any(name => path.StartsWith(name, StringComparison.Ordinal));
    }
}
