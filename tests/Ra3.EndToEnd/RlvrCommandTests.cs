using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Ra3.Models;
using Ra3.Models.Tokenizers;
using Ra3.Training.Runs;

namespace Ra3.Tests;

/// <summary>rlvr and rollouts with a random model of some ten thousand parameters on questions it sometimes guesses.</summary>
public sealed class RlvrCommandTests : IDisposable
{
    private const string Recipe = """
        problems: { heldOutShare: 0.2 }
        grpo:
          steps: 14
          promptsPerStep: 4
          groupSize: 4
          maxNewTokens: 16
          evaluateEvery: 5
          checkpointEvery: 3
          maxResampling: 1
          optimizer: { learningRate: 3e-3 }
        precision: fp32
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("ra3-rlvr-").FullName;

    public RlvrCommandTests()
    {
        var tokenizer = Tokenizer.Train(Enumerable.Range(0, 30).Select(i => $"Question: What is {i} + 1?\nAnswer: {i + 1}\n"), 320);
        var config = new ModelConfig
        {
            Family = ModelFamily.Llama,
            VocabularySize = tokenizer.VocabularySize,
            HiddenSize = 32,
            IntermediateSize = 64,
            Layers = 2,
            Heads = 2,
            KeyValueHeads = 1,
            HeadSize = 16,
            MaxPositions = 256,
            InitializerRange = 0.1,
            TieEmbeddings = true,
            EosTokenIds = [tokenizer.EndOfText!.Value],
        };
        using var decoder = Decoder.Create(config, 5, TorchSharp.torch.ScalarType.Float32, TorchSharp.torch.CPU);
        ModelFolder.Save(Model, decoder, tokenizer);
        File.WriteAllText(RecipeFile, Recipe);
        File.WriteAllLines(Problems, Enumerable.Range(0, 20).Select(i =>
            $$"""{"id": "q/{{i}}", "prompt": "Question: What is {{i}} + 1?\nAnswer:", "answer": "{{i % 3}}", "stop": ["\n\n"]}"""));
    }

    private string Model => Path.Combine(folder, "base");

    private string RecipeFile => Path.Combine(folder, "rlvr.yaml");

    private string Problems => Path.Combine(folder, "problems.jsonl");

    private string[] Start => ["rlvr", "--model", Model, "--problems", Problems, "--recipe", RecipeFile];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>RA3_SOAK_KILLS=50 makes it a soak test.</summary>
    [Fact]
    public async Task A_run_killed_at_random_ends_in_the_same_bytes()
    {
        var (whole, killed) = (Path.Combine(folder, "whole"), Path.Combine(folder, "killed"));
        var (code, output, error) = await Ra3Command.RunAsync([.. Start, "--out", whole, "--json"]);
        code.Should().Be(0, error);
        var summary = JsonDocument.Parse(output).RootElement;
        summary.GetProperty("passAt1").GetDouble().Should().BeInRange(0, 1);
        summary.GetProperty("passAt1AfterRlvr").ValueKind.Should().Be(JsonValueKind.Number);
        summary.GetProperty("rlvrTokens").GetInt64().Should().BePositive();
        RunFolder.ReadAbout(whole)!.PromptBegin.Should().Be(Tokenizer.EndOfTextName);
        File.ReadAllText(Path.Combine(whole, "report.html")).Should().Contain("held-out pass@1");
        var mismatches = RunFolder.ReadMetrics(whole).Where(line => line.Values.ContainsKey("rlvr.logProbMismatch")).ToList();
        mismatches.Should().HaveCount(14).And.OnlyContain(line => line.Values["rlvr.logProbMismatch"] == 0);

        var kills = int.Parse(Environment.GetEnvironmentVariable("RA3_SOAK_KILLS") ?? "3", CultureInfo.InvariantCulture);
        var random = new Random(20261125);
        string[] arguments = [.. Start, "--out", killed];
        for (var i = 0; i < kills; i++)
        {
            await KillAsync(killed, lines: random.Next(1, 6), TimeSpan.FromMilliseconds(random.Next(400)), arguments);
            arguments = File.Exists(Path.Combine(killed, "run.json")) ? ["rlvr", "--out", killed, "--resume"] : arguments;
        }

        // As one would who repeats the command from where he stands.
        var here = Environment.CurrentDirectory;
        (code, _, error) = await Ra3Command.RunAsync(
            "rlvr", "--model", Path.GetRelativePath(here, Model), "--problems", Path.GetRelativePath(here, Problems), "--out", killed, "--resume");
        code.Should().Be(0, error);
        foreach (var file in new[] { "model/model.safetensors", "rollouts.jsonl", "evaluations.jsonl" })
        {
            File.ReadAllBytes(Path.Combine(killed, file)).Should().Equal(File.ReadAllBytes(Path.Combine(whole, file)), file);
        }

        RunFolder.ReadMetrics(killed).Where(line => line.Values.ContainsKey("rlvr.reward")).Select(line => line.Step)
            .Should().Equal(Enumerable.Range(1, 14).Select(step => (long)step));
        File.ReadAllBytes(Path.Combine(whole, "model/model.safetensors")).Should().NotEqual(File.ReadAllBytes(Path.Combine(Model, "model.safetensors")));

        var shown = await Ra3Command.RunAsync("rollouts", whole, "--problem", "q/", "--limit", "3");
        shown.Code.Should().Be(0, shown.Error);
        shown.Output.Should().Contain("3 of ").And.Contain("Question: What is").And.NotContain("\e");
        var none = await Ra3Command.RunAsync("rollouts", Model);
        (none.Code, none.Error).Should().Be((1, $"ra3: {Model} holds no rollouts.jsonl: give the folder of an RLVR run.\n"));
    }

    [Fact]
    public async Task A_dry_run_says_what_is_wrong_with_the_problems_and_how_they_are_judged()
    {
        var problems = Path.Combine(folder, "unanswerable.jsonl");
        await File.WriteAllLinesAsync(
            problems,
            [
                """{"id": "a", "prompt": "Question: What is 1 + 1?\nAnswer:", "answer": ""}""",
                """{"id": "b", "prompt": "Question: Where is the Louvre?\nAnswer:", "answer": "Paris"}""",
                """{"id": "c", "prompt": "Question: Where?\nAnswer:", "answer": "here", "stop": ["e"]}""",
            ],
            TestContext.Current.CancellationToken);
        var (code, _, error) = await Ra3Command.RunAsync("rlvr", "--model", Model, "--problems", problems, "--dry-run");
        code.Should().Be(1);
        error.Split('\n')[..^1].Should().HaveCount(2).And.SatisfyRespectively(
            line => line.Should().StartWith($"ra3: {problems}, line 1: the answer is one that the checker can never match"),
            line => line.Should().StartWith($"{problems}, line 3: no completion can hold the answer"));

        (code, var output, error) = await Ra3Command.RunAsync([.. Start, "--dry-run"]);
        code.Should().Be(0, error);
        output.Should().Contain("tests: 0; the final answer: 20");
    }

    [Fact]
    public async Task Programs_are_judged_and_shown_with_their_verdicts()
    {
        var problems = Path.Combine(folder, "programs.jsonl");
        await File.WriteAllLinesAsync(problems, Enumerable.Range(0, 4).Select(i =>
            $$"""{"id": "one/{{i}}", "prompt": "def one():\n    return 1 #", "entry_point": "one", "tests": "assert one() == 1", "stop": ["\n"]}"""), TestContext.Current.CancellationToken);
        var run = Path.Combine(folder, "programs");
        var (code, _, error) = await Ra3Command.RunAsync(
            "rlvr", "--model", Model, "--problems", problems, "--recipe", RecipeFile, "--set", "grpo.steps=2", "--set", "problems.heldOutShare=0", "--out", run);
        if (error.Contains("cannot be confined", StringComparison.Ordinal))
        {
            Assert.Skip(error);
        }

        code.Should().Be(0, error);
        var shown = await Ra3Command.RunAsync("rollouts", run, "--step", "1", "--verdict", "passed", "--limit", "0", "--json");
        var lines = JsonDocument.Parse(shown.Output).RootElement.EnumerateArray().ToList();
        lines.Should().NotBeEmpty().And.OnlyContain(line => line.GetProperty("reward").GetDouble() == 1);
    }

    [Fact]
    public async Task A_dry_run_refuses_tests_that_can_judge_nobody()
    {
        var problems = Path.Combine(folder, "faulty.jsonl");
        await File.WriteAllTextAsync(problems, """
            {"id": "one", "prompt": "def one():\n", "entry_point": "one", "tests": "assert one() == 1"}
            {"id": "two", "prompt": "def two():\n", "entry_point": "two", "tests": "def check(candidate):\n    pass"}
            """, TestContext.Current.CancellationToken);

        var (code, _, error) = await Ra3Command.RunAsync("rlvr", "--model", Model, "--problems", problems, "--dry-run");

        if (error.Contains("cannot be confined", StringComparison.Ordinal))
        {
            Assert.Skip(error);
        }

        (code, error).Should().Be((1, $"ra3: {problems}, line 2: the tests of 'two': nothing calls two.\n"));
    }

    [Fact]
    public async Task A_dry_run_prints_the_plan_and_writes_nothing()
    {
        var (code, output, error) = await Ra3Command.RunAsync([.. Start, "--dry-run", "--json"]);
        code.Should().Be(0, error);
        var plan = JsonDocument.Parse(output).RootElement;
        plan.GetProperty("samples").GetInt64().Should().Be(14 * 4 * 4);
        plan.GetProperty("problems").GetInt32().Should().Be(16);
        plan.GetProperty("heldOutProblems").GetInt32().Should().Be(4);
        plan.GetProperty("seconds").EnumerateObject().Should().HaveCount(2);
    }

    [Theory]
    [InlineData("--problems FILE --set grpo.groupSize=1", "grpo.groupSize: must be at least 2")]
    [InlineData("--problems FILE --set grpo.maxNewTokens=4000", "lower maxNewTokens")]
    [InlineData("--problems nowhere.jsonl", "There is no file")]
    [InlineData("--problems mbpp --set problems.data=nowhere", "ra3 data get mbpp")]
    public async Task What_is_wrong_is_one_sentence(string options, string expected)
    {
        string[] start = ["rlvr", "--model", Model, "--recipe", RecipeFile, "--out", Path.Combine(folder, "wrong")];
        var (code, _, error) = await Ra3Command.RunAsync([.. start, .. options.Split(' ').Select(word => word == "FILE" ? Problems : word)]);
        code.Should().Be(1);
        error.Should().Contain(expected).And.NotContain("defect");
    }

    /// <summary>Kills a run some time after it has logged so many more lines; does nothing to one that ends before.</summary>
    private static async Task KillAsync(string run, int lines, TimeSpan delay, string[] arguments)
    {
        var stop = TestContext.Current.CancellationToken;
        var log = Path.Combine(run, "rollouts.jsonl");
        using var process = Ra3Command.Start(new Dictionary<string, string>(), arguments);
        var ending = Ra3Command.EndAsync(process);
        var first = -1L;
        while (!ending.IsCompleted)
        {
            // A resumed run first cuts its log back to the checkpoint; each step writes some kilobytes.
            var length = File.Exists(log) ? new FileInfo(log).Length : 0;
            first = first < 0 || length < first ? length : first;
            if (length - first > lines * 2000L)
            {
                break;
            }

            await Task.Delay(5, stop);
        }

        await Task.WhenAny(ending, Task.Delay(delay, stop));
        if (!ending.IsCompleted)
        {
            using var kill = Process.Start("kill", ["-KILL", $"{process.Id}"]);
            await kill.WaitForExitAsync(stop);
        }

        await ending;
    }
}
