using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Ra3.Benchmarks;
using Ra3.Cli.Data;
using Ra3.Cli.Report;
using Ra3.Models;
using Ra3.Sandbox;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 eval`: pass@k of a model, or of programs written elsewhere.</summary>
internal static class EvalCommand
{
    private const string References = "reference";

    private sealed record Settings(
        string? Model, string? Samples, int N, double Temperature, double TopP, int MaxTokens, int Batch, long Seed, Precision Precision)
    {
        public AuthorOptions Author => new(Temperature, TopP, MaxTokens, Seed);

        /// <summary>What the programs depend on; results of other programs are not mixed with these.</summary>
        public override string ToString() => Model is null
            ? "samples " + Samples
            : string.Create(CultureInfo.InvariantCulture, $"model {Model}, n {N}, temperature {Temperature}, top-p {TopP}, max-tokens {MaxTokens}, seed {Seed}");
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
            Description = "Folder for results.jsonl, summary.json and report.html; what is there already is not done again.",
            HelpName = "DIR",
            DefaultValueFactory = _ => new DirectoryInfo("eval"),
        };
        var n = new Option<int>("--n") { Description = "Samples per problem.", HelpName = "N", DefaultValueFactory = _ => 1 }.AtLeast(1);
        var temperature = new Option<double?>("--temperature") { Description = "0 is greedy, the default for one sample; 0.8 otherwise.", HelpName = "T" };
        var topP = new Option<double>("--top-p") { Description = "Nucleus sampling.", HelpName = "P", DefaultValueFactory = _ => 0.95 };
        var maxTokens = new Option<int>("--max-tokens") { Description = "Most tokens of a completion.", HelpName = "N", DefaultValueFactory = _ => 512 };
        var batch = new Option<int>("--batch") { Description = "Sequences generated at once.", HelpName = "N", DefaultValueFactory = _ => 16 };
        var limit = new Option<int>("--limit") { Description = "Only the first N problems of each benchmark (0: all); the score is marked partial.", HelpName = "N" };
        var seed = new Option<long>("--seed") { Description = "Seed of the sampling.", HelpName = "N" };
        var precision = new Option<Precision>("--precision") { Description = "Auto, Fp32 or Bf16." };
        var split = new Option<bool>("--split") { Description = "Run assertions as they are written, even where they could be read as data (slower)." };
        var (tier, isUnsafe, workers, json) = (SandboxCommand.Tier(), SandboxCommand.Unsafe(), SandboxCommand.Workers(), CommonOptions.Json());
        var verb = new Verb(
            "eval", "Scores a model, or programs made elsewhere, on benchmarks: pass@k with 95 % intervals.",
            "ra3 eval --model runs/first/model --benchmark humaneval,mbpp+",
            "ra3 eval --model model --benchmark humaneval --n 20 --temperature 0.8",
            "ra3 eval --samples samples.jsonl --benchmark humaneval+",
            "ra3 eval --samples reference --benchmark mbpp")
        {
            benchmarks, model, samples, data, output, n, temperature, topP, maxTokens, batch, limit, seed, precision, split, tier, isUnsafe, workers, json,
        };
        verb.Validators.Add(result =>
        {
            if (result.GetResult(model) is null == result.GetResult(samples) is null)
            {
                result.AddError("Give either --model or --samples.");
            }
        });
        verb.SetAction(async (parsed, stop) =>
        {
            var count = parsed.GetValue(n);
            var settings = new Settings(
                parsed.GetValue(model)?.FullName, parsed.GetValue(samples), count, parsed.GetValue(temperature) ?? (count == 1 ? 0 : 0.8),
                parsed.GetValue(topP), parsed.GetValue(maxTokens), parsed.GetValue(batch), parsed.GetValue(seed), parsed.GetValue(precision));
            var place = parsed.GetRequiredValue(data);
            var loaded = parsed.GetRequiredValue(benchmarks).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Select(name => BenchmarkLoader.Load(
                    name, Directory.Exists(place) || !File.Exists(place) ? Path.Combine(place, BenchmarkLoader.FileName(name)) : place, parsed.GetValue(split)))
                .Select(b => parsed.GetValue(limit) is > 0 and var first ? b with { Problems = b.Problems.Where(p => p.IsAsked).Take(first).ToList() } : b)
                .ToList();
            await using var pool = await SandboxPool.StartAsync(
                SandboxCommand.Options(parsed.GetValue(tier), parsed.GetValue(isUnsafe), parsed.GetValue(workers)), stop);
            return await RunAsync(loaded, settings, pool, parsed.GetRequiredValue(output), parsed.GetValue(limit), parsed.GetValue(json), stop);
        });
        return verb;
    }

    private static async Task<int> RunAsync(
        List<Benchmark> benchmarks, Settings settings, SandboxPool pool, DirectoryInfo output, int limit, bool json, CancellationToken stop)
    {
        output.Create();
        var console = Terminal.For(json);
        console.WriteLine($"Programs run in the tier: {pool.Tier.ToString().ToLowerInvariant()}"
            + (pool.Tier == SandboxTier.Unsafe ? " (UNCONFINED)" : ""));
        using var file = new ResultFile(Path.Combine(output.FullName, "results.jsonl"), settings.ToString());
        var (decoder, tokenizer) = settings.Model is null
            ? default : ModelFolder.Load(settings.Model, Compute.Type(settings.Precision, Compute.Device), Compute.Device, trainable: false);
        using var model = decoder;
        var scores = new List<Score>();
        var everything = new List<(Benchmark Benchmark, IReadOnlyList<Result> Results)>();
        foreach (var benchmark in benchmarks)
        {
            foreach (var group in benchmark.Excluded.GroupBy(e => e.Reason.Split(':')[0], StringComparer.Ordinal))
            {
                console.WriteLine($"{benchmark.Name}: {group.Count()} problems are left out ({group.Key})");
            }

            var wanted = settings.Samples switch
            {
                null => [],
                References => Samples.References(benchmark),
                var path => Samples.Read(path, benchmark),
            };
            var done = file.Done.Where(d => d.Benchmark == benchmark.Name).Select(d => d.Result).ToList();
            var keys = done.Select(r => (r.Sample.TaskId, r.Sample.Index)).ToHashSet();
            var total = settings.Model is null ? wanted.Count : benchmark.Problems.Count(p => p.IsAsked) * settings.N;
            using var progress = new ProgressLine(benchmark.Name, total, done.Count);
            var results = new List<Result>(done);
            void Take(Result result)
            {
                file.Append(benchmark.Name, result);
                results.Add(result);
                progress.Report(results.Count, 0, ("passed", results.Count(r => r.Verdict.Passed)));
            }

            try
            {
                var source = settings.Model is null
                    ? wanted.Where(s => !keys.Contains((s.TaskId, s.Index))).ToAsyncEnumerable()
                    : Author.WriteAsync(decoder, tokenizer, benchmark, settings.N, settings.Author, settings.Batch, keys, stop);
                await Evaluation.JudgeAsync(pool, benchmark, source, Take, stop);
            }
            catch (OperationCanceledException e)
            {
                throw new OperationCanceledException($"Stopped; {file.Done.Count + results.Count - done.Count} results are kept. The same command goes on from there.", e, stop);
            }

            var order = benchmark.Problems.Select((p, i) => (p.Id, i)).ToDictionary(p => p.Id, p => p.i, StringComparer.Ordinal);
            results = results.Where(r => order.ContainsKey(r.Sample.TaskId)).OrderBy(r => order[r.Sample.TaskId]).ThenBy(r => r.Sample.Index).ToList();
            scores.Add(Evaluation.ScoreOf(benchmark.Name, results));
            everything.Add((benchmark, results));
        }

        var summary = scores.Zip(everything, (s, all) => new
        {
            s.Benchmark,
            s.Problems,
            s.Samples,
            PassAtK = s.PassAtK.ToDictionary(p => "pass@" + p.Key.ToString(CultureInfo.InvariantCulture), p => p.Value, StringComparer.Ordinal),
            s.Verdicts,
            s.Dropped,
            ProblemsLeftOut = all.Benchmark.Excluded.Count,
            TestsLeftOut = all.Benchmark.Problems.Sum(p => p.Grader.TestsLeftOut), // of the problems judged by this run
            Tier = s.Tier.ToString().ToLowerInvariant(),
            Settings = settings.ToString(),
            Partial = limit > 0,
        }).ToList();
        await File.WriteAllTextAsync(Path.Combine(output.FullName, "summary.json"), JsonSerializer.Serialize(
            summary, new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }) + "\n", stop);
        var page = Path.Combine(output.FullName, "report.html");
        WriteReport(page, everything, scores, settings, limit);
        console.Write(ScoreTable(scores, limit));
        console.WriteLine($"Read the failures in {page}");
        if (json)
        {
            Terminal.WriteJson(summary);
        }

        return 0;
    }

    private static Table ScoreTable(List<Score> scores, int limit)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("benchmark", "metric", "value", "95 % interval", "passed", "other verdicts");
        foreach (var score in scores)
        {
            foreach (var (k, estimate) in score.PassAtK)
            {
                table.AddRow(
                    score.Benchmark + (limit > 0 ? " (partial)" : ""), "pass@" + k.ToString(CultureInfo.InvariantCulture), Percent(estimate.Value),
                    $"{Percent(estimate.Low)} – {Percent(estimate.High)}",
                    $"{score.Verdicts.GetValueOrDefault("passed")}/{score.Samples}", Others(score));
            }
        }

        return table;
    }

    private static void WriteReport(
        string path, List<(Benchmark Benchmark, IReadOnlyList<Result> Results)> everything, List<Score> scores, Settings settings, int limit)
    {
        const int most = 200; // failures a page shows; results.jsonl has them all
        var report = new ReportBuilder("Evaluation", settings.ToString());
        report.Section("Scores").Table(
            ["benchmark", "metric", "value", "95 % interval", "samples", "other verdicts", "tier"],
            scores.SelectMany(s => s.PassAtK.Select(p => (IReadOnlyList<string>)
            [
                s.Benchmark + (limit > 0 ? " (partial)" : ""), "pass@" + p.Key.ToString(CultureInfo.InvariantCulture), Percent(p.Value.Value),
                $"{Percent(p.Value.Low)} – {Percent(p.Value.High)}", s.Samples.ToString(CultureInfo.InvariantCulture), Others(s),
                s.Tier.ToString().ToLowerInvariant(),
            ])).ToList());
        foreach (var (benchmark, results) in everything)
        {
            var failures = results.Where(r => !r.Verdict.Passed).ToList();
            report.Section($"{benchmark.Name}: {failures.Count} of {results.Count} did not pass");
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
}
