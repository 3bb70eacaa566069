using System.Diagnostics;

namespace Ra3.Tests;

/// <summary>Runs the built `ra3` as a user would, its output on pipes.</summary>
internal static class Ra3Command
{
    // Tests run by a shell in the background inherit that Ctrl-C is ignored, and so would the command.
    private const string WithInterrupts = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])";

    /// <summary>Starts it with extra environment variables.</summary>
    public static Process Start(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("python3", ["-c", WithInterrupts, "dotnet", Path.Combine(AppContext.BaseDirectory, "ra3.dll"), .. arguments])
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

    /// <summary>Starts a run, and signals it once its log has reached a step of a phase.</summary>
    public static async Task<(int Code, string Error)> StopAsync(string signal, int? step, string metric, string[] arguments)
    {
        var stop = TestContext.Current.CancellationToken;
        var log = Path.Combine(arguments[Array.IndexOf(arguments, "--out") + 1], "metrics.jsonl");
        using var process = Start(new Dictionary<string, string>(), arguments);
        var ending = EndAsync(process);
        while (!ending.IsCompleted && !Reached())
        {
            await Task.Delay(10, stop);
        }

        if (!ending.IsCompleted)
        {
            using var kill = Process.Start("kill", [signal, $"{process.Id}"]);
            await kill.WaitForExitAsync(stop);
        }

        var (code, output, error) = await ending;
        code.Should().NotBe(0, $"it was to be stopped on its way: {output}{error}");
        return (code, error);

        bool Reached()
        {
            if (!File.Exists(log))
            {
                return false;
            }

            using var reader = new StreamReader(new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd().Split('\n').Any(line => (step is null || line.StartsWith($"{{\"step\":{step},", StringComparison.Ordinal)) && line.Contains(metric, StringComparison.Ordinal));
        }
    }
}
