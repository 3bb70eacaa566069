using System.Runtime.CompilerServices;
using Ra3.Benchmarks;
using Ra3.Models;
using Ra3.Models.Generation;
using Ra3.Models.Tokenizers;
using static TorchSharp.torch;
using Generator = Ra3.Models.Generation.Generator;

namespace Ra3.Tests;

public sealed class AuthorTests : IDisposable
{
    private static readonly Tokenizer Tokenizer = Tokenizer.Train(
        Enumerable.Range(0, 40).Select(i => $"def f{i}(x):\n    # add {i}\n    return x + {i}\n"), 320);

    private static readonly AuthorOptions Options = new(Temperature: 0.8, TopP: 0.95, MaxTokens: 12, Seed: 5);

    // Problems of two kinds, each with its own stops, and one that models are not asked.
    private static readonly Benchmark Benchmark = new("tiny",
        [.. Enumerable.Range(0, 6).Select(i => new Problem(
            $"X/{i}", $"def f{i}(x):\n" + string.Concat(Enumerable.Repeat("    # x\n", i)), i % 2 == 0 ? ["\ndef"] : ["e"], "", null, null!) { IsAsked = i != 1 })],
        []);

    private readonly Decoder decoder = Decoder.Create(
        new ModelConfig
        {
            Family = ModelFamily.Llama,
            VocabularySize = Tokenizer.VocabularySize,
            HiddenSize = 32,
            IntermediateSize = 64,
            Layers = 2,
            Heads = 2,
            KeyValueHeads = 2,
            HeadSize = 16,
            MaxPositions = 128,
            InitializerRange = 0.15,
            EosTokenIds = [Tokenizer.EndOfText!.Value],
        },
        3, ScalarType.Float32, CPU);

    public void Dispose() => decoder.Dispose();

    /// <summary>Tiny tensors gain nothing from several threads.</summary>
    [ModuleInitializer]
    internal static void OneThread() => set_num_threads(1);

    [Fact]
    public async Task Samples_depend_on_neither_the_batch_nor_what_is_done()
    {
        var whole = await WriteAsync(samples: 3, batch: 64, []);
        whole.Should().HaveCount(15);
        whole.Select(sample => (sample.TaskId, sample.Index)).Should().OnlyHaveUniqueItems();
        whole.Select(sample => sample.TaskId).Should().NotContain("X/1");
        whole.Where(sample => sample.TaskId == "X/4").Select(sample => sample.Program).Should().OnlyHaveUniqueItems("each index draws for itself");

        (await WriteAsync(samples: 3, batch: 1, [])).Should().BeEquivalentTo(whole);
        (await WriteAsync(samples: 3, batch: 4, [("X/0", 0), ("X/3", 2), ("X/5", 1)])).Should().BeEquivalentTo(
            whole.Where(sample => (sample.TaskId, sample.Index) is not (("X/0", 0) or ("X/3", 2) or ("X/5", 1))));
        (await WriteAsync(samples: 1, batch: 5, [])).Should().BeEquivalentTo(whole.Where(sample => sample.Index == 0));
    }

    /// <summary>What earlier versions drew, one problem after the other, from a seed of its own.</summary>
    [Fact]
    public async Task Samples_are_those_of_each_problem_by_itself()
    {
        var whole = await WriteAsync(samples: 3, batch: 16, []);
        foreach (var (problem, place) in Benchmark.Problems.Where(p => p.IsAsked).Select((p, i) => (p, i)))
        {
            var options = new GenerationOptions
            {
                Sampling = new SamplingOptions { Temperature = 0.8, TopP = 0.95 },
                MaxNewTokens = 12,
                Stop = problem.Stops,
                Seed = 5 + (1_000_003L * place),
            };
            var prompt = new PromptEncoder(Tokenizer).Encode(problem.Prompt);
            foreach (var completion in Generator.Generate(
                decoder, Tokenizer, [prompt, prompt, prompt], options, TestContext.Current.CancellationToken))
            {
                whole.Should().Contain(new Sample(problem.Id, completion.Index, problem.ProgramOf(completion.Text)));
            }
        }
    }

    [Fact]
    public async Task A_prompt_that_does_not_fit_is_counted_and_never_cut()
    {
        var lengths = Benchmark.Problems.Where(p => p.IsAsked).Select(p => new PromptEncoder(Tokenizer).Encode(p.Prompt).Length).ToList();
        // The longest prompt fills the positions; the longest but one leaves a token or more, but not twelve.
        using var small = Decoder.Create(decoder.Config with { MaxPositions = lengths.Max() }, 3, ScalarType.Float32, CPU);

        var fit = Author.Fit(Tokenizer, small.Config, Benchmark, Options.MaxTokens);
        fit.Should().Be(new PromptFit(1, lengths.Count(length => length > small.Config.MaxPositions - 12) - 1));
        fit.LittleRoom.Should().BePositive();
        var samples = await Author.WriteAsync(small, Tokenizer, Benchmark, 2, Options, 16, new HashSet<(string, int)>())
            .ToListAsync(TestContext.Current.CancellationToken);
        samples.Should().HaveCount(10);
        var unanswered = Benchmark.Problems[^1];
        samples.Where(sample => sample.TaskId == unanswered.Id).Select(sample => sample.Program).Should().Equal(unanswered.ProgramOf(""), unanswered.ProgramOf(""));
    }

    private async Task<List<Sample>> WriteAsync(int samples, int batch, HashSet<(string, int)> done) =>
        await Author.WriteAsync(decoder, Tokenizer, Benchmark, samples, Options, batch, done).ToListAsync(TestContext.Current.CancellationToken);
}
