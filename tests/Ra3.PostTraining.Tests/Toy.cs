using Ra3.Models;
using Ra3.Models.Tokenizers;
using static TorchSharp.torch;

namespace Ra3.PostTraining.Tests;

/// <summary>A tiny random model and questions about nothing, with rewards that need no sandbox; made anew by each test, equal every time.</summary>
internal sealed class Toy : IDisposable
{
    private static readonly Tokenizer SharedTokenizer = Tokenizer.Train(
        Enumerable.Range(0, 40).Select(i => $"def f{i}(x):\n    # add {i}\n    return x + {i}\n"), 320);

    private readonly List<string> folders = [];

    public Toy(ScalarType type = ScalarType.Float32, int seed = 3)
    {
        Config = new ModelConfig
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
        };
        Policy = Decoder.Create(Config, seed, type, CPU);
        Problems = [.. Enumerable.Range(0, 12).Select(i => new AnswerProblem($"toy/{i}", $"def f{i}(x):\n    return x", ["\n\n"], $"{i}"))];
    }

    public Tokenizer Tokenizer => SharedTokenizer;

    public ModelConfig Config { get; }

    public Decoder Policy { get; }

    public IReadOnlyList<Problem> Problems { get; }

    public GrpoOptions Options { get; } = new()
    {
        Steps = 4,
        PromptsPerStep = 3,
        GroupSize = 4,
        MaxNewTokens = 12,
        CheckpointEvery = 0,
        EvaluateEvery = 0,
        Optimizer = new Ra3.Training.OptimizerOptions
        {
            LearningRate = 2e-3,
            WeightDecay = 0,
            Warmup = 0,
            Decay = Ra3.Training.DecayShape.Constant,
        },
    };

    public string NewFolder()
    {
        var folder = Directory.CreateTempSubdirectory("ra3-test-").FullName;
        folders.Add(folder);
        return folder;
    }

    public GrpoResult Train(
        GrpoOptions options, IReward reward, string folder, IReadOnlyList<Problem>? test = null, IGrpoObserver? observer = null,
        CancellationToken stop = default, Decoder? policy = null) =>
        GrpoTrainer.Run(policy ?? Policy, null, Tokenizer, Problems, test ?? [], reward, options, 7, folder, observer, stop);

    public Grpo Algorithm(GrpoOptions options, IReward reward, Decoder? policy = null, Decoder? reference = null) => new(
        policy ?? Policy, reference, Tokenizer, new ProblemOrder(Problems, Tokenizer, Config, options.MaxNewTokens, 7), reward, options, 7);

    public void Dispose()
    {
        Policy.Dispose();
        folders.ForEach(folder => Directory.Delete(folder, recursive: true));
    }

    /// <summary>All parameters in one row.</summary>
    public static float[] WeightsOf(Decoder decoder) =>
        [.. decoder.Parameters.OrderBy(p => p.Key, StringComparer.Ordinal).SelectMany(p => p.Value.detach().cpu().data<float>().ToArray())];
}

/// <summary>A reward that is a function of the text.</summary>
internal sealed class TextReward(Func<Problem, string, Score> judge) : IReward
{
    /// <summary>Pays the share of letters "e": a random model has a little of it everywhere.</summary>
    public static TextReward LetterShare { get; } = new((_, text) =>
    {
        var share = text.Length == 0 ? 0 : text.Count(c => c == 'e') / (double)text.Length;
        return new Score(share, share > 0.5 ? "passed" : "failed");
    });

    public Task<Score> ScoreAsync(Problem problem, string completion, CancellationToken stop) => Task.FromResult(judge(problem, completion));
}

/// <summary>Keeps what it hears.</summary>
internal sealed class Listener(Action<long>? onStep = null) : IGrpoObserver
{
    public List<GrpoMetrics> Metrics { get; } = [];

    public Dictionary<long, PassAt1Result> Evaluations { get; } = [];

    public void Stepped(long step, GrpoMetrics metrics)
    {
        Metrics.Add(metrics);
        onStep?.Invoke(step);
    }

    public void Evaluated(long step, PassAt1Result result) => Evaluations[step] = result;
}
