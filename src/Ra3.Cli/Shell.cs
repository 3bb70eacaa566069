using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;
using Ra3.Cli.Commands;
using Ra3.Models;

namespace Ra3.Cli;

/// <summary>
/// The `ra3` command: its verbs, and what holds for each of them. Exit codes: 0 done, 1 failed (one sentence on
/// standard error), 2 wrong usage, 130 stopped by Ctrl-C. Standard output carries the result, standard error the rest.
/// </summary>
internal static class Shell
{
    /// <summary>Every verb, in the order in which help lists them. A new verb is one line here.</summary>
    public static RootCommand CreateRoot()
    {
        var root = new RootCommand("RA3 mid-training of code language models, beside its next-token baseline.")
        {
            QuickstartCommand.Create(),
            PretrainCommand.Create(),
            MidTrainCommand.Create(),
            RlvrCommand.Create(),
            RolloutsCommand.Create(),
            GenerateCommand.Create(),
            InspectCommand.Create(),
            TokenizerCommand.Create(),
            DataCommand.Create(),
            RunsCommand.Create(),
            EvalCommand.Create(),
            SandboxCommand.Create(),
            DoctorCommand.Create(),
            TheoryCommand.Create(),
        };
        root.Options.Add(CommonOptions.Threads);
        root.SetAction(result => new HelpAction().Invoke(result));

        foreach (var option in root.Options.OfType<HelpOption>())
        {
            option.Action = new HelpWithExamples((HelpAction)option.Action!);
        }

        return root;
    }

    public static async Task<int> RunAsync(string[] args)
    {
        using var stop = new CancellationTokenSource();
        using var interrupt = StopOn(PosixSignal.SIGINT, stop);
        using var terminate = StopOn(PosixSignal.SIGTERM, stop);
        try
        {
            var parsed = CreateRoot().Parse(args);
            if (parsed.Action is ParseErrorAction usage)
            {
                usage.ShowHelp = false;
                await parsed.InvokeAsync(new InvocationConfiguration { Output = Console.Error });
                var verb = string.Join(' ', VerbPath(parsed.CommandResult));
                await Console.Error.WriteLineAsync($"See '{verb} --help'.");
                return 2;
            }

            if (parsed.GetValue(CommonOptions.Threads) is { } threads)
            {
                NativeThreads.Use(threads);
            }

            // Ctrl-C is handled above: the library's own handler would end the process after a few seconds.
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return await parsed.InvokeAsync(configuration, stop.Token);
        }
        catch (Exception e)
        {
            return Failure.Report(e, stop.IsCancellationRequested);
        }
    }

    /// <summary>The first signal asks the verb to stop where it loses nothing; the second ends the process.</summary>
    private static PosixSignalRegistration StopOn(PosixSignal signal, CancellationTokenSource stop) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            if (stop.IsCancellationRequested)
            {
                return;
            }

            context.Cancel = true;
            Console.Error.WriteLine();
            Console.Error.WriteLine("Stopping at the next safe point; once more stops at once.");
            stop.Cancel();
        });

    private static IEnumerable<string> VerbPath(System.CommandLine.Parsing.CommandResult command)
    {
        var names = new Stack<string>();
        for (System.CommandLine.Parsing.SymbolResult? at = command; at is System.CommandLine.Parsing.CommandResult here; at = at.Parent)
        {
            names.Push(here.Command is RootCommand ? "ra3" : here.Command.Name);
        }

        return names;
    }

    private sealed class HelpWithExamples(HelpAction plain) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var code = plain.Invoke(parseResult);
            if (parseResult.CommandResult.Command is Verb { Examples.Count: > 0 } verb)
            {
                var output = parseResult.InvocationConfiguration.Output;
                output.WriteLine(verb.Examples.Count == 1 ? "Example:" : "Examples:");
                foreach (var example in verb.Examples)
                {
                    output.WriteLine("  " + example);
                }

                output.WriteLine();
            }

            return code;
        }
    }
}
