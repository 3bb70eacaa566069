using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Ra3.Sandbox;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 sandbox doctor|run|check`: the room in which untrusted programs run.</summary>
internal static partial class SandboxCommand
{
    public static Command Create() => new("sandbox", "Runs programs that nobody trusts.") { Doctor(), Run(), Check() };

    /// <summary>`--tier`, shared with `ra3 eval`.</summary>
    internal static Option<SandboxTier?> Tier()
    {
        var option = new Option<SandboxTier?>("--tier")
        {
            Description = "How programs are confined: namespaces or landlock. The best that this machine offers when left out.",
            HelpName = "TIER",
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !token.Value.Equals("namespaces", StringComparison.OrdinalIgnoreCase)
                && !token.Value.Equals("landlock", StringComparison.OrdinalIgnoreCase))
            {
                result.AddError($"There is no tier '{token.Value}': use namespaces or landlock.");
            }
        });
        return option;
    }

    /// <summary>`--unsafe-no-sandbox`, shared with `ra3 eval`.</summary>
    internal static Option<bool> Unsafe() => new("--unsafe-no-sandbox")
    {
        Description = "Run programs unconfined; they can do whatever you can. Marks every result.",
    };

    /// <summary>`--workers`, shared with `ra3 eval`.</summary>
    internal static Option<int> Workers() => new Option<int>("--workers")
    {
        Description = "Programs at once; 0 is one per core, more only adds latency.",
        HelpName = "N",
    }.AtLeast(0);

    internal static SandboxOptions Options(SandboxTier? tier, bool isUnsafe, int workers) =>
        new() { Tier = isUnsafe ? SandboxTier.Unsafe : tier, Workers = workers };

    private static Verb Doctor()
    {
        var json = CommonOptions.Json();
        var verb = new Verb("doctor", "Shows which tiers this machine offers, and why not the others.", "ra3 sandbox doctor") { json };
        verb.SetAction(async (parsed, stop) =>
        {
            var rows = new List<(string Tier, bool Available, string Why)>();
            foreach (var tier in new[] { SandboxTier.Namespaces, SandboxTier.Landlock })
            {
                try
                {
                    await using var pool = await SandboxPool.StartAsync(new SandboxOptions { Tier = tier, Workers = 1 }, stop);
                    rows.Add((Name(tier), true, $"Python {pool.PythonVersion} ({pool.PythonPath}); all canary programs were held"));
                }
                catch (SandboxUnavailableException e)
                {
                    rows.Add((Name(tier), false, e.Message));
                }
            }

            var console = Terminal.For(parsed.GetValue(json));
            foreach (var (tier, available, why) in rows)
            {
                console.MarkupLineInterpolated($"[bold]{tier,-11}[/] {(available ? "yes" : "no")}  {why}");
            }

            var best = rows.Find(r => r.Available).Tier;
            console.MarkupLineInterpolated($"Programs run in the tier: {best ?? "none, they are refused"}");
            if (parsed.GetValue(json))
            {
                Terminal.WriteJson(new { Tiers = rows.Select(r => new { r.Tier, r.Available, r.Why }), Used = best });
            }

            return best is null ? 1 : 0;
        });
        return verb;
    }

    private static Verb Run()
    {
        var file = new Argument<FileInfo>("FILE") { Description = "Python program." }.AcceptExistingOnly();
        var tests = new Option<FileInfo>("--tests") { Description = "Python assertions about one of its functions.", HelpName = "FILE" }.AcceptExistingOnly();
        var input = new Option<FileInfo>("--input") { Description = "Run it as a whole program on this input, and print what it prints.", HelpName = "FILE" }.AcceptExistingOnly();
        var entry = new Option<string>("--entry") { Description = "The function; the first that both tests and program name when left out.", HelpName = "NAME" };
        var names = new Option<string>("--names") { Description = "What the program must define besides, for the tests to use, with commas between.", HelpName = "NAMES", DefaultValueFactory = _ => "" };
        var cpu = new Option<double>("--cpu") { Description = "Seconds of processor time; the clock allows three times as much.", HelpName = "S", DefaultValueFactory = _ => 5 }
            .Between(0.01, 1e6);
        var memory = new Option<int>("--memory") { Description = "Megabytes of address space.", HelpName = "MB", DefaultValueFactory = _ => 1024 }
            .Between(32, 1 << 20);
        var output = new Option<int>("--output")
        {
            Description = "Megabytes it may print, and its answers may take; tests that want more allow more.",
            HelpName = "MB",
            DefaultValueFactory = _ => 16,
        }.Between(1, 512);
        var (tier, isUnsafe, json) = (Tier(), Unsafe(), CommonOptions.Json());
        var verb = new Verb(
            "run", "Judges a program by tests, or runs it on an input. Exit code 0 if it passed.",
            "ra3 sandbox run solution.py --tests tests.py", "ra3 sandbox run program.py --input in.txt")
        { file, tests, input, entry, names, cpu, memory, output, tier, isUnsafe, json };
        verb.Validators.Add(result =>
        {
            if (result.GetResult(tests) is null == result.GetResult(input) is null)
            {
                result.AddError("Give either --tests or --input.");
            }
        });
        verb.SetAction(async (parsed, stop) =>
        {
            var program = await File.ReadAllTextAsync(parsed.GetRequiredValue(file).FullName, stop);
            var seconds = parsed.GetValue(cpu);
            var bytes = parsed.GetValue(output) << 20;
            var limits = new Limits(seconds, 3 * seconds, parsed.GetValue(memory), bytes, bytes);
            await using var pool = await SandboxPool.StartAsync(Options(parsed.GetValue(tier), parsed.GetValue(isUnsafe), 1), stop);
            JudgeRequest request;
            if (parsed.GetValue(tests) is { } testFile)
            {
                var text = await File.ReadAllTextAsync(testFile.FullName, stop);
                var others = parsed.GetRequiredValue(names).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
                try
                {
                    request = await pool.PlanAsync(
                        program, text, parsed.GetValue(entry) ?? EntryPoint(program, text), limits, programNames: others, ct: stop);
                }
                catch (FaultyTestsException e)
                {
                    throw new InvalidDataException(e.In(testFile.ToString()), e);
                }
            }
            else
            {
                var text = await File.ReadAllTextAsync(parsed.GetRequiredValue(input)!.FullName, stop);
                request = new StdioRequest(program, [new StdioTest(text, _ => true)], limits);
            }

            var verdict = await pool.JudgeAsync(request, stop);
            var asJson = parsed.GetValue(json);
            if (verdict.Stdout.Length > 0 && !asJson)
            {
                Console.Out.Write(verdict.Stdout);
            }

            Console.Error.Write(verdict.Stderr);
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{verdict.Name}{(verdict.Test is { } t ? $" (test {t})" : "")}{(verdict.Detail.Length > 0 ? ": " + verdict.Detail : "")}  [{verdict.CpuSeconds:0.00} s cpu, {verdict.MemoryMb:0} MB, {Name(verdict.Tier)}]"));
            if (asJson)
            {
                Terminal.WriteJson(new
                {
                    Verdict = verdict.Name,
                    verdict.Test,
                    verdict.Detail,
                    verdict.CpuSeconds,
                    verdict.WallSeconds,
                    verdict.MemoryMb,
                    verdict.Stdout,
                    verdict.Stderr,
                    Tier = Name(verdict.Tier),
                });
            }

            return verdict.Passed ? 0 : 1;
        });
        return verb;
    }

    private static Verb Check()
    {
        var folder = new Argument<DirectoryInfo>("DIR") { Description = "Folder of a catalogue: manifest.json and the programs." }.AcceptExistingOnly();
        var split = new Option<bool>("--split") { Description = "Run the tests in a judge process even where they could be read as data." };
        var (tier, workers, json) = (Tier(), Workers(), CommonOptions.Json());
        var verb = new Verb(
            "check", "Runs a catalogue of hostile programs and watches the host. Exit code 0 only if every case is met.",
            "ra3 sandbox check hostile --tier landlock")
        { folder, tier, split, workers, json };
        verb.SetAction(async (parsed, stop) =>
        {
            var console = Terminal.For(parsed.GetValue(json));
            var path = parsed.GetRequiredValue(folder).FullName;
            var cases = Catalogue.Load(path);
            using var progress = new ProgressLine("cases", cases.Count);
            var count = 0;
            var results = await Catalogue.RunAsync(
                path, Options(parsed.GetValue(tier), false, parsed.GetValue(workers)), parsed.GetValue(split),
                result =>
                {
                    progress.Report(++count);
                    if (!result.IsMet)
                    {
                        progress.Note($"{result.Case.File} is not met: {string.Join("; ", result.Problems)}");
                    }
                }, stop);
            var met = results.Count(r => r.IsMet);
            if (parsed.GetValue(json))
            {
                Terminal.WriteJson(new
                {
                    Met = met,
                    NotMet = results.Count - met,
                    Tier = results.Count > 0 ? Name(results[0].Verdict.Tier) : null,
                    Cases = results.Select(r => new { r.Case.File, r.IsMet, Verdict = r.Verdict.Name, r.Verdict.Detail, r.Mode, r.Problems }),
                });
            }
            else
            {
                foreach (var result in results.Where(r => !r.IsMet))
                {
                    console.WriteLine($"{result.Case.File}: {string.Join("; ", result.Problems)}");
                }
            }

            console.WriteLine($"{met} met, {results.Count - met} not met");
            return met == results.Count ? 0 : 1;
        });
        return verb;
    }

    private static string EntryPoint(string program, string tests)
    {
        var defined = Definition().Matches(program).Select(m => m.Groups["name"].Value).ToHashSet(StringComparer.Ordinal);
        return Call().Matches(tests).Select(m => m.Groups["name"].Value).FirstOrDefault(defined.Contains)
            ?? throw new InvalidDataException("The tests call nothing that the program defines: name the function with --entry.");
    }

    private static string Name(SandboxTier tier) => tier.ToString().ToLowerInvariant();

    [GeneratedRegex(@"\b(?<name>\w+)\s*\(", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Call();

    [GeneratedRegex(@"^((def|class)\s+(?<name>\w+)|(?<name>\w+)\s*=)", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex Definition();
}
