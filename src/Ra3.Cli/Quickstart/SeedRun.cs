using System.Diagnostics;
using Ra3.Cli.Report;
using Ra3.Cli.Training;
using Ra3.Corpora;
using Ra3.MidTraining;
using Ra3.Models;
using Ra3.PostTraining;
using Ra3.Training;
using Spectre.Console;
using static TorchSharp.torch;

namespace Ra3.Cli.Quickstart;

/// <summary>
/// The main job for one seed, top to bottom: pre-train a base; from it, mid-train by NTP and by RA3 on the same data for the
/// same number of updates; measure all on held-out code and tasks; post-train each by RLVR with the same steps.
/// </summary>
internal sealed class SeedRun(
    double minutes, long seed, bool controls, QuickstartPlan? planned, string folder, StageLog log, IReward? reward, IAnsiConsole console,
    CancellationToken stop)
{
    private const double PretrainRate = 3e-3;
    private const double MidTrainRate = 1e-3;
    private const int CurvePoints = 8;
    private const int CurveSnippets = 24;
    private static readonly string[] MainArms = ["base", "ntp", "ra3"];

    private readonly Device device = Compute.Device;
    private readonly ScalarType type = Compute.Type(Precision.Auto, Compute.Device);
    private readonly SeedState state = SeedState.Load(folder);
    private QuickstartData data = null!;
    private LatentFormat format = null!;
    private IReadOnlyList<Snippet> curveSnippets = [];

    private Dictionary<string, ArmResult> Arms => state.Arms;

    private QuickstartPlan Plan
    {
        get => state.Plan!;
        set
        {
            state.Plan = value;
            Save(state.Stopped);
        }
    }

    public SeedResult Run()
    {
        Directory.CreateDirectory(In("data"));
        data = Timed("data", () => QuickstartData.Load(seed));
        console.WriteLine($"Data: {data.Description}.");
        var tokenizer = data.Tokenizer;
        var config = QuickstartPlan.Model(tokenizer.VocabularySize, tokenizer.EndOfText!.Value);
        using var tokenFormat = format = new LatentFormat(tokenizer, config.VocabularySize, device);
        console.WriteLine($"Model: Llama family, {config.ParameterCount() / 1e6:0.0} M parameters, {(type == ScalarType.BFloat16 ? "bf16" : "fp32")} on {device}.");
        curveSnippets = data.HeldOutSnippets(CurveSnippets);

        Plan = state.Plan ?? planned ?? QuickstartPlan.ForPretraining(minutes, Timed("calibration", () => SecondsPerStep(config)));
        console.WriteLine($"Plan: {Plan.PretrainSteps} pre-training steps of {QuickstartPlan.StepTokens} tokens.");
        Pretrain(config);
        MidTrain();
        var problems = data.Problems(Plan.TasksPerSplit, training: 1000);
        PostTrain(problems);
        var heldOut = data.HeldOutSnippets(Plan.HeldOutSnippets);
        var walks = Timed("evaluation", () => Evaluate(problems, heldOut));
        return new SeedResult
        {
            Plan = Plan,
            Arms = Arms.ToDictionary(arm => arm.Key, arm => arm.Value.Summary(problems, NtpFinal())),
            Ra3MinusNtp = Differences(problems, heldOut),
            EStep = state.EStep,
            Curves = state.Curves,
            RlvrCurves = Arms.Values.Where(arm => arm.Rlvr is not null).ToDictionary(
                arm => arm.Name, arm => arm.Rlvr!.Evaluations.Select(evaluation => ((double)evaluation.Key, evaluation.Value.Rate)).ToList()),
            Walks = walks,
            Examples = reward is null ? [] : Examples(problems),
            Timing = state.Timing,
            DataDescription = data.Description,
        };
    }

    private void Pretrain(ModelConfig config) => Arm("base", "base", () =>
    {
        using var corpus = data.Pretraining(In("data"), (long)Plan.PretrainSteps * QuickstartPlan.StepTokens);
        using var decoder = Decoder.Create(config, seed, type, device);
        return Train("base", "base", decoder, corpus, QuickstartPlan.NextToken(Plan.PretrainSteps, PretrainRate));
    });

    /// <summary>Every mid-training arm, from the base.</summary>
    private void MidTrain()
    {
        using var corpus = data.MidTraining(In("data"), Plan.MidTrainPrograms);
        using var replay = data.Replay(In("data"), Plan.MidTrainPrograms);
        if (Plan.MidTrainSteps == 0)
        {
            Plan = Plan.ForMidTraining(
                minutes, Arms["base"].Seconds / Plan.PretrainSteps, Timed("calibration", () => SecondsPerIteration(corpus)));
        }

        console.WriteLine(
            $"Plan: {Plan.MidTrainSteps} mid-training steps for either method over {corpus.Count + replay.Count} documents "
            + $"({(corpus.TotalTokens + replay.TotalTokens) / 1e6:0.00} M tokens, replay included); {Plan.EStepIterations} E-step iterations for RA3.");
        NextToken("ntp", "NTP", Documents(corpus), replay, Plan.MidTrainSteps);
        var options = Plan.MidTraining(MidTrainRate);
        Ra3("ra3", "RA3", corpus, replay, options);
        if (!controls)
        {
            return;
        }

        NextToken("ntpEqualTime", "NTP, RA3's time", Documents(corpus), replay, (int)(Plan.MidTrainSteps * Arms["ra3"].Seconds / Arms["ntp"].Seconds));
        Ra3("untrained", "untrained latents", corpus, replay, options with { EStep = options.EStep with { Kind = EStepKind.None } });
        using var thought = TokenStore.Open(In("ra3/round-1/bootstrap.tokens"), data.Tokenizer);
        NextToken("shuffled", "shuffled latents", Bootstrap.Shuffle([.. Documents(thought)], seed), replay: null, Plan.MidTrainSteps); // the replay is in it
        using var oracle = data.MidTraining(In("data"), Plan.MidTrainPrograms, oracle: true);
        NextToken("oracle", "oracle comments", Documents(oracle), replay, Plan.MidTrainSteps);
        Ra3("bestOfGroup", "best of 8 thoughts", corpus, replay, options with { EStep = options.EStep with { Kind = EStepKind.BestOfGroup, ExplorationSurprise = 0 } });
        Ra3("ra3GroupBaseline", "RA3, group baseline", corpus, replay, options with { EStep = options.EStep with { ContentBaseline = ContentBaseline.Group } });
        Ra3("ra3Horizon1", "RA3, horizon 1", corpus, replay, options with { EStep = options.EStep with { Horizon = 1 } });
        Ra3("ra3TwoRounds", "RA3, two rounds", corpus, replay, Plan.MidTraining(MidTrainRate, rounds: 2));
        Ra3("ra3LowCost", "RA3, c = 0.01", corpus, replay, options with { EStep = options.EStep with { SwitchCost = 0.01 } });
        Ra3("ra3HighCost", "RA3, c = 0.2", corpus, replay, options with { EStep = options.EStep with { SwitchCost = 0.2 } });
    }

    private void NextToken(string key, string name, IEnumerable<EncodedDocument> documents, TokenStore? replay, int steps) => Arm(key, StageOf(key), () =>
    {
        using var corpus = TokenStore.Build(Path.Combine(In("data"), key + ".tokens"), replay is null ? documents : documents.Concat(Documents(replay)), data.Tokenizer);
        var (decoder, _) = ModelFolder.Load(In("base"), type, device, trainable: true);
        using (decoder)
        {
            return Train(key, name, decoder, corpus, QuickstartPlan.NextToken(steps, MidTrainRate));
        }
    });

    private void Ra3(string key, string name, TokenStore corpus, TokenStore replay, MidTrainingOptions options) => Arm(key, StageOf(key), () =>
    {
        var trainer = new MidTrainer(In("base"), corpus, options, type, device, seed, In(key), replay);
        using var observer = new Ra3Progress(
            key, name, options, log, key == "ra3" ? state.EStep : [], () => Save(stopped: key), (metrics, steps, decoder) => Curve(key, name, metrics, steps, decoder));
        var rounds = trainer.Run(observer, stop);
        using var thought = TokenStore.Open(In($"{key}/round-{rounds.Count}/bootstrap.tokens"), data.Tokenizer);
        return new ArmResult(
            name, Path.GetRelativePath(folder, trainer.ModelAfter(rounds.Count)), rounds.Sum(round => round.MStepTokens),
            rounds.Sum(round => round.EStepSeconds + round.BootstrapSeconds + round.MStepSeconds))
        {
            Thoughts = ThoughtAccuracy.Of(thought, data.Tokenizer, data.Family, Plan.MidTrainPrograms),
        };
    });

    private ArmResult Train(string key, string name, Decoder decoder, TokenStore corpus, NextTokenOptions options)
    {
        var windows = new PackedWindows(corpus, data.Tokenizer, options.WindowTokens, (ulong)seed);
        using var progress = new ProgressLine(name, options.Steps);
        var trained = NextTokenTrainer.Run(
            decoder, data.Tokenizer, windows, options, In(key),
            metrics =>
            {
                log.Log(key, TrainingRun.Named(metrics));
                Curve(key, name, metrics, options.Steps, decoder);
                progress.Report(metrics.Step, metrics.Tokens, ("loss", metrics.Loss));
            },
            stop);
        return new ArmResult(name, key, trained.Tokens, trained.Seconds);
    }

    private void Curve(string key, string name, NextTokenMetrics metrics, int steps, Decoder decoder)
    {
        if (metrics.Step % Math.Max(1, steps / CurvePoints) == 0 || metrics.Step == steps)
        {
            var likelihood = HeldOutEvaluation.Plain(decoder, format, curveSnippets);
            state.Curves.TryAdd(name, []);
            state.Curves[name].Add((metrics.Tokens / 1e6, likelihood.ActionCrossEntropy));
            log.Log(key, ("heldOutCrossEntropy", likelihood.ActionCrossEntropy));
        }
    }

    /// <summary>RLVR from each of the main arms, for as many steps each.</summary>
    private void PostTrain(TaskSplits problems)
    {
        if (reward is null)
        {
            return;
        }

        if (Plan.RlvrSteps == 0)
        {
            Plan = Plan.ForRlvr(minutes, Timed("calibration", () => SecondsPerRlvrStep(problems)));
        }

        console.WriteLine($"Plan: {Plan.RlvrSteps} RLVR steps from each model, 8 problems × 8 completions each.");
        foreach (var key in MainArms)
        {
            var arm = Arms[key];
            Stage(arm.Rlvr is not null, "rlvr-" + key, "rlvr", () =>
            {
                var (policy, tokenizer) = ModelFolder.Load(In(arm.Folder), type, device, trainable: true);
                using (policy)
                using (var progress = new RlvrProgress(key, "RLVR from " + arm.Name, Plan.RlvrSteps, log))
                {
                    arm.Rlvr = GrpoTrainer.Run(
                        policy, null, tokenizer, problems.Training, problems.Jargon, reward, Plan.Rlvr(Plan.RlvrSteps), seed, In("rlvr-" + key),
                        progress, stop);
                }
            });
        }
    }

    private List<CodeWalk> Evaluate(TaskSplits problems, IReadOnlyList<Snippet> heldOut)
    {
        var thinking = data.HeldOutSnippets(Plan.ThinkingSnippets);
        List<CodeWalk> walks = [];
        using var progress = new ProgressLine("evaluate", total: Arms.Count);
        var done = 0;
        foreach (var (key, arm) in Arms)
        {
            stop.ThrowIfCancellationRequested();
            var (decoder, tokenizer) = ModelFolder.Load(In(arm.Folder), type, device, trainable: false);
            using (decoder)
            {
                arm.Likelihood = HeldOutEvaluation.Plain(decoder, format, heldOut, stop);
                arm.ThinkingBaseline = HeldOutEvaluation.Plain(decoder, format, thinking, stop);
                (arm.Thinking, arm.Latents, var trajectories) =
                    HeldOutEvaluation.Thinking(decoder, format, QuickstartPlan.Latents, thinking, seed, stop);
                if (reward is not null)
                {
                    var bound = Plan.Rlvr(1).MaxNewTokens;
                    arm.Jargon = arm.Rlvr?.Evaluations[0]
                        ?? PassAt1.Measure(decoder, tokenizer, problems.Jargon, reward, bound, problems.Jargon.Count, stop);
                    arm.Plain = PassAt1.Measure(decoder, tokenizer, problems.Plain, reward, bound, problems.Plain.Count, stop);
                }

                if (key == "ra3")
                {
                    walks = Walk(decoder, trajectories);
                }
            }

            progress.Report(++done);
        }

        return walks;
    }

    /// <summary>The held-out snippets with most thoughts, by the model itself; first of several files.</summary>
    private List<CodeWalk> Walk(Decoder decoder, IReadOnlyList<Trajectory> trajectories) =>
        [.. trajectories.OrderByDescending(trajectory => trajectory.Steps.Count(step => step.Choice == StepChoice.Think))
            .DistinctBy(trajectory => trajectory.Snippet.Document.Id).Take(4)
            .Select(trajectory => TrajectoryWalk.Of(decoder, format, data.Tokenizer, trajectory))];

    private double? NtpFinal() => Arms["ntp"].Rlvr?.Evaluations.Values.Last().Rate;

    private Dictionary<string, Estimate> Differences(TaskSplits problems, IReadOnlyList<Snippet> heldOut)
    {
        var (ra3, ntp) = (Arms["ra3"], Arms["ntp"]);
        var (nats, error) = CodeLikelihood.Compare(ra3.Likelihood!, ntp.Likelihood!, heldOut);
        var differences = new Dictionary<string, Estimate> { ["actionCrossEntropy"] = new(nats, error) };
        if (reward is not null)
        {
            differences["passAt1"] = ArmResult.Paired(ra3.Jargon!, ntp.Jargon!, 0, problems.Jargon.Count);
            differences["passAt1Seen"] = ArmResult.Paired(ra3.Jargon!, ntp.Jargon!, 0, problems.Seen.Count);
            differences["passAt1Never"] = ArmResult.Paired(ra3.Jargon!, ntp.Jargon!, problems.Seen.Count, problems.Never.Count);
            differences["passAt1AfterRlvr"] =
                ArmResult.Paired(ra3.Rlvr!.Evaluations.Values.Last(), ntp.Rlvr!.Evaluations.Values.Last(), 0, problems.Jargon.Count);
        }

        return differences;
    }

    /// <summary>The first tasks of both jargon splits, as each main arm solved them before RLVR: not chosen by outcome.</summary>
    private List<TaskExample> Examples(TaskSplits problems) =>
        [.. Enumerable.Range(0, Math.Min(4, problems.Seen.Count)).Select(i => ("seen", i))
            .Concat(Enumerable.Range(problems.Seen.Count, Math.Min(8, problems.Never.Count)).Select(i => ("never bridged", i)))
            .Select(item => new TaskExample(item.Item1, problems.Jargon[item.Item2].Prompt, MainArms.ToDictionary(
                key => Arms[key].Name, key => (Arms[key].Jargon!.Completions[item.Item2], Arms[key].Jargon!.Passed[item.Item2] == true))))];

    private double SecondsPerStep(ModelConfig config)
    {
        using var corpus = data.Pretraining(In("data"), 40_000);
        using var decoder = Decoder.Create(config, seed, type, device);
        using var optimizer = new AdamW(decoder, new OptimizerOptions());
        var options = QuickstartPlan.NextToken(1, 1e-4);
        var windows = new PackedWindows(corpus, data.Tokenizer, options.WindowTokens, (ulong)seed);
        return SecondsWhenWarm(Enumerable.Range(0, 30), cold: 20, step =>
        {
            NextTokenLoss.Backward(decoder, NextTokenTrainer.Rows(windows, options, step), options.MicroBatchRows, QuickstartPlan.StepTokens);
            optimizer.Step(1e-4);
        });
    }

    private double SecondsPerIteration(TokenStore corpus)
    {
        var options = Plan.MidTraining(MidTrainRate);
        var (policy, _) = ModelFolder.Load(In("base"), type, device, trainable: true);
        var (scorer, _) = ModelFolder.Load(In("base"), type, device, trainable: false);
        using (policy)
        using (scorer)
        using (var step = new EStep(policy, scorer, format, options.Latents, options.EStep with { Iterations = 100 }, seed))
        {
            var snippets = Documents(corpus).SelectMany(document => Snippet.Cut(document, options.Latents.SnippetTokens))
                .Chunk(options.EStep.Snippets).Take(6);
            return SecondsWhenWarm(snippets, cold: 2, some => step.Iterate(0, some, stop));
        }
    }

    /// <summary>Mean time of the work on an item; the first ones find nothing warm and do not count.</summary>
    private double SecondsWhenWarm<T>(IEnumerable<T> items, int cold, Action<T> work)
    {
        var times = new List<double>();
        foreach (var item in items)
        {
            stop.ThrowIfCancellationRequested();
            var watch = Stopwatch.StartNew();
            work(item);
            times.Add(watch.Elapsed.TotalSeconds);
        }

        return times.Skip(cold).Average();
    }

    private double SecondsPerRlvrStep(TaskSplits problems)
    {
        var (policy, tokenizer) = ModelFolder.Load(In(Arms["ntp"].Folder), type, device, trainable: true);
        using (policy)
        {
            var trial = In("rlvr-calibration");
            if (Directory.Exists(trial))
            {
                Directory.Delete(trial, recursive: true); // of a killed run
            }

            var trained = GrpoTrainer.Run(policy, null, tokenizer, problems.Training, [], reward!, Plan.Rlvr(2), seed, trial, stop: stop).State;
            Directory.Delete(trial, recursive: true);
            return trained.Seconds / 2;
        }
    }

    private static IEnumerable<EncodedDocument> Documents(TokenStore store) => Enumerable.Range(0, store.Count).Select(i => store[i]);

    private string In(string name) => Path.Combine(folder, name);

    private static string StageOf(string key) => key is "ntp" or "ra3" ? key : "controls";

    /// <summary>Writes what is done.</summary>
    /// <param name="stopped">A stage that can go on from what is in its folder.</param>
    private void Save(string? stopped = null)
    {
        (state.LogStep, state.Stopped) = (log.Step, stopped);
        state.Save(folder);
    }

    /// <summary>An arm's own training, unless it is done.</summary>
    private void Arm(string key, string stage, Func<ArmResult> work) => Stage(Arms.ContainsKey(key), key, stage, () => Arms[key] = work());

    /// <summary>Work that leaves its result in a folder, unless it is done. What a killed attempt left is removed, a stopped one goes on.</summary>
    private void Stage(bool isDone, string name, string stage, Action work)
    {
        if (isDone)
        {
            return;
        }

        if (state.Stopped != name && Directory.Exists(In(name)))
        {
            Directory.Delete(In(name), recursive: true);
        }

        try
        {
            Timed(stage, () =>
            {
                work();
                return true;
            });
            Save();
        }
        catch (OperationCanceledException)
        {
            Save(stopped: name);
            throw;
        }
    }

    private T Timed<T>(string name, Func<T> work)
    {
        stop.ThrowIfCancellationRequested();
        var watch = Stopwatch.StartNew();
        try
        {
            return work();
        }
        finally
        {
            state.Timing[name] = state.Timing.GetValueOrDefault(name) + watch.Elapsed.TotalSeconds;
        }
    }
}
