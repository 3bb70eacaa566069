using System.Diagnostics;
using Ra3.Cli.Report;
using Ra3.Cli.Training;
using Ra3.Corpora;
using Ra3.MidTraining;
using Ra3.Models;
using Ra3.Training;
using Ra3.Training.Runs;
using Spectre.Console;
using static TorchSharp.torch;

namespace Ra3.Cli.Quickstart;

/// <summary>
/// The main job, end to end: a small decoder is pre-trained on the standard library; from it, NTP and RA3 mid-train on the
/// same files for the same number of updates; all three are measured on held-out files.
/// </summary>
internal sealed class QuickstartRun(double minutes, long seed, RunFolder run, IAnsiConsole console, CancellationToken stop)
    : IMidTrainingObserver
{
    private const double PretrainRate = 2e-3;
    private const double MidTrainRate = 5e-4;
    private const int CurvePoints = 8;
    private const int CurveSnippets = 24;

    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly Dictionary<string, double> timing = [];
    private readonly List<EStepMetrics> eStep = [];
    private long tick; // metrics.jsonl counts every update of every stage
    private ProgressLine? line;
    private LatentFormat? format;
    private IReadOnlyList<Snippet> curveSnippets = [];
    private QuickstartPlan? plan;

    /// <summary>Held-out cross-entropy on the way, by curve.</summary>
    public Dictionary<string, List<(double X, double Y)>> Curves { get; } = [];

    public IReadOnlyList<EStepMetrics> EStepHistory => eStep;

    public QuickstartData? Data { get; private set; }

    /// <summary>Held-out code as the RA3 model walked through it.</summary>
    public IReadOnlyList<CodeWalk> Walks { get; private set; } = [];

    public QuickstartSummary Run()
    {
        var device = Compute.Device;
        var type = Compute.Type(Precision.Auto, device);
        Data = Timed("data", () => QuickstartData.Load(run.In("data"), seed));
        using var data = Data;
        console.WriteLine($"Data: {data.Description}.");
        var tokenizer = data.Tokenizer;
        var config = QuickstartPlan.Model(tokenizer.VocabularySize, tokenizer.EndOfText!.Value);
        using var tokenFormat = format = new LatentFormat(tokenizer, config.VocabularySize, device);
        console.WriteLine($"Model: Llama family, {config.ParameterCount() / 1e6:0.0} M parameters, {(type == ScalarType.BFloat16 ? "bf16" : "fp32")} on {device}.");
        curveSnippets = data.HeldOutSnippets(CurveSnippets);

        plan = QuickstartPlan.ForPretraining(minutes, Timed("calibration", () => SecondsPerStep(config, data, type, device)));
        console.WriteLine($"Plan: {plan.PretrainSteps} pre-training steps of {QuickstartPlan.StepTokens} tokens.");
        var baseFolder = run.In("base");
        var baseState = Timed("pretrain", () =>
        {
            using var decoder = Decoder.Create(config, seed, type, device);
            var windows = new PackedWindows(data.Pretraining, tokenizer.EndOfText!.Value, QuickstartPlan.WindowTokens, (ulong)seed);
            return Train("pretrain", "base", decoder, windows, QuickstartPlan.NextToken(plan.PretrainSteps, PretrainRate), baseFolder);
        });

        plan = plan.ForMidTraining(
            minutes, baseState.Seconds / baseState.Step, Timed("calibration", () => SecondsPerIteration(baseFolder, data, type, device)));
        var midTokens = (long)plan.MidTrainSteps * QuickstartPlan.StepTokens;
        using var corpus = data.MidTraining(run.In("data"), midTokens, seed);
        console.WriteLine(
            $"Plan: {plan.MidTrainSteps} mid-training steps for either method over {corpus.Count} files "
            + $"({corpus.TotalTokens / 1e6:0.00} M tokens); {plan.EStepIterations} E-step iterations for RA3.");
        var ntpState = Timed("ntp", () =>
        {
            var (decoder, _) = ModelFolder.Load(baseFolder, type, device, trainable: true);
            using (decoder)
            {
                var windows = new PackedWindows(corpus, tokenizer.EndOfText!.Value, QuickstartPlan.WindowTokens, (ulong)seed);
                return Train("ntp", "NTP", decoder, windows, QuickstartPlan.NextToken(plan.MidTrainSteps, MidTrainRate), run.In("ntp"));
            }
        });
        var trainer = new MidTrainer(baseFolder, corpus, plan.MidTraining(MidTrainRate), type, device, seed, run.In("ra3"));
        var rounds = Timed("ra3", () =>
        {
            try
            {
                return trainer.Run(this, stop);
            }
            finally
            {
                line?.Dispose();
            }
        });

        var heldOut = data.HeldOutSnippets(plan.HeldOutSnippets);
        var thinking = data.HeldOutSnippets(plan.ThinkingSnippets);
        var likelihoods = new Dictionary<string, CodeLikelihood>();
        var arms = new Dictionary<string, ArmSummary>();
        Timed("evaluation", () =>
        {
            using var progress = new ProgressLine("evaluate", total: 3);
            var last = rounds[^1];
            var ra3Seconds = rounds.Sum(round => round.EStepSeconds + round.BootstrapSeconds + round.MStepSeconds);
            foreach (var (name, folder, tokens, seconds) in new[]
            {
                ("base", baseFolder, baseState.Tokens, baseState.Seconds), ("ntp", run.In("ntp"), ntpState.Tokens, ntpState.Seconds),
                ("ra3", trainer.ModelAfter(rounds.Count), rounds.Sum(round => round.MStepTokens), ra3Seconds),
            })
            {
                stop.ThrowIfCancellationRequested();
                (arms[name], likelihoods[name]) = Measure(folder, name == "ra3", heldOut, thinking, tokens, seconds, type, device);
                progress.Report(arms.Count);
            }

            return true;
        });
        var (difference, error) = CodeLikelihood.Compare(likelihoods["ra3"], likelihoods["ntp"], heldOut);
        timing["total"] = clock.Elapsed.TotalSeconds;
        return new QuickstartSummary
        {
            Seed = seed,
            Minutes = minutes,
            Arms = arms,
            EStep = Summarize(),
            Timing = timing,
            Ra3MinusNtp = new Difference(difference, error),
            Plan = plan,
        };
    }

    /// <inheritdoc/>
    public void EStep(int round, long iteration, EStepMetrics metrics)
    {
        if (eStep.Count == 0)
        {
            line = new ProgressLine("RA3 E-step", plan!.EStepIterations);
        }

        eStep.Add(metrics);
        run.Log(++tick, metrics.Named());
        line!.Report(iteration, eStep.Sum(m => m.TreeTokens), ("reward", metrics.Reward), ("think", metrics.ThinkShare));
        if (iteration == plan!.EStepIterations)
        {
            line.Dispose();
            line = null;
        }
    }

    /// <inheritdoc/>
    public void Bootstrap(int round, long documents, long total)
    {
        line ??= new ProgressLine("RA3 latents", total);
        line.Report(documents);
        if (documents == total)
        {
            line.Dispose();
            line = null;
        }
    }

    /// <inheritdoc/>
    public void MStep(int round, NextTokenMetrics metrics, Decoder decoder)
    {
        line ??= new ProgressLine("RA3 M-step", plan!.MidTrainSteps);
        Log("mStep", "RA3", metrics, plan!.MidTrainSteps, decoder);
        line.Report(metrics.Step, metrics.Tokens, ("loss", metrics.Loss));
    }

    private TrainingState Train(string stage, string curve, Decoder decoder, PackedWindows windows, NextTokenOptions options, string folder)
    {
        using var progress = new ProgressLine(stage, options.Steps);
        return NextTokenTrainer.Run(
            decoder, Data!.Tokenizer, windows, options, folder,
            metrics =>
            {
                Log(stage, curve, metrics, options.Steps, decoder);
                progress.Report(metrics.Step, metrics.Tokens, ("loss", metrics.Loss));
            },
            stop);
    }

    private void Log(string stage, string curve, NextTokenMetrics metrics, int steps, Decoder decoder)
    {
        TrainingRun.Log(run, ++tick, stage + ".", metrics);
        if (metrics.Step % Math.Max(1, steps / CurvePoints) == 0 || metrics.Step == steps)
        {
            var likelihood = HeldOutEvaluation.Plain(decoder, format!, curveSnippets);
            Curves.TryAdd(curve, []);
            Curves[curve].Add((metrics.Tokens / 1e6, likelihood.ActionCrossEntropy));
            run.Log(tick, ($"{stage}.heldOutCrossEntropy", likelihood.ActionCrossEntropy));
        }
    }

    private (ArmSummary, CodeLikelihood) Measure(
        string folder, bool keepWalks, IReadOnlyList<Snippet> heldOut, IReadOnlyList<Snippet> thinking, long tokens, double seconds,
        ScalarType type, Device device)
    {
        var (decoder, _) = ModelFolder.Load(folder, type, device, trainable: false);
        using (decoder)
        {
            var plain = HeldOutEvaluation.Plain(decoder, format!, heldOut);
            var baseline = HeldOutEvaluation.Plain(decoder, format!, thinking);
            var latents = plan!.MidTraining(MidTrainRate).Latents;
            var (with, counts, trajectories) = HeldOutEvaluation.Thinking(decoder, format!, latents, thinking, seed, stop);
            if (keepWalks)
            {
                Walks = Walk(decoder, trajectories);
            }

            return (new ArmSummary
            {
                ActionCrossEntropy = plain.ActionCrossEntropy,
                BitsPerByte = plain.BitsPerByte,
                ThinkingCrossEntropy = with.ActionCrossEntropy,
                ThinkingBaseline = baseline.ActionCrossEntropy,
                ThinkShare = counts.ThinkShare,
                LinesPerAbstraction = counts.Thoughts > 0 ? counts.LinesPerAbstraction : null,
                MeanLatentTokens = counts.MeanLatentTokens,
                TrainedTokens = tokens,
                Seconds = seconds,
            }, plain);
        }
    }

    /// <summary>The held-out snippets with most thoughts, by the model itself; first of several files.</summary>
    private List<CodeWalk> Walk(Decoder decoder, IReadOnlyList<Trajectory> trajectories) =>
        [.. trajectories.OrderByDescending(trajectory => trajectory.Steps.Count(step => step.Choice == StepChoice.Think))
            .DistinctBy(trajectory => trajectory.Snippet.Document.Id).Take(4)
            .Select(trajectory => TrajectoryWalk.Of(decoder, format!, Data!.Tokenizer, trajectory))];

    private double SecondsPerStep(ModelConfig config, QuickstartData data, ScalarType type, Device device)
    {
        using var decoder = Decoder.Create(config, seed, type, device);
        using var optimizer = new AdamW(decoder, new OptimizerOptions());
        var options = QuickstartPlan.NextToken(1, 1e-4);
        var windows = new PackedWindows(data.Pretraining, data.Tokenizer.EndOfText!.Value, options.WindowTokens, (ulong)seed);
        var times = new List<double>();
        for (var step = 0; step < 4; step++)
        {
            stop.ThrowIfCancellationRequested();
            var watch = Stopwatch.StartNew();
            NextTokenLoss.Backward(decoder, NextTokenTrainer.Rows(windows, options, step), options.MicroBatchRows, QuickstartPlan.StepTokens);
            optimizer.Step(1e-4);
            times.Add(watch.Elapsed.TotalSeconds);
        }

        return times.Skip(1).Average();
    }

    private double SecondsPerIteration(string baseFolder, QuickstartData data, ScalarType type, Device device)
    {
        var options = plan!.MidTraining(MidTrainRate);
        var (policy, _) = ModelFolder.Load(baseFolder, type, device, trainable: true);
        var (scorer, _) = ModelFolder.Load(baseFolder, type, device, trainable: false);
        using (policy)
        using (scorer)
        using (var step = new EStep(policy, scorer, format!, options.Latents, options.EStep with { Iterations = 100 }, seed))
        {
            var snippets = data.HeldOutSnippets(2 * options.EStep.Snippets); // only their speed matters
            step.Iterate(0, [.. snippets.Take(options.EStep.Snippets)]);
            var watch = Stopwatch.StartNew();
            step.Iterate(0, [.. snippets.Skip(options.EStep.Snippets)]);
            return watch.Elapsed.TotalSeconds;
        }
    }

    private EStepSummary Summarize()
    {
        var share = Math.Max(1, eStep.Count / 10);
        var (first, last) = (eStep.Take(share).ToList(), eStep.TakeLast(share).ToList());
        return new EStepSummary(
            eStep.Count, first.Average(m => m.Reward), last.Average(m => m.Reward), first.Average(m => m.ThinkShare),
            last.Average(m => m.ThinkShare), last.Average(m => m.LatentTokens), eStep.Average(m => m.GroupsWithoutSignal),
            eStep.Max(m => m.LogProbMismatch), eStep.Sum(m => m.TreeTokens), eStep.Sum(m => m.GenerateSeconds),
            eStep.Sum(m => m.ScoreSeconds), eStep.Sum(m => m.UpdateSeconds));
    }

    private T Timed<T>(string name, Func<T> work)
    {
        stop.ThrowIfCancellationRequested();
        var watch = Stopwatch.StartNew();
        var result = work();
        timing[name] = timing.GetValueOrDefault(name) + watch.Elapsed.TotalSeconds;
        return result;
    }
}
