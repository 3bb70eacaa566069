using System.Globalization;
using Ra3.Models;
using Ra3.Models.Tokenizers;
using Ra3.PostTraining;
using Spectre.Console;

namespace Ra3.Cli.Training;

/// <summary>What a run would do and need; printed by --dry-run.</summary>
internal sealed record RlvrPlan
{
    /// <summary>What to lower where the memory does not suffice.</summary>
    public const string MemoryKeys = "microBatch, samplingBatch or maxNewTokens";

    private const double PatienceSeconds = 60; // a measurement that takes longer is given up
    private const int MeasuredPrompts = 2;

    public required int Problems { get; init; }

    public required int HeldOutProblems { get; init; }

    /// <summary>Of both, those that are judged by tests; the others are questions with an answer.</summary>
    public required int Programs { get; init; }

    /// <summary>Problems left out because their prompt leaves no room for a completion.</summary>
    public int TooLong { get; init; }

    public required double PromptTokens { get; init; }

    public required long Parameters { get; init; }

    public required int Steps { get; init; }

    /// <summary>Completions sampled in all, dynamic sampling left out.</summary>
    public required long Samples { get; init; }

    /// <summary>Tokens sampled in all if every completion met its bound.</summary>
    public required long MostTokens { get; init; }

    /// <summary>Passes over the problems.</summary>
    public double Epochs => Samples / (double)SamplesPerProblem / Problems;

    public required int SamplesPerProblem { get; init; }

    /// <summary>Estimated bytes, by what takes them.</summary>
    public required IReadOnlyDictionary<string, long> Memory { get; init; }

    /// <summary>Expected seconds from a short measurement here, judging left out; null where none was made.</summary>
    public IReadOnlyDictionary<string, double>? Seconds { get; init; }

    /// <summary>Why nothing was measured.</summary>
    public string? NotMeasured { get; init; }

    public static RlvrPlan Of(RlvrProblems problems, ModelConfig config, Tokenizer tokenizer, GrpoOptions options, Precision precision)
    {
        var samples = (long)options.Steps * options.PromptsPerStep * options.GroupSize;
        var prompt = PromptLength(problems, tokenizer);
        return new RlvrPlan
        {
            Problems = problems.Train.Count,
            HeldOutProblems = problems.Test.Count,
            Programs = problems.Train.Concat(problems.Test).Count(problem => problem is PythonProblem),
            PromptTokens = prompt,
            Parameters = config.ParameterCount(),
            Steps = options.Steps,
            Samples = samples,
            SamplesPerProblem = options.GroupSize,
            MostTokens = samples * options.MaxNewTokens,
            Memory = MemoryOf(problems, config, tokenizer, options, precision),
        };
    }

    public static Dictionary<string, long> MemoryOf(RlvrProblems problems, ModelConfig config, Tokenizer tokenizer, GrpoOptions options, Precision precision)
    {
        var type = Compute.Type(precision, Compute.Device);
        long length = (long)PromptLength(problems, tokenizer) + options.MaxNewTokens, completions = (long)options.PromptsPerStep * options.GroupSize;
        var memory = MemoryEstimate.Of(config, type, Math.Min(options.MicroBatch, completions) * length, length);
        memory["cache"] = Math.Min(options.SamplingBatch, completions) * length * config.Layers * config.KeyValueHeads * ((2L * config.HeadSize) + 8) * 4;
        var copies = (options.KlCoefficient > 0 ? 1 : 0) + (options.MaxStaleness > 0 ? 1 : 0);
        if (copies > 0)
        {
            memory["other copies"] = copies * config.ParameterCount() * MemoryEstimate.SizeOf(type);
        }

        return memory;
    }

    /// <summary>The plan with expected times: two groups are really sampled, and learnt from at a rate of almost nothing.</summary>
    public RlvrPlan Measured(Func<Decoder> load, Tokenizer tokenizer, RlvrProblems problems, GrpoOptions options, long seed, CancellationToken stop)
    {
        if (!MemoryEstimate.Fits(Memory))
        {
            return this with { NotMeasured = $"the estimated memory exceeds what this machine has; lower {MemoryKeys}" };
        }

        using var decoder = load();
        var folder = Directory.CreateTempSubdirectory("ra3-plan-");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(TimeSpan.FromSeconds(PatienceSeconds));
        try
        {
            var listener = new Listener();
            GrpoTrainer.Run(
                decoder, null, tokenizer, problems.Train, [], new Alternating(),
                options with
                {
                    Steps = 1,
                    PromptsPerStep = MeasuredPrompts,
                    Minibatches = 1,
                    MaxResampling = 0,
                    MaxStaleness = 0,
                    CheckpointEvery = 0,
                    Overlong = OverlongHandling.None,
                    Optimizer = options.Optimizer with { LearningRate = 1e-12 },
                },
                seed, folder.FullName, listener, patience.Token);
            var scale = (double)Steps * options.PromptsPerStep / MeasuredPrompts;
            return this with
            {
                Seconds = new Dictionary<string, double>
                {
                    ["sampling"] = scale * listener.Metrics!.SampleSeconds,
                    ["learning"] = scale * listener.Metrics.UpdateSeconds,
                },
            };
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return this with { NotMeasured = $"{MeasuredPrompts} groups take more than {PatienceSeconds:0} s here" };
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static double PromptLength(RlvrProblems problems, Tokenizer tokenizer) =>
        problems.Train.Take(200).Average(problem => new PromptEncoder(tokenizer).Encode(problem.Prompt, problem.SpecialTokens).Length);

    public void Print(IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Simple).HideHeaders().AddColumns("", "");
        table.AddRow("problems", Invariant($"{Problems:N0}, prompts of {PromptTokens:0} tokens; {HeldOutProblems:N0} held out"));
        table.AddRow("judged by", Invariant(
            $"tests: {Programs:N0}; the final answer: {Problems + HeldOutProblems - Programs:N0}"));
        if (TooLong > 0)
        {
            table.AddRow("left out", Invariant($"{TooLong:N0}, whose prompts leave no room for a completion"));
        }

        table.AddRow("model", Invariant($"{Parameters:N0} parameters"));
        table.AddRow("steps", Invariant($"{Steps:N0}: {Samples:N0} completions, {Epochs:0.##} passes over the problems"));
        table.AddRow("tokens", Invariant($"at most {MostTokens:N0} sampled"));
        table.AddRow("memory", MemoryEstimate.Text(Memory));
        table.AddRow("time", Seconds is { } seconds
            ? $"about {Text(seconds.Values.Sum())} without judging and evaluation, measured here: {string.Join(", ", seconds.Select(part => $"{part.Key} {Text(part.Value)}"))}"
            : $"not measured: {NotMeasured}");
        console.Write(table);

        static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
        static string Text(double seconds) => ProgressLine.Duration(TimeSpan.FromSeconds(seconds));
    }

    /// <summary>Rewards without meaning that always differ within a group.</summary>
    private sealed class Alternating : IReward
    {
        private int count;

        public Task<Score> ScoreAsync(Problem problem, string completion, CancellationToken stop) =>
            Task.FromResult(new Score(Interlocked.Increment(ref count) % 2, "planned"));
    }

    private sealed class Listener : IGrpoObserver
    {
        public GrpoMetrics? Metrics { get; private set; }

        public void Stepped(long step, GrpoMetrics metrics) => Metrics = metrics;

        public void Evaluated(long step, PassAt1Result result)
        {
            // Nothing is held out while planning.
        }
    }
}
