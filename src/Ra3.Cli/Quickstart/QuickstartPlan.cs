using System.Text.Json;
using Ra3.MidTraining;
using Ra3.Models;
using Ra3.PostTraining;
using Ra3.PostTraining.Tasks;
using Ra3.Training;

namespace Ra3.Cli.Quickstart;

/// <summary>
/// What fits into the minutes given, for one seed. Shares of the time are fixed; how many steps they hold is measured on the
/// machine before each stage, so the plan belongs to the result and is written into summary.json.
/// </summary>
internal sealed record QuickstartPlan
{
    public const int WindowTokens = 256;
    public const int BatchRows = 8;
    public const int StepTokens = WindowTokens * BatchRows;
    private const double PretrainShare = 0.38;
    private const double MidTrainShare = 0.06;
    private const double EStepShare = 0.14;
    private const double RlvrShare = 0.06; // of each of the arms

    /// <summary>The tasks: small enough to be learnt in minutes.</summary>
    public static TaskOptions Tasks { get; } = new() { MinSteps = 1, MaxSteps = 3, OperationsPerKind = 8 };

    /// <summary>Latents at this scale.</summary>
    public static LatentOptions Latents { get; } = new() { MaxTokens = 20, SnippetTokens = WindowTokens, BatchSize = 128 };

    /// <summary>Steps of pre-training.</summary>
    public required int PretrainSteps { get; init; }

    /// <summary>Programs documented in jargon that mid-training learns from, and as many replayed ones in English.</summary>
    public required int MidTrainPrograms { get; init; }

    /// <summary>Steps of NTP mid-training, and of RA3's M-steps together; 0 until it is measured what fits.</summary>
    public int MidTrainSteps { get; init; }

    /// <summary>Iterations of the E-step.</summary>
    public int EStepIterations { get; init; }

    /// <summary>Steps of RLVR, for each arm; 0 until it is measured what fits.</summary>
    public int RlvrSteps { get; init; }

    /// <summary>Held-out snippets of real code measured without latents.</summary>
    public required int HeldOutSnippets { get; init; }

    /// <summary>Held-out snippets of real code measured with latents.</summary>
    public required int ThinkingSnippets { get; init; }

    /// <summary>Held-out tasks of each split.</summary>
    public required int TasksPerSplit { get; init; }

    /// <summary>The plan of an earlier run.</summary>
    /// <param name="summary">Its summary.json.</param>
    /// <exception cref="InvalidDataException">There is none in it.</exception>
    public static QuickstartPlan Read(string summary)
    {
        try
        {
            var plan = JsonDocument.Parse(File.ReadAllText(summary)).RootElement.GetProperty("plan").Deserialize<QuickstartPlan>(Terminal.JsonOptions);
            if (plan is { PretrainSteps: > 0, MidTrainPrograms: > 0, MidTrainSteps: > 0, EStepIterations: > 0, RlvrSteps: >= 0, HeldOutSnippets: > 0, ThinkingSnippets: > 0, TasksPerSplit: > 0 })
            {
                return plan;
            }
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            // Said below.
        }

        throw new InvalidDataException($"{summary} holds no plan of a quickstart run; give the summary.json that `ra3 quickstart` wrote.");
    }

    public static QuickstartPlan ForPretraining(double minutes, double secondsPerStep) => new()
    {
        PretrainSteps = Math.Max(10, (int)(minutes * 60 * PretrainShare / secondsPerStep)),
        HeldOutSnippets = Math.Clamp((int)(20 * minutes), 24, 400),
        ThinkingSnippets = Math.Clamp((int)(3 * minutes), 12, 128),
        MidTrainPrograms = Math.Clamp((int)(60 * minutes), 60, 600),
        TasksPerSplit = Math.Clamp((int)(8 * minutes), 10, 160),
    };

    public QuickstartPlan ForMidTraining(double minutes, double secondsPerStep, double secondsPerIteration) => this with
    {
        MidTrainSteps = Math.Max(5, (int)(minutes * 60 * MidTrainShare / secondsPerStep)),
        EStepIterations = Math.Max(3, (int)(minutes * 60 * EStepShare / secondsPerIteration)),
    };

    public QuickstartPlan ForRlvr(double minutes, double secondsPerStep) => this with
    {
        RlvrSteps = Math.Max(2, (int)(minutes * 60 * RlvrShare / secondsPerStep)),
    };

    /// <summary>The model: a small Llama, of a size that learns the tasks in minutes on two cores.</summary>
    public static ModelConfig Model(int vocabulary, int endOfText) => new()
    {
        Family = ModelFamily.Llama,
        VocabularySize = vocabulary,
        HiddenSize = 128,
        IntermediateSize = 384,
        Layers = 4,
        Heads = 4,
        KeyValueHeads = 4,
        HeadSize = 32,
        TieEmbeddings = true,
        MaxPositions = 1024,
        InitializerRange = 0.08,
        EosTokenIds = [endOfText],
    };

    /// <summary>Next-token training of a stage.</summary>
    public static NextTokenOptions NextToken(int steps, double learningRate) => new()
    {
        Steps = steps,
        BatchRows = BatchRows,
        MicroBatchRows = BatchRows,
        WindowTokens = WindowTokens,
        CheckpointEvery = 0,
        Optimizer = new OptimizerOptions { LearningRate = learningRate },
    };

    /// <summary>RA3 at this scale: a higher rate than for pretrained models, and some exploration. Above 2e-4 thinking dies out before the
    /// thoughts become good (docs/experiments.md).</summary>
    /// <param name="learningRate">Of the M-step.</param>
    /// <param name="rounds">Of the EM loop, which share iterations and steps.</param>
    public MidTrainingOptions MidTraining(double learningRate, int rounds = 1) => new()
    {
        Rounds = rounds,
        Latents = Latents,
        EStep = new EStepOptions
        {
            Iterations = EStepIterations / rounds,
            Snippets = 8,
            PlacesPerSnippet = 4,
            TokenFloor = -6,
            Exploration = 0.2,
            ExplorationSurprise = -0.7,
            ContentBaseline = ContentBaseline.Thoughts,
            Optimizer = new OptimizerOptions { LearningRate = 2e-4, WeightDecay = 0, Decay = DecayShape.Constant, Warmup = 0 },
        },
        EStepCheckpointEvery = 0,
        MStep = NextToken(MidTrainSteps / rounds, learningRate),
    };

    /// <summary>RLVR at this scale; synchronous, so that a run is the same every time.</summary>
    public GrpoOptions Rlvr(int steps) => new()
    {
        Steps = steps,
        PromptsPerStep = 8,
        GroupSize = 8,
        MaxNewTokens = 96,
        EvaluateEvery = Math.Max(1, steps >= 20 ? (steps + 3) / 4 : (steps + 1) / 2), // an evaluation costs as much as several steps
        CheckpointEvery = 0,
        Optimizer = new OptimizerOptions { LearningRate = 1e-4, WeightDecay = 0, Decay = DecayShape.Constant, Warmup = 0 },
    };
}
