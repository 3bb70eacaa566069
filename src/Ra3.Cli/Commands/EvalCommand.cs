using System.CommandLine;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Ra3.Benchmarks;
using Ra3.Cli.Data;
using Ra3.Cli.Report;
using Ra3.Models;
using Ra3.Models.Files;
using Ra3.Models.Tokenizers;
using Ra3.Sandbox;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 eval`: pass@k of a model, or of programs written elsewhere.</summary>
internal static class EvalCommand
{
    private const string References = "reference";

    private sealed record Settings(
        string? Model, string? Samples, int N, double Temperature, double TopP, int MaxTokens, int Batch, long Seed,
        Precision Precision, bool Split, LimitChanges Limits)
    {
        public AuthorOptions Author => new(Temperature, TopP, MaxTokens, Seed);

        public override string ToString() => Model is null
            ? "samples " + Samples
            : string.Create(
                CultureInfo.InvariantCulture,
                $"model {Model}, n {N}, temperature {Temperature}, top-p {TopP}, max-tokens {MaxTokens}, seed {Seed}");
    }

    public static Command Create()
    {
        var model = new Option<DirectoryInfo?>("--model") { Description = "Model folder (Hugging Face layout) to generate with.", HelpName = "DIR" };
        var samples = new Option<string?>("--samples")
        {
            Description = $"Programs to judge instead: JSON lines with task_id and completion or solution; '{References}' judges the benchmark's own solutions.",
            HelpName = "FILE",
        };
        var benchmarks = new Option<string>("--benchmark", "-b")
        {
            Description = $"One or more of {string.Join(", ", BenchmarkLoader.Names)}, with commas between.",
            HelpName = "NAMES",
            Required = true,
        };
        var data = new Option<string>("--data")
        {
            Description = "Folder of the benchmarks' files, or one file.",
            HelpName = "PATH",
            DefaultValueFactory = _ => DataFile.DefaultFolder,
        };
        var output = new Option<DirectoryInfo>("--out", "-o")
        {
            Description = "Folder for results.jsonl, summary.json and report.html; what is there and still holds is not done again.",
            HelpName = "DIR",
            DefaultValueFactory = _ => new DirectoryInfo("eval"),
        };
        var n = new Option<int>("--n") { Description = "Samples per problem.", HelpName = "N", DefaultValueFactory = _ => 1 }.AtLeast(1);
        var temperature = new Option<double?>("--temperature") { Description = "0 is greedy, the default for one sample; 0.8 otherwise.", HelpName = "T" }
            .Between(0, 100);
        var topP = new Option<double>("--top-p") { Description = "Nucleus sampling.", HelpName = "P", DefaultValueFactory = _ => 0.95 }
            .Between(0.001, 1);
        var maxTokens = new Option<int>("--max-tokens") { Description = "Most tokens of a completion.", HelpName = "N", DefaultValueFactory = _ => 512 }
            .AtLeast(1);
        var batch = new Option<int>("--batch") { Description = "Sequences generated at once.", HelpName = "N", DefaultValueFactory = _ => 16 }
            .AtLeast(1);
        var limit = new Option<int>("--limit") { Description = "Only the first N problems of each benchmark (0: all); the score is marked partial.", HelpName = "N" }
            .AtLeast(0);
        var seed = new Option<long>("--seed") { Description = "Seed of the sampling.", HelpName = "N" };
        var precision = new Option<Precision>("--precision") { Description = "Auto, Fp32 or Bf16." };
        var split = new Option<bool>("--split") { Description = "Run assertions as they are written, even where they could be read as data (slower)." };
        var timeFactor = new Option<double>("--time-factor")
        {
            Description = "The benchmark's time limits times this, for slower machines.",
            HelpName = "X",
            DefaultValueFactory = _ => 1,
        }.Between(0.01, 1000);
        var memory = new Option<int?>("--memory") { Description = "Megabytes of address space, instead of the benchmark's.", HelpName = "MB" }
            .Between(32, 1 << 20);
        var print = new Option<int?>("--max-output")
        {
            Description = "Megabytes a program may print, and its answers may take; tests that want more allow more.",
            HelpName = "MB",
        }.Between(1, 512);
        var (tier, isUnsafe, workers, json) = (SandboxCommand.Tier(), SandboxCommand.Unsafe(), SandboxCommand.Workers(), CommonOptions.Json());
        var verb = new Verb(
            "eval", "Scores a model, or programs made elsewhere, on benchmarks: pass@k with 95 % intervals.",
            "ra3 eval --model runs/first/model --benchmark humaneval,mbpp+",
            "ra3 eval --model model --benchmark humaneval --n 20 --temperature 0.8",
            "ra3 eval --samples samples.jsonl --benchmark humaneval+",
            "ra3 eval --samples reference --benchmark mbpp")
        {
            benchmarks, model, samples, data, output, n, temperature, topP, maxTokens, batch, limit, seed, precision, split,
            timeFactor, memory, print, tier, isUnsafe, workers, json,
        };
        verb.Validators.Add(result =>
        {
            if (result.GetResult(model) is null == result.GetResult(samples) is null)
            {
                result.AddError("Give either --model or --samples.");
            }

            foreach (var option in new Option[] { n, temperature, topP, maxTokens, batch, seed, precision })
            {
                if (result.GetResult(samples) is not null && result.GetResult(option) is { Implicit: false })
                {
                    result.AddError($"{option.Name} says how --model writes; with --samples leave it out.");
                }
            }
        });
        verb.SetAction(async (parsed, stop) =>
        {
            var count = parsed.GetValue(n);
            var settings = new Settings(
                parsed.GetValue(model)?.FullName, parsed.GetValue(samples), count, parsed.GetValue(temperature) ?? (count == 1 ? 0 : 0.8),
                parsed.GetValue(topP), parsed.GetValue(maxTokens), parsed.GetValue(batch), parsed.GetValue(seed), parsed.GetValue(precision),
                parsed.GetValue(split), new LimitChanges(parsed.GetValue(timeFactor), parsed.GetValue(memory), parsed.GetValue(print) << 20));
            var place = parsed.GetRequiredValue(data);
            var loaded = parsed.GetRequiredValue(benchmarks).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Distinct(StringComparer.Ordinal)
                .Select(name => BenchmarkLoader.Load(
                    name,
                    Directory.Exists(place) || !File.Exists(place) ? Path.Combine(place, BenchmarkLoader.FileName(name)) : place,
                    settings.Split))
                .ToList();
            // What is wrong with the samples is said before a sandbox is started.
            var given = settings.Samples is null or References ? null : Samples.Read(settings.Samples, loaded);
            await using var pool = await SandboxPool.StartAsync(
                SandboxCommand.Options(parsed.GetValue(tier), parsed.GetValue(isUnsafe), parsed.GetValue(workers)) with { Limits = settings.Limits }, stop);
            return await RunAsync(
                loaded, given, settings, pool, parsed.GetRequiredValue(output), parsed.GetValue(limit), parsed.GetValue(json), stop);
        });
        return verb;
    }

    private static async Task<int> RunAsync(
        List<Benchmark> benchmarks, SampleFile? given, Settings settings, SandboxPool pool, DirectoryInfo output, int limit,
        bool json, CancellationToken stop)
    {
        foreach (var benchmark in benchmarks)
        {
            await Evaluation.RequireSoundAsync(pool, Limited(benchmark, limit), stop);
        }

        output.Create();
        var console = Terminal.For(json);
        console.WriteLine($"Programs run in the tier: {pool.Tier.ToString().ToLowerInvariant()}"
            + (pool.Tier == SandboxTier.Unsafe ? " (UNCONFINED)" : ""));
        given?.Notes.ToList().ForEach(console.WriteLine);
        using var file = new ResultFile(Path.Combine(output.FullName, "results.jsonl"));
        var (decoder, tokenizer) = settings.Model is null
            ? default : ModelFolder.Load(settings.Model, Compute.Type(settings.Precision, Compute.Device), Compute.Device, trainable: false);
        using var model = decoder;
        var weights = settings.Model is null ? "" : ModelFolder.WeightsFingerprint(settings.Model);
        var evaluated = new List<Evaluated>();
        foreach (var whole in benchmarks)
        {
            var benchmark = Limited(whole, limit);
            foreach (var group in benchmark.Excluded.GroupBy(e => e.Reason.Split(':')[0], StringComparer.Ordinal))
            {
                console.WriteLine($"{benchmark.Name}: {group.Count()} problems are left out ({group.Key})");
            }

            var order = benchmark.Problems.Select((p, i) => (p.Id, i))
                .ToDictionary(p => p.Id, p => p.i, StringComparer.Ordinal);
            var fit = settings.Model is null ? null : Author.Fit(tokenizer, decoder.Config, benchmark, settings.MaxTokens);
            SayFit(console, benchmark.Name, fit);
            var writtenBy = settings.Model is null ? null : WrittenBy(settings, benchmark, decoder, tokenizer, weights);
            var judgedBy = JudgedBy(settings, benchmark, pool);
            var samples = settings.Model is not null ? [] : given?.Of[benchmark.Name] ?? Samples.References(whole);
            var found = file.Find(benchmark.Name, writtenBy, samples.ToHashSet(), judgedBy);
            found.Notes.ToList().ForEach(console.WriteLine);
            bool IsWanted(Sample sample) => order.TryGetValue(sample.TaskId, out var i)
                && (settings.Model is null || (benchmark.Problems[i].IsAsked && sample.Index < settings.N));
            var results = found.Judged.Where(r => IsWanted(r.Sample)).ToList();
            var done = results.Select(r => (r.Sample.TaskId, r.Sample.Index)).ToHashSet();
            var unjudged = found.Unjudged.Where(IsWanted).ToList();
            var source = settings.Model is null
                ? samples.Where(s => IsWanted(s) && !done.Contains((s.TaskId, s.Index))).ToAsyncEnumerable()
                : unjudged.ToAsyncEnumerable().Concat(Author.WriteAsync(
                    decoder, tokenizer, benchmark, settings.N, settings.Author, settings.Batch,
                    done.Concat(unjudged.Select(s => (s.TaskId, s.Index))).ToHashSet(), stop));
            var total = settings.Model is null
                ? samples.Count(IsWanted) : benchmark.Problems.Count(p => p.IsAsked) * settings.N;
            using var progress = new ProgressLine(benchmark.Name, total, results.Count);
            try
            {
                await Evaluation.JudgeAsync(pool, benchmark, source, Take, stop);
            }
            catch (OperationCanceledException e)
            {
                var kept = evaluated.Sum(all => all.Results.Count) + results.Count;
                throw new OperationCanceledException(
                    $"Stopped; {kept} results are kept. The same command goes on from there.", e, stop);
            }

            file.Settle(benchmark.Name);
            results = results.OrderBy(r => order[r.Sample.TaskId]).ThenBy(r => r.Sample.Index).ToList();
            evaluated.Add(new Evaluated(benchmark, Evaluation.ScoreOf(whole, results), results, writtenBy, judgedBy, fit));

            void Take(Result result)
            {
                file.Append(new StoredResult(benchmark.Name, result, writtenBy ?? Provenance.None, judgedBy));
                results.Add(result);
                progress.Report(results.Count, 0, ("passed", results.Count(r => r.Verdict.Passed)));
            }
        }

        var summary = evaluated.Select(all => Summary(all, settings)).ToList();
        AtomicWrite.File(Path.Combine(output.FullName, "summary.json"), stream => JsonSerializer.Serialize(
            stream, summary, new JsonSerializerOptions(Terminal.JsonOptions) { WriteIndented = true }));
        var page = Path.Combine(output.FullName, "report.html");
        WriteReport(page, evaluated, settings);
        console.Write(ScoreTable(evaluated));
        evaluated.SelectMany(all => Remarks(all.Score)).ToList().ForEach(console.WriteLine);
        console.WriteLine($"Read the failures in {page}");
        if (json)
        {
            Terminal.WriteJson(summary);
        }

        return 0;
    }

    private static Benchmark Limited(Benchmark whole, int limit) => limit > 0
        ? whole with { Problems = whole.Problems.Where(p => p.IsAsked).Take(limit).ToList() } : whole;

    private static void SayFit(IAnsiConsole console, string benchmark, PromptFit? fit)
    {
        if (fit?.TooLong > 0)
        {
            console.WriteLine($"{benchmark}: {fit.TooLong} prompts are longer than the model's positions; these problems count as not solved");
        }

        if (fit?.LittleRoom > 0)
        {
            console.WriteLine($"{benchmark}: {fit.LittleRoom} prompts leave less room than --max-tokens; their answers end where the model's positions do");
        }
    }

    /// <summary>What a program of a model depends on, whatever the folder is called.</summary>
    private static Provenance WrittenBy(
        Settings settings, Benchmark benchmark, Decoder decoder, Tokenizer tokenizer, string weights) => Origin(
        ("weights", weights), ("tokenizer", tokenizer.Fingerprint), ("prompt-begin", new PromptEncoder(tokenizer).Begin ?? "nothing"),
        ("precision", decoder.ComputeType.ToString()),
        ("device", decoder.Device.type.ToString()), ("data", benchmark.Fingerprint),
        ("temperature", Text(settings.Temperature)), ("top-p", settings.Temperature == 0 ? "" : Text(settings.TopP)), ("max-tokens", Text(settings.MaxTokens)),
        ("seed", settings.Temperature == 0 ? "" : Text(settings.Seed)));

    /// <summary>What a verdict depends on beside the program; limits that no option changes belong to the data and the version.</summary>
    private static Provenance JudgedBy(Settings settings, Benchmark benchmark, SandboxPool pool) => Origin(
        ("data", benchmark.Fingerprint), ("split", settings.Split ? "yes" : "no"), ("time-factor", Text(settings.Limits.TimeFactor)),
        ("memory-mb", settings.Limits.MemoryMb is { } memory ? Text(memory) : "the benchmark's"),
        ("output-bytes", settings.Limits.OutputBytes is { } bytes ? Text(bytes) : "the benchmark's"),
        ("tier", pool.Tier.ToString().ToLowerInvariant()), ("python", pool.PythonVersion.ToString()),
        ("version", typeof(SandboxPool).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion));

    private static Provenance Origin(params IEnumerable<(string Name, string Value)> parts) =>
        new(parts.ToDictionary(part => part.Name, part => part.Value, StringComparer.Ordinal));

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    private static object Summary(Evaluated all, Settings settings) => new
    {
        all.Score.Benchmark,
        all.Score.Asked,
        all.Score.Problems,
        Partial = all.Score.IsPartial,
        all.Score.Missing,
        all.Score.Samples,
        SamplesPerProblem = new { all.Score.Fewest, all.Score.Most },
        PassAtK = all.Score.PassAtK.ToDictionary(p => "pass@" + Text(p.Key), p => p.Value, StringComparer.Ordinal),
        all.Score.Verdicts,
        all.Score.Dropped,
        ProblemsLeftOut = all.Benchmark.Excluded.Count,
        TestsLeftOut = all.Benchmark.Problems.Sum(p => p.Grader.TestsLeftOut), // of the problems judged by this run
        Tier = all.Score.Tier.ToString().ToLowerInvariant(),
        Settings = settings.ToString(),
        PromptFit = all.Fit,
        WrittenBy = all.WrittenBy?.Parts,
        JudgedBy = all.JudgedBy.Parts,
    };

    /// <summary>What a reader of a score should know beside it.</summary>
    private static IEnumerable<string> Remarks(Score score)
    {
        if (score.IsPartial)
        {
            yield return $"{score.Benchmark}: the score is partial: {score.Missing} of its {score.Asked} problems have no verdict "
                + "and are in no score.";
        }

        if (score.Fewest < score.Most)
        {
            yield return $"{score.Benchmark}: problems have {score.Fewest} to {score.Most} samples; "
                + $"pass@k is given for k up to {score.Fewest}.";
        }

        if (score.Dropped > 0)
        {
            yield return $"{score.Benchmark}: the judge failed on {score.Dropped} samples (harness_error), which are in no "
                + "score; the same command judges them again.";
        }

        foreach (var (k, estimate) in score.PassAtK.Where(p => p.Value.Problems < score.Problems))
        {
            yield return $"{score.Benchmark}: pass@{k} is over the {estimate.Problems} of {score.Problems} problems "
                + $"with {k} verdicts.";
        }
    }

    private static Table ScoreTable(List<Evaluated> evaluated)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("benchmark", "metric", "value", "95 % interval", "passed", "other verdicts");
        foreach (var score in evaluated.Select(all => all.Score))
        {
            foreach (var (k, estimate) in score.PassAtK)
            {
                table.AddRow(
                    score.Label, "pass@" + Text(k), Percent(estimate.Value),
                    $"{Percent(estimate.Low)} – {Percent(estimate.High)}",
                    $"{score.Verdicts.GetValueOrDefault("passed")}/{score.Samples}", Others(score));
            }
        }

        return table;
    }

    private static void WriteReport(string path, List<Evaluated> evaluated, Settings settings)
    {
        const int most = 200; // failures a page shows; results.jsonl has them all
        var report = new ReportBuilder("Evaluation", settings.ToString());
        report.Section("Scores").Table(
            ["benchmark", "metric", "value", "95 % interval", "samples", "other verdicts", "tier"],
            evaluated.Select(all => all.Score).SelectMany(s => s.PassAtK.Select(p => (IReadOnlyList<string>)
            [
                s.Label, "pass@" + Text(p.Key), Percent(p.Value.Value),
                $"{Percent(p.Value.Low)} – {Percent(p.Value.High)}", Text(s.Samples), Others(s), s.Tier.ToString().ToLowerInvariant(),
            ])).ToList());
        foreach (var remark in evaluated.SelectMany(all => Remarks(all.Score)))
        {
            report.Note(remark);
        }

        foreach (var (_, score, results, _, _, _) in evaluated)
        {
            var failures = results.Where(r => !r.Verdict.Passed).ToList();
            report.Section($"{score.Label}: {failures.Count} of {results.Count} did not pass");
            foreach (var (sample, verdict) in failures.Take(most))
            {
                report.Folded(
                    $"{sample.TaskId} sample {sample.Index}: {verdict.Name}{(verdict.Test is { } t ? $" (test {t})" : "")}",
                    verdict.Detail + "\n\n" + sample.Program);
            }

            if (failures.Count > most)
            {
                report.Note($"{failures.Count - most} more are in `results.jsonl`.");
            }
        }

        report.Write(path);
    }

    private static string Percent(double value) => value.ToString("0.0 %", CultureInfo.InvariantCulture);

    private static string Others(Score score) => string.Join(
        ", ", score.Verdicts.Where(v => v.Key != "passed").Select(v => string.Create(CultureInfo.InvariantCulture, $"{v.Key} {v.Value}")));

    /// <summary>A benchmark, or the part of it that was asked for, with its results and what they came from.</summary>
    private sealed record Evaluated(
        Benchmark Benchmark, Score Score, IReadOnlyList<Result> Results, Provenance? WrittenBy, Provenance JudgedBy,
        PromptFit? Fit);
}
