using System.ComponentModel.DataAnnotations;
using Ra3.MidTraining;
using Ra3.Models;
using Ra3.PostTraining;
using Ra3.PostTraining.Tasks;
using Ra3.Training;

namespace Ra3.Cli.Quickstart;

/// <summary>
/// How much of everything a seed does: steps, not minutes, so that a run says the same on every machine. Counts are about what ten minutes held
/// on the machine of the older runs; the E-step's settings were chosen on the tune split (both in docs/experiments.md).
/// </summary>
internal sealed record QuickstartPlan
{
    public const int WindowTokens = 256;
    public const int BatchRows = 8;
    public const int StepTokens = WindowTokens * BatchRows;

    /// <summary>The tasks: small enough to be learnt in minutes.</summary>
    public static TaskOptions Tasks { get; } = new() { MinSteps = 1, MaxSteps = 3, OperationsPerKind = 8 };

    /// <summary>Thoughts at this scale.</summary>
    public static LatentOptions Latents { get; } = new() { MaxTokens = 20, SnippetTokens = WindowTokens, BatchSize = 128 };

    /// <summary>Steps of pre-training; the shipped base had as many as are the default.</summary>
    [Range(1, int.MaxValue)]
    public int PretrainSteps { get; init; } = 3600;

    /// <summary>Peak learning rate of pre-training.</summary>
    public double PretrainRate { get; init; } = 3e-3;

    /// <summary>Programs documented in jargon that mid-training learns from, and as many replayed ones in English.</summary>
    [Range(10, 10_000)]
    public int MidTrainPrograms { get; init; } = 600;

    /// <summary>Steps of NTP mid-training, and of RA3's M-steps together.</summary>
    [Range(1, int.MaxValue)]
    public int MidTrainSteps { get; init; } = 540;

    /// <summary>Peak learning rate of mid-training by either method.</summary>
    public double MidTrainRate { get; init; } = 1e-3;

    /// <summary>RA3's E-step: a higher rate than for pretrained models, and some exploration. Above 2e-4 thinking dies out before the
    /// thoughts become good.</summary>
    public EStepOptions EStep { get; init; } = new()
    {
        Iterations = 180,
        Snippets = 8,
        PlacesPerSnippet = 4,
        TokenFloor = -6,
        Exploration = 0.2,
        ExplorationSurprise = -0.7,
        ContentBaseline = ContentBaseline.Thoughts,
        Optimizer = new OptimizerOptions { LearningRate = 2e-4, WeightDecay = 0, Decay = DecayShape.Constant, Warmup = 0 },
    };

    /// <summary>Steps of RLVR, for each of the main arms.</summary>
    [Range(0, int.MaxValue)]
    public int RlvrSteps { get; init; } = 32;

    /// <summary>Learning rate of RLVR.</summary>
    public double RlvrRate { get; init; } = 1e-4;

    /// <summary>Held-out snippets of real code measured without thoughts.</summary>
    [Range(1, 100_000)]
    public int HeldOutSnippets { get; init; } = 200;

    /// <summary>Held-out snippets of real code measured with thoughts.</summary>
    [Range(1, 100_000)]
    public int ThinkingSnippets { get; init; } = 32;

    /// <summary>Held-out tasks of each split.</summary>
    [Range(1, 1000)]
    public int TasksPerSplit { get; init; } = 160;

    /// <summary>So much of every step count, corpus and measurement; rates stay.</summary>
    /// <param name="scale">1 changes nothing.</param>
    public QuickstartPlan Scaled(double scale)
    {
        return this with
        {
            PretrainSteps = Times(PretrainSteps, 10),
            MidTrainPrograms = Math.Min(MidTrainPrograms, Times(MidTrainPrograms, 60)),
            MidTrainSteps = Times(MidTrainSteps, 5),
            EStep = EStep with { Iterations = Times(EStep.Iterations, 3) },
            RlvrSteps = RlvrSteps == 0 ? 0 : Times(RlvrSteps, 2),
            HeldOutSnippets = Math.Min(HeldOutSnippets, Times(HeldOutSnippets, 24)),
            ThinkingSnippets = Math.Min(ThinkingSnippets, Times(ThinkingSnippets, 12)),
            TasksPerSplit = Math.Min(TasksPerSplit, Times(TasksPerSplit, 10)),
        };

        int Times(int count, int least) => Math.Max(least, (int)Math.Round(scale * count));
    }

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

    /// <summary>RA3 by this plan.</summary>
    /// <param name="rounds">Of the EM loop, which share iterations and steps.</param>
    public MidTrainingOptions MidTraining(int rounds = 1) => new()
    {
        Rounds = rounds,
        Latents = Latents,
        EStep = EStep with { Iterations = Math.Max(1, EStep.Iterations / rounds) },
        EStepCheckpointEvery = 0,
        MStep = NextToken(Math.Max(1, MidTrainSteps / rounds), MidTrainRate),
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
        Optimizer = new OptimizerOptions { LearningRate = RlvrRate, WeightDecay = 0, Decay = DecayShape.Constant, Warmup = 0 },
    };
}
