using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Ra3.Cli;

/// <summary>Turns what a verb threw into one clear sentence on standard error and an exit code.</summary>
internal static partial class Failure
{
    private const int NoSpaceLeft = 28; // ENOSPC and EDQUOT, which .NET leaves in HResult
    private const int QuotaExceeded = 122;

    /// <summary>Prints the sentence for <paramref name="error"/>; RA3_TRACE=1 adds the full trace.</summary>
    /// <param name="error">What was thrown.</param>
    /// <param name="interrupted">Whether the user asked to stop.</param>
    /// <returns>The exit code: 1, or 130 after Ctrl-C.</returns>
    public static int Report(Exception error, bool interrupted)
    {
        while (error is AggregateException { InnerExceptions.Count: 1 } or System.Reflection.TargetInvocationException { InnerException: not null })
        {
            error = error.InnerException!;
        }

        var sentence = Sentence(error) ?? Unexpected(error);
        Console.Error.WriteLine(error is OperationCanceledException ? sentence : "ra3: " + sentence);
        if (Environment.GetEnvironmentVariable("RA3_TRACE") == "1")
        {
            Console.Error.WriteLine(error);
        }

        return interrupted && error is OperationCanceledException ? 130 : 1;
    }

    /// <summary>The sentence for a failure whose cause lies outside the program; null for one that is a defect in it.</summary>
    internal static string? Sentence(Exception error) => error switch
    {
        OperationCanceledException => error.Message == new OperationCanceledException().Message || error is TaskCanceledException ? "Stopped." : error.Message,
        IOException { HResult: NoSpaceLeft or QuotaExceeded } =>
            $"{error.Message.TrimEnd('.')}. Free some space or choose another folder, then run again; what was already saved is whole.",
        InvalidDataException or IOException => error.Message,
        UnauthorizedAccessException => $"{error.Message.TrimEnd('.')}. Check the permissions, or choose another path.",
        ArgumentNullException => null,
        ArgumentException => ParameterSuffix().Replace(error.Message, string.Empty),
        OutOfMemoryException => OutOfMemory,
        ExternalException when error.Message.Contains("not enough memory", StringComparison.OrdinalIgnoreCase)
            || error.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase) => OutOfMemory,
        _ => null,
    };

    private const string OutOfMemory =
        "The memory does not suffice. Use a smaller batch, shorter sequences or a smaller model ('ra3 doctor' shows what this machine has).";

    private static string Unexpected(Exception error)
    {
        var what = $"Unexpected {error.GetType().Name}: {error.Message.ReplaceLineEndings(" ")}";
        try
        {
            var trace = Path.Combine(Path.GetTempPath(), $"ra3-error-{Environment.ProcessId}.txt");
            File.WriteAllText(trace, $"{Environment.CommandLine}\n{DateTimeOffset.UtcNow:O}\n{error}\n");
            return $"{what} This is a defect; the full trace is in {trace}.";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{what} This is a defect; RA3_TRACE=1 shows the full trace.";
        }
    }

    [GeneratedRegex(@" \(Parameter '[^']*'\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ParameterSuffix();
}
