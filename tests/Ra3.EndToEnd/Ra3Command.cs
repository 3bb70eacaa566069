using System.Diagnostics;

namespace Ra3.Tests;

/// <summary>Runs the built `ra3` as a user would, its output on pipes.</summary>
internal static class Ra3Command
{
    /// <summary>Starts it with extra environment variables.</summary>
    public static Process Start(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "ra3.dll"), .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Tests run side by side and their models are tiny: more threads would only wait for each other.
        start.Environment["OMP_NUM_THREADS"] = "1";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    /// <summary>Runs it to its end.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var process = Start(new Dictionary<string, string>(), arguments);
        return await EndAsync(process);
    }

    /// <summary>Exit code and what it wrote.</summary>
    public static async Task<(int Code, string Output, string Error)> EndAsync(Process process)
    {
        var stop = TestContext.Current.CancellationToken;
        var output = process.StandardOutput.ReadToEndAsync(stop);
        var error = process.StandardError.ReadToEndAsync(stop);
        await process.WaitForExitAsync(stop);
        return (process.ExitCode, await output, await error);
    }
}
