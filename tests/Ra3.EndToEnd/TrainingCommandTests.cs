using System.Text.Json;

namespace Ra3.Tests;

/// <summary>pretrain, midtrain, generate and inspect on a handful of small files; a model of some ten thousand parameters.</summary>
public sealed class TrainingCommandTests(TrainingCommandTests.Base shared) : IClassFixture<TrainingCommandTests.Base>
{
    private const string Recipe = """
        corpus: { paths: [CORPUS] }
        heldOut: { share: 0.2, snippetTokens: 64, snippets: 8, thinkingSnippets: 4, thoughtTokens: 8 }
        tokenizer: { vocabulary: 300 }
        model: { hiddenSize: 32, intermediateSize: 64, layers: 2, heads: 2, keyValueHeads: 1, maxPositions: 512 }
        training: { steps: 40, batchRows: 4, windowTokens: 64, checkpointEvery: 4, optimizer: { learningRate: 1e-2 } }
        precision: fp32
        """;

    private const string MidRecipe = """
        corpus: { paths: [CORPUS] }
        heldOut: { share: 0.2, snippetTokens: 64, snippets: 8, thinkingSnippets: 4, thoughtTokens: 8 }
        ntp: { steps: 10, batchRows: 4, windowTokens: 64 }
        ra3:
          latents: { maxTokens: 6, snippetTokens: 64 }
          eStep: { iterations: 12, snippets: 2, placesPerSnippet: 3, groupSize: 3, exploration: 0.5, optimizer: { learningRate: 1e-3 } }
          eStepCheckpointEvery: 2
          mStep: { steps: 40, batchRows: 4, windowTokens: 64, checkpointEvery: 4 }
        precision: fp32
        weights: fp32
        """;

    private string Folder => shared.Folder;

    [Fact]
    public async Task A_model_is_pretrained_and_its_run_tells_the_story()
    {
        File.Exists(Path.Combine(Folder, "base", "model", "tokenizer.json")).Should().BeTrue();
        Metrics("base").Should().HaveCount(40);
        Metrics("base")[^1].GetProperty("loss").GetDouble().Should().BeLessThan(Metrics("base")[0].GetProperty("loss").GetDouble() - 1);
        var (code, _, error) = await Ra3Command.RunAsync("pretrain", "--recipe", shared.PretrainRecipe, "--out", Path.Combine(Folder, "base"));
        code.Should().Be(1);
        error.Should().Contain("already holds a run").And.Contain("--resume");

        var report = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(Folder, "base", "data", "train.report.json"), TestContext.Current.CancellationToken)).RootElement;
        report.GetProperty("documents").GetInt64().Should().Be(24);
        report.GetProperty("leftOut").GetProperty("other-kind").GetInt64().Should().Be(1);
        File.ReadAllLines(Path.Combine(Folder, "base", "data", "train.left-out.jsonl")).Should().Equal("""{"id":"notes.txt","reason":"other-kind","detail":null}""");
        var done = await Ra3Command.RunAsync("pretrain", "--out", Path.Combine(Folder, "base"), "--resume", "--json");
        done.Code.Should().Be(0, done.Error);
        done.Error.Should().Contain("already done").And.NotContain("held-out");
        JsonDocument.Parse(done.Output).RootElement.GetProperty("corpora").GetProperty("train").GetProperty("documents").GetInt64().Should().Be(24);
    }

    [Fact]
    public async Task Killed_or_interrupted_pretraining_ends_in_the_same_bytes()
    {
        var run = Path.Combine(Folder, "stopped");
        await Ra3Command.StopAsync("-KILL", 5, "loss", ["pretrain", "--recipe", shared.PretrainRecipe, "--out", run]);
        File.Exists(Path.Combine(run, "model", "config.json")).Should().BeFalse("it was killed on its way");
        var (code, error) = await Ra3Command.StopAsync("-INT", 15, "loss", ["pretrain", "--out", run, "--resume"]);
        code.Should().Be(130);
        error.Should().Contain($"ra3 pretrain --out {run} --resume");
        (await Ra3Command.RunAsync("pretrain", "--out", run, "--resume")).Code.Should().Be(0);
        Model(run).Should().Equal(Model(Path.Combine(Folder, "base")));
        Metrics("stopped").Select(line => line.GetProperty("step").GetInt64()).Should().Equal(Enumerable.Range(1, 40).Select(step => (long)step));
    }

    [Fact]
    public async Task Ra3_killed_in_either_step_ends_in_the_same_bytes_and_its_model_is_read_by_the_other_verbs()
    {
        string[] start = ["midtrain", "--method", "ra3", "--model", Path.Combine(Folder, "base", "model"), "--recipe", shared.MidRecipe];
        var (whole, stopped) = (Path.Combine(Folder, "ra3"), Path.Combine(Folder, "ra3-stopped"));
        var (code, output, error) = await Ra3Command.RunAsync([.. start, "--out", whole, "--json"]);
        code.Should().Be(0, error);
        var summary = JsonDocument.Parse(output).RootElement;
        summary.GetProperty("heldOut").GetProperty("after").GetProperty("thinkingCrossEntropy").GetDouble().Should().BePositive();
        Metrics("ra3").Where(line => line.TryGetProperty("eStep.logProbMismatch", out _)).Should().HaveCount(12);

        await Ra3Command.StopAsync("-KILL", 5, "eStep.reward", [.. start, "--out", stopped]);
        await Ra3Command.StopAsync("-KILL", 12 + 5, "mStep.loss", ["midtrain", "--out", stopped, "--resume"]);
        File.Exists(Path.Combine(stopped, "model", "config.json")).Should().BeFalse("it was killed on its way");
        (await Ra3Command.RunAsync("midtrain", "--out", stopped, "--resume")).Code.Should().Be(0);
        Model(stopped).Should().Equal(Model(whole));
        Metrics("ra3-stopped").Select(line => line.GetProperty("step").GetInt64()).Should().Equal(Enumerable.Range(1, 52).Select(step => (long)step));

        var inspected = await Ra3Command.RunAsync("inspect", "--model", Path.Combine(whole, "model"), Path.Combine(Folder, "corpus", "file3.py"));
        inspected.Code.Should().Be(0, inspected.Error);
        inspected.Output.Should().Contain("def name_3(").And.Contain("think share").And.NotContain("\e");
        var inspectedJson = await Ra3Command.RunAsync("inspect", "--model", Path.Combine(whole, "model"), Path.Combine(Folder, "corpus", "file3.py"), "--json");
        var lines = JsonDocument.Parse(inspectedJson.Output).RootElement.GetProperty("lines").EnumerateArray().ToList();
        var source = await File.ReadAllTextAsync(Path.Combine(Folder, "corpus", "file3.py"), TestContext.Current.CancellationToken);
        string.Join('\n', lines.Select(line => line.GetProperty("text").GetString())).TrimEnd().Should().Be(source.TrimEnd());
    }

    [Fact]
    public async Task The_baseline_runs_on_the_same_recipe_and_stores_bf16()
    {
        var run = Path.Combine(Folder, "ntp");
        var (code, output, error) = await Ra3Command.RunAsync(
            "midtrain", "--method", "ntp", "--model", Path.Combine(Folder, "base", "model"), "--recipe", shared.MidRecipe, "--set", "weights=bf16", "--out", run, "--json");
        code.Should().Be(0, error);
        JsonDocument.Parse(output).RootElement.GetProperty("method").GetString().Should().Be("ntp");
        Model(run).Length.Should().BeLessThan((Model(Path.Combine(Folder, "base")).Length / 2) + 4096);

        var generated = await Ra3Command.RunAsync("generate", "--model", Path.Combine(run, "model"), "--prompt", "def name", "--n", "3", "--max-new-tokens", "5", "--json");
        generated.Code.Should().Be(0, generated.Error);
        var file = Path.Combine(Folder, "corpus", "file3.py");
        var plain = await Ra3Command.RunAsync("generate", "--model", Path.Combine(run, "model"), "--file", file, "--max-new-tokens", "3");
        plain.Output.Should().StartWith(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        var completions = generated.Output.TrimEnd().Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToList();
        completions.Select(c => c.GetProperty("index").GetInt32()).Should().BeEquivalentTo([0, 1, 2]);
        completions.Should().OnlyContain(c => c.GetProperty("tokens").GetArrayLength() == c.GetProperty("logProbs").GetArrayLength());
    }

    [Fact]
    public async Task Both_methods_train_on_the_same_replay()
    {
        var replay = Directory.CreateDirectory(Path.Combine(Folder, "replayed")).FullName;
        await File.WriteAllTextAsync(Path.Combine(replay, "other.py"), string.Concat(Enumerable.Range(0, 20).Select(i => $"value_{i} = {i} * 2\n")), TestContext.Current.CancellationToken);
        string[] with = ["--set", $"replay.paths=[{replay}]"], next = ["--method", "ntp"];
        string[] never = ["--method", "ra3", "--set", "ra3.eStep.switchCost=.inf", "--set", "ra3.mStep.steps=10"];
        var replayed = await TrainedAsync("replay-ntp", [.. with, .. next]);
        replayed.Should().Equal(await TrainedAsync("replay-ra3", [.. with, .. never]), "no thought at an infinite cost is next-token prediction");
        replayed.Should().NotEqual(await TrainedAsync("replay-none", next), "what is replayed is learnt from");

        async Task<byte[]> TrainedAsync(string name, string[] options)
        {
            var run = Path.Combine(Folder, name);
            var (code, _, error) = await Ra3Command.RunAsync(
                ["midtrain", "--model", Path.Combine(Folder, "base", "model"), "--recipe", shared.MidRecipe, "--out", run, .. options]);
            code.Should().Be(0, error);
            return Model(run);
        }
    }

    [Fact]
    public async Task A_dry_run_prints_the_plan_and_writes_nothing()
    {
        var (code, output, error) = await Ra3Command.RunAsync(
            "midtrain", "--model", Path.Combine(Folder, "base", "model"), "--recipe", shared.MidRecipe, "--dry-run", "--json");
        code.Should().Be(0, error);
        var plan = JsonDocument.Parse(output).RootElement;
        plan.GetProperty("eStepIterations").GetInt64().Should().Be(12);
        plan.GetProperty("samplesPerIteration").GetInt64().Should().Be(2 * 3 * 3);
        plan.GetProperty("seconds").EnumerateObject().Should().HaveCount(3);
        error.Should().Contain("measured here");
    }

    [Theory]
    [InlineData("empty", "The corpus is empty")]
    [InlineData("missing", "There is no model folder")]
    [InlineData("torn", "model.safetensors")]
    [InlineData("nan", "NaN or infinite values in")]
    [InlineData("mismatch", "The tokenizer has")]
    [InlineData("large", "this machine has")]
    public async Task What_is_wrong_is_one_sentence(string fault, string expected)
    {
        var model = Path.Combine(Folder, "base", "model");
        List<string> sets = [];
        if (fault is "torn" or "nan" or "mismatch")
        {
            var copy = Directory.CreateDirectory(Path.Combine(Folder, fault)).FullName;
            foreach (var file in Directory.GetFiles(model))
            {
                File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
            }

            if (fault is "torn" or "nan")
            {
                var bytes = Model(Path.Combine(Folder, "base"));
                BitConverter.TryWriteBytes(bytes.AsSpan(^4..), float.NaN);
                await File.WriteAllBytesAsync(Path.Combine(copy, "model.safetensors"), fault == "nan" ? bytes : bytes[..^100], TestContext.Current.CancellationToken);
            }
            else
            {
                foreach (var json in new[] { "config.json", "generation_config.json" }.Select(name => Path.Combine(copy, name)))
                {
                    var text = await File.ReadAllTextAsync(json, TestContext.Current.CancellationToken);
                    await File.WriteAllTextAsync(
                        json, text.Replace("300", "280", StringComparison.Ordinal).Replace("299", "279", StringComparison.Ordinal), TestContext.Current.CancellationToken);
                }
            }

            model = copy;
        }
        else if (fault == "missing")
        {
            model = Path.Combine(Folder, "nowhere");
        }
        else if (fault == "large")
        {
            sets = ["--set", "ntp.batchRows=2000000", "--set", "ntp.microBatchRows=2000000"];
        }
        else
        {
            sets = ["--set", $"corpus.paths=[{Directory.CreateDirectory(Path.Combine(Folder, "empty")).FullName}]"];
        }

        var (code, _, error) = await Ra3Command.RunAsync(
            ["midtrain", "--method", "ntp", "--model", model, "--recipe", shared.MidRecipe, "--out", Path.Combine(Folder, "wrong-" + fault), .. sets]);
        code.Should().Be(1);
        error.Should().Contain(expected).And.NotContain("defect");
        Directory.Exists(Path.Combine(Folder, "wrong-" + fault)).Should().BeFalse("nothing was begun");
    }

    private static byte[] Model(string run) => File.ReadAllBytes(Path.Combine(run, "model", "model.safetensors"));

    private List<JsonElement> Metrics(string run) =>
        [.. File.ReadLines(Path.Combine(Folder, run, "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>A corpus and a model pretrained on it.</summary>
    public sealed class Base : IAsyncLifetime
    {
        public string Folder { get; } = Directory.CreateTempSubdirectory("ra3-e2e-").FullName;

        public string PretrainRecipe => Path.Combine(Folder, "pretrain.yaml");

        public string MidRecipe => Path.Combine(Folder, "midtrain.yaml");

        public async ValueTask InitializeAsync()
        {
            var corpus = Directory.CreateDirectory(Path.Combine(Folder, "corpus")).FullName;
            for (var i = 0; i < 24; i++)
            {
                await File.WriteAllTextAsync(Path.Combine(corpus, $"file{i}.py"), $"""
                    import math


                    def name_{i}(values, start={i}):
                        total = start
                        for value in values:
                            if value > {i * 7 % 5}:
                                total += value * {i + 2}
                        return math.floor(total / {i + 1})


                    class Thing{i}:
                        def __init__(self):
                            self.items = [{string.Join(", ", Enumerable.Range(i, 5))}]

                        def run(self):
                            return name_{i}(self.items)

                    """);
            }

            await File.WriteAllTextAsync(Path.Combine(corpus, "notes.txt"), "not code");
            await File.WriteAllTextAsync(PretrainRecipe, Recipe.Replace("CORPUS", corpus, StringComparison.Ordinal));
            await File.WriteAllTextAsync(MidRecipe, TrainingCommandTests.MidRecipe.Replace("CORPUS", corpus, StringComparison.Ordinal));
            var (code, output, error) = await Ra3Command.RunAsync("pretrain", "--recipe", PretrainRecipe, "--out", Path.Combine(Folder, "base"));
            code.Should().Be(0, error);
            (output + error).Should().Contain("corpus: 24 documents").And.Contain("1 left out: not .py, .jsonl or .parquet (notes.txt)");
        }

        public ValueTask DisposeAsync()
        {
            Directory.Delete(Folder, recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}
