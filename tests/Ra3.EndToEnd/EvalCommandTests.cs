using System.IO.Compression;
using System.Text.Json;
using Ra3.Models;
using Ra3.Models.Tokenizers;

namespace Ra3.Tests;

/// <summary>eval on a benchmark of two problems in HumanEval's format.</summary>
public sealed class EvalCommandTests : IDisposable
{
    private const string Right = """
        {"task_id": "T/0", "completion": "    return x // 2\n"}
        {"task_id": "T/1", "completion": "    return x * 2\n"}
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("ra3-eval-").FullName;

    public EvalCommandTests() => Benchmark("assert candidate(5) == 2", "assert candidate(5) == 10");

    private string Samples => Path.Combine(folder, "samples.jsonl");

    private string Out => Path.Combine(folder, "out");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Changed_samples_and_data_are_judged_anew_and_it_is_said()
    {
        await File.WriteAllTextAsync(Samples, Right.Replace("x", "None", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        (await ScoreAsync("--samples", Samples)).Value.Should().Be(0);

        await File.WriteAllTextAsync(Samples, Right, TestContext.Current.CancellationToken);
        var (value, output) = await ScoreAsync("--samples", Samples);
        value.Should().Be(1);
        output.Should().Contain("2 results in").And.Contain("of other samples");
        File.ReadAllLines(Path.Combine(Out, "results.jsonl")).Should().HaveCount(2).And.OnlyContain(line => line.Contains("\"passed\":true", StringComparison.Ordinal));

        (value, output) = await ScoreAsync("--samples", Samples);
        value.Should().Be(1);
        output.Should().NotContain("results in").And.NotContain("judged again");

        Benchmark("assert candidate(5) == 2", "assert candidate(5) == 11");
        (value, output) = await ScoreAsync("--samples", Samples);
        value.Should().Be(0.5);
        output.Should().Contain("2 programs in").And.Contain("their verdicts are of other data");

        // Its results are samples again, of this benchmark and of no other.
        (value, _) = await ScoreAsync("--samples", Path.Combine(Out, "results.jsonl"));
        value.Should().Be(0.5);
    }

    [Fact]
    public async Task A_part_of_a_benchmark_is_marked_wherever_the_score_stands()
    {
        await File.WriteAllTextAsync(Samples, Right.Split('\n')[0], TestContext.Current.CancellationToken);
        var (value, output) = await ScoreAsync("--samples", Samples);
        value.Should().Be(1);
        output.Should().Contain("humaneval (partial: 1 of 2)").And.Contain("20.7 %").And.Contain("1 of its 2 problems have no verdict");
        File.ReadAllText(Path.Combine(Out, "report.html")).Should().Contain("humaneval (partial: 1 of 2)");
        var summary = JsonDocument.Parse(File.ReadAllText(Path.Combine(Out, "summary.json"))).RootElement[0];
        summary.GetProperty("partial").GetBoolean().Should().BeTrue();
        (summary.GetProperty("asked").GetInt32(), summary.GetProperty("problems").GetInt32()).Should().Be((2, 1));

        (_, output) = await ScoreAsync("--samples", "reference", "--limit", "1", "--out", Path.Combine(folder, "limited"));
        output.Should().Contain("humaneval (partial: 1 of 2)");
    }

    [Fact]
    public async Task Retrained_weights_in_the_same_folder_are_evaluated_anew()
    {
        string[] arguments = ["--model", Path.Combine(folder, "model"), "--n", "2", "--max-tokens", "8", "--precision", "fp32"];
        Model(seed: 1);
        await ScoreAsync(arguments);
        var first = File.ReadAllLines(Path.Combine(Out, "results.jsonl"));
        var (_, output) = await ScoreAsync(arguments);
        output.Should().NotContain("results in").And.NotContain("judged again");
        File.ReadAllLines(Path.Combine(Out, "results.jsonl")).Should().Equal(first);

        Model(seed: 2);
        (_, output) = await ScoreAsync(arguments);
        output.Should().Contain("4 results in").And.Contain("are of other weights:");
        File.ReadAllLines(Path.Combine(Out, "results-old.jsonl")).Should().BeEquivalentTo(first);
        File.ReadAllLines(Path.Combine(Out, "results.jsonl")).Should().HaveCount(4).And.NotIntersectWith(first);

        (_, output) = await ScoreAsync([.. arguments[..^1], "bf16", "--seed", "3"]);
        output.Should().Contain("are of other precision, seed:");
    }

    [Fact]
    public async Task A_file_that_is_no_sample_file_is_refused_before_anything_runs()
    {
        await File.WriteAllTextAsync(Samples, Right + "\n[1]\n", TestContext.Current.CancellationToken);
        var (code, _, error) = await Ra3Command.RunAsync("eval", "-b", "humaneval", "--data", folder, "--samples", Samples, "--out", Out);
        (code, error).Should().Be((1, $"ra3: {Samples}, line 3: a sample is an object with task_id and completion or solution, not a list.\n"));
    }

    private void Benchmark(params string[] tests)
    {
        using var file = new GZipStream(File.Create(Path.Combine(folder, "HumanEval.jsonl.gz")), CompressionLevel.Fastest);
        foreach (var (i, test) in tests.Index())
        {
            JsonSerializer.Serialize(file, new
            {
                task_id = $"T/{i}",
                prompt = $"def f{i}(x):\n    \"\"\"Problem {i}.\"\"\"\n",
                entry_point = $"f{i}",
                canonical_solution = i == 0 ? "    return x // 2\n" : "    return x * 2\n",
                test = $"def check(candidate):\n    {test}\n",
            });
            file.WriteByte((byte)'\n');
        }
    }

    private void Model(int seed)
    {
        var tokenizer = Tokenizer.Train(Enumerable.Range(0, 30).Select(i => $"def f{i}(x):\n    return x + {i}\n"), 320);
        var config = new ModelConfig
        {
            Family = ModelFamily.Llama,
            VocabularySize = tokenizer.VocabularySize,
            HiddenSize = 32,
            IntermediateSize = 64,
            Layers = 1,
            Heads = 2,
            KeyValueHeads = 1,
            HeadSize = 16,
            MaxPositions = 256,
            InitializerRange = 0.1,
            TieEmbeddings = true,
            EosTokenIds = [tokenizer.EndOfText!.Value],
        };
        using var decoder = Decoder.Create(config, seed, TorchSharp.torch.ScalarType.Float32, TorchSharp.torch.CPU);
        ModelFolder.Save(Path.Combine(folder, "model"), decoder, tokenizer);
    }

    /// <summary>pass@1, and everything that was said.</summary>
    private async Task<(double Value, string Output)> ScoreAsync(params string[] arguments)
    {
        string[] given = ["eval", "-b", "humaneval", "--data", folder, "--json", .. arguments];
        var (code, output, error) = await Ra3Command.RunAsync(arguments.Contains("--out") ? given : [.. given, "--out", Out]);
        if (error.Contains("cannot be confined", StringComparison.Ordinal))
        {
            Assert.Skip(error);
        }

        code.Should().Be(0, error);
        var score = JsonDocument.Parse(output).RootElement[0].GetProperty("passAtK").GetProperty("pass@1");
        score.GetProperty("low").GetDouble().Should().BeLessThan(score.GetProperty("high").GetDouble());
        return (score.GetProperty("value").GetDouble(), error);
    }
}
