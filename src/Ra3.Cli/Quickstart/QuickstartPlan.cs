using Ra3.MidTraining;
using Ra3.Models;
using Ra3.Training;

namespace Ra3.Cli.Quickstart;

/// <summary>
/// What fits into the minutes given. Shares of the time are fixed; how many steps they hold is measured on the machine
/// before each stage, so the plan belongs to the result and is written into summary.json.
/// </summary>
internal sealed record QuickstartPlan
{
    public const int WindowTokens = 256;
    public const int BatchRows = 16;
    public const int StepTokens = WindowTokens * BatchRows;
    private const double PretrainShare = 0.40;
    private const double MidTrainShare = 0.10;
    private const double EStepShare = 0.12;

    /// <summary>Steps of pre-training.</summary>
    public required int PretrainSteps { get; init; }

    /// <summary>Steps of NTP mid-training, and of RA3's M-steps together.</summary>
    public int MidTrainSteps { get; init; }

    /// <summary>Iterations of the E-step.</summary>
    public int EStepIterations { get; init; }

    /// <summary>Held-out snippets measured without latents.</summary>
    public required int HeldOutSnippets { get; init; }

    /// <summary>Held-out snippets measured with latents.</summary>
    public required int ThinkingSnippets { get; init; }

    public static QuickstartPlan ForPretraining(double minutes, double secondsPerStep) => new()
    {
        PretrainSteps = Math.Max(10, (int)(minutes * 60 * PretrainShare / secondsPerStep)),
        HeldOutSnippets = Math.Clamp((int)(40 * minutes), 24, 400),
        ThinkingSnippets = Math.Clamp((int)(6 * minutes), 16, 128),
    };

    public QuickstartPlan ForMidTraining(double minutes, double secondsPerStep, double secondsPerIteration) => this with
    {
        MidTrainSteps = Math.Max(5, (int)(minutes * 60 * MidTrainShare / secondsPerStep)),
        EStepIterations = Math.Max(3, (int)(minutes * 60 * EStepShare / secondsPerIteration)),
    };

    /// <summary>The model: a small Llama, of a size that learns something in minutes on two cores.</summary>
    public static ModelConfig Model(int vocabulary, int endOfText) => new()
    {
        Family = ModelFamily.Llama,
        VocabularySize = vocabulary,
        HiddenSize = 256,
        IntermediateSize = 704,
        Layers = 4,
        Heads = 4,
        KeyValueHeads = 2,
        HeadSize = 64,
        TieEmbeddings = true,
        MaxPositions = 1024,
        InitializerRange = 0.02,
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

    /// <summary>RA3 at this scale: a higher rate than for pretrained models, gentle negative advantages, some exploration.</summary>
    public MidTrainingOptions MidTraining(double learningRate) => new()
    {
        Rounds = 1,
        Latents = new LatentOptions { MaxTokens = 24, SnippetTokens = WindowTokens, BatchSize = 128 },
        EStep = new EStepOptions
        {
            Iterations = EStepIterations,
            Snippets = 8,
            PlacesPerSnippet = 8,
            TokenFloor = -6,
            NegativeContentWeight = 0.1,
            Exploration = 0.2,
            ExplorationSurprise = -0.7,
            Optimizer = new OptimizerOptions { LearningRate = 1e-4, WeightDecay = 0, Decay = DecayShape.Constant, Warmup = 0 },
        },
        EStepCheckpointEvery = 0,
        MStep = NextToken(MidTrainSteps, learningRate),
    };
}
