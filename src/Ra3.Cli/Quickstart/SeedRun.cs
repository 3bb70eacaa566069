using System.Diagnostics;
using Ra3.Cli.Report;
using Ra3.Cli.Training;
using Ra3.Corpora;
using Ra3.MidTraining;
using Ra3.Models;
using Ra3.Models.Files;
using Ra3.Models.Tokenizers;
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
    QuickstartRequest request, long seed, string folder, StageLog log, IReward? reward, IAnsiConsole console, CancellationToken stop)
{
    private const int CurvePoints = 8;
    private const int CurveSnippets = 24;

    private readonly Device device = Compute.Device;
    private readonly ScalarType type = Compute.Type(Precision.Auto, Compute.Device);
    private readonly SeedState state = SeedState.Load(folder);
    private readonly StageTimes times = StageTimes.Of(request, judges: reward is not null);
    private QuickstartData data = null!;
    private LatentFormat format = null!;
    private IReadOnlyList<Snippet> curveSnippets = [];

    private Dictionary<string, ArmResult> Arms => state.Arms;

    private QuickstartPlan Plan => request.Plan;

    public SeedResult Run()
    {
        Directory.CreateDirectory(In("data"));
        data = Timed("data", LoadData);
        data.RealCode.Print(console, "Real code");
        console.WriteLine($"Data: {data.Description}.");
        var tokenizer = data.Tokenizer;
        var config = QuickstartPlan.Model(tokenizer.VocabularySize, tokenizer.EndOfText!.Value);
        using var tokenFormat = format = new LatentFormat(tokenizer, config.VocabularySize, device);
        console.WriteLine($"Model: Llama family, {config.ParameterCount() / 1e6:0.0} M parameters, {(type == ScalarType.BFloat16 ? "bf16" : "fp32")} on {device}.");
        curveSnippets = data.HeldOutSnippets(CurveSnippets);
        console.WriteLine(
            $"Plan: {(request.UsesShippedBase ? "the shipped base" : $"{Plan.PretrainSteps} pre-training steps")}; {Plan.MidTrainSteps} mid-training steps for "
            + $"either method, after {Plan.EStep.Iterations} E-step iterations for RA3; {Plan.RlvrSteps} RLVR steps from each. Steps of {QuickstartPlan.StepTokens} tokens.");
        times.Measured(Timed("calibration", () => SecondsPerStep(config)));

        Arm(QuickstartArm.Of("base"), () => Pretrain(config));
        MidTrain();
        var problems = data.Problems(request.Split, Plan.TasksPerSplit, training: 1000);
        PostTrain(problems);
        var heldOut = data.HeldOutSnippets(Plan.HeldOutSnippets);
        SayTimeLeft("evaluation");
        var walks = Timed("evaluation", () => Evaluate(problems, heldOut));
        return new SeedResult
        {
            Arms = Arms.ToDictionary(arm => arm.Key, arm => arm.Value.Summary(problems, NtpFinal())),
            Ra3MinusNtp = Differences(problems, heldOut),
            EStep = state.EStep,
            Curves = state.Curves,
            RlvrCurves = Arms.Values.Where(arm => arm.Rlvr is not null).ToDictionary(
                arm => arm.Name, arm => arm.Rlvr!.Evaluations.Select(evaluation => ((double)evaluation.Key, new Estimate(evaluation.Value.Rate, evaluation.Value.StandardError))).ToList()),
            Walks = walks,
            Examples = reward is null ? [] : Examples(problems),
            Timing = state.Timing,
            DataDescription = data.Description,
        };
    }

    /// <summary>Corpora and tasks; with the shipped base its tokenizer, else one trained on them.</summary>
    private QuickstartData LoadData()
    {
        if (!request.UsesShippedBase)
        {
            return QuickstartData.Load(seed, tokenizer: null, In("data"), stop);
        }

        ShippedBase.CopyTo(In("data/shipped-base"));
        return QuickstartData.Load(seed, Tokenizer.Load(In("data/shipped-base")), In("data"), stop);
    }

    private ArmResult Pretrain(ModelConfig config)
    {
        if (request.UsesShippedBase)
        {
            return new ArmResult("base", "data/shipped-base", (long)ShippedBase.Steps * QuickstartPlan.StepTokens, seconds: 0);
        }

        using var corpus = data.Pretraining(In("data"), (long)Plan.PretrainSteps * QuickstartPlan.StepTokens);
        using var decoder = Decoder.Create(config, seed, type, device);
        return Train(QuickstartArm.Of("base"), decoder, corpus, QuickstartPlan.NextToken(Plan.PretrainSteps, Plan.PretrainRate));
    }

    /// <summary>Every mid-training arm, from the base.</summary>
    private void MidTrain()
    {
        using var corpus = data.MidTraining(In("data"), Plan.MidTrainPrograms);
        using var replay = data.Replay(In("data"), Plan.MidTrainPrograms);
        console.WriteLine(
            $"Mid-training: {corpus.Count + replay.Count} documents ({(corpus.TotalTokens + replay.TotalTokens) / 1e6:0.00} M tokens, replay included).");
        foreach (var arm in request.Arms.Where(arm => arm.Source != ArmSource.None))
        {
            Arm(arm, () => arm.Source switch
            {
                ArmSource.Corpus => NextToken(arm, Documents(corpus), replay, Plan.MidTrainSteps),
                ArmSource.EqualTime => NextToken(
                    arm, Documents(corpus), replay, (int)(Plan.MidTrainSteps * Arms["ra3"].Seconds / Arms["ntp"].Seconds)),
                ArmSource.Shuffled => Shuffled(arm),
                ArmSource.Oracle => Oracle(arm, replay),
                _ => Ra3(arm, corpus, replay),
            });
        }
    }

    private ArmResult Shuffled(QuickstartArm arm)
    {
        using var thought = TokenStore.Open(In("ra3/round-1/bootstrap.tokens"), data.Tokenizer);
        return NextToken(arm, Bootstrap.Shuffle([.. Documents(thought)], seed), replay: null, Plan.MidTrainSteps); // the replay is in it
    }

    private ArmResult Oracle(QuickstartArm arm, TokenStore replay)
    {
        using var oracle = data.MidTraining(In("data"), Plan.MidTrainPrograms, oracle: true);
        return NextToken(arm, Documents(oracle), replay, Plan.MidTrainSteps);
    }

    private ArmResult NextToken(QuickstartArm arm, IEnumerable<EncodedDocument> documents, TokenStore? replay, int steps)
    {
        using var corpus = TokenStore.Build(
            Path.Combine(In("data"), arm.Key + ".tokens"), replay is null ? documents : documents.Concat(Documents(replay)), data.Tokenizer);
        var (decoder, _) = ModelFolder.Load(BaseFolder, type, device, trainable: true);
        using (decoder)
        {
            return Train(arm, decoder, corpus, QuickstartPlan.NextToken(steps, Plan.MidTrainRate));
        }
    }

    private ArmResult Ra3(QuickstartArm arm, TokenStore corpus, TokenStore replay)
    {
        var shared = Plan.MidTraining(arm.Rounds);
        var options = arm.Change?.Invoke(shared) ?? shared;
        var trainer = new MidTrainer(BaseFolder, corpus, options, type, device, seed, In(arm.Key), replay);
        if (arm.SharesEStep && !AtomicWrite.FolderExists(trainer.PolicyOf(1)))
        {
            AtomicWrite.Folder(trainer.PolicyOf(1), copy =>
            {
                foreach (var file in Directory.EnumerateFiles(In("ra3/round-1/e-step")))
                {
                    File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
                }
            });
        }

        using var observer = new Ra3Progress(
            arm.Key, arm.Name, options, log, arm.Key == "ra3" ? state.EStep : [], () => Save(stopped: arm.Key),
            (metrics, steps, decoder) => Curve(arm.Key, arm.Name, metrics, steps, decoder));
        var rounds = trainer.Run(observer, stop);
        using var thought = TokenStore.Open(In($"{arm.Key}/round-{rounds.Count}/bootstrap.tokens"), data.Tokenizer);
        return new ArmResult(
            arm.Name, Path.GetRelativePath(folder, trainer.ModelAfter(rounds.Count)), rounds.Sum(round => round.MStepTokens),
            rounds.Sum(round => round.EStepSeconds + round.BootstrapSeconds + round.MStepSeconds))
        {
            Thoughts = ThoughtAccuracy.Of(thought, data.Tokenizer, data.Family, Plan.MidTrainPrograms),
        };
    }

    private ArmResult Train(QuickstartArm arm, Decoder decoder, TokenStore corpus, NextTokenOptions options)
    {
        var windows = new PackedWindows(corpus, data.Tokenizer, options.WindowTokens, (ulong)seed);
        using var progress = new ProgressLine(arm.Name, options.Steps);
        var trained = NextTokenTrainer.Run(
            decoder, data.Tokenizer, windows, options, In(arm.Key),
            metrics =>
            {
                log.Log(arm.Key, TrainingRun.Named(metrics));
                Curve(arm.Key, arm.Name, metrics, options.Steps, decoder);
                progress.Report(metrics.Step, metrics.Tokens, ("loss", metrics.Loss));
            },
            stop);
        return new ArmResult(arm.Name, arm.Key, trained.Tokens, trained.Seconds);
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
        if (reward is null || Plan.RlvrSteps == 0)
        {
            return;
        }

        foreach (var key in request.Arms.Where(arm => arm.IsMain).Select(arm => arm.Key))
        {
            var arm = Arms[key];
            Stage(arm.Rlvr is not null, "rlvr-" + key, () =>
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
        }

        if (ra3.Rlvr is not null && ntp.Rlvr is not null)
        {
            differences["passAt1AfterRlvr"] =
                ArmResult.Paired(ra3.Rlvr.Evaluations.Values.Last(), ntp.Rlvr.Evaluations.Values.Last(), 0, problems.Jargon.Count);
        }

        return differences;
    }

    /// <summary>The first tasks of both jargon splits, as each main arm solved them before RLVR: not chosen by outcome.</summary>
    private List<TaskExample> Examples(TaskSplits problems) =>
        [.. Enumerable.Range(0, Math.Min(4, problems.Seen.Count)).Select(i => ("seen", i))
            .Concat(Enumerable.Range(problems.Seen.Count, Math.Min(8, problems.Never.Count)).Select(i => ("never bridged", i)))
            .Select(item => new TaskExample(item.Item1, problems.Jargon[item.Item2].Prompt, request.Arms.Where(arm => arm.IsMain).Select(arm => arm.Key).ToDictionary(
                key => Arms[key].Name, key => (Arms[key].Jargon!.Completions[item.Item2], Arms[key].Jargon!.Passed[item.Item2] == true))))];

    private double SecondsPerStep(ModelConfig config)
    {
        using var corpus = data.Pretraining(In("data"), 40_000);
        using var decoder = Decoder.Create(config, seed, type, device);
        using var optimizer = new AdamW(decoder, new OptimizerOptions());
        var options = QuickstartPlan.NextToken(1, 1e-4);
        var windows = new PackedWindows(corpus, data.Tokenizer, options.WindowTokens, (ulong)seed);
        return SecondsWhenWarm(Enumerable.Range(0, 24), cold: 16, step =>
        {
            NextTokenLoss.Backward(decoder, NextTokenTrainer.Rows(windows, options, step), options.MicroBatchRows, QuickstartPlan.StepTokens);
            optimizer.Step(1e-4);
        });
    }

    /// <summary>Mean time of the work on an item; the first ones find nothing warm and do not count.</summary>
    private double SecondsWhenWarm<T>(IEnumerable<T> items, int cold, Action<T> work)
    {
        var measured = new List<double>();
        foreach (var item in items)
        {
            stop.ThrowIfCancellationRequested();
            var watch = Stopwatch.StartNew();
            work(item);
            measured.Add(watch.Elapsed.TotalSeconds);
        }

        return measured.Skip(cold).Average();
    }

    private static IEnumerable<EncodedDocument> Documents(TokenStore store) => Enumerable.Range(0, store.Count).Select(i => store[i]);

    private string In(string name) => Path.Combine(folder, name);

    private string BaseFolder => In(Arms["base"].Folder);

    /// <summary>Writes what is done.</summary>
    /// <param name="stopped">A stage that can go on from what is in its folder.</param>
    private void Save(string? stopped = null)
    {
        (state.LogStep, state.Stopped) = (log.Step, stopped);
        state.Save(folder);
    }

    /// <summary>An arm's own training, unless it is done.</summary>
    private void Arm(QuickstartArm arm, Func<ArmResult> work) => Stage(Arms.ContainsKey(arm.Key), arm.Key, () => Arms[arm.Key] = work());

    /// <summary>Work that leaves its result in a folder, unless it is done. What a killed attempt left is removed, a stopped one goes on.</summary>
    private void Stage(bool isDone, string name, Action work)
    {
        if (isDone)
        {
            return;
        }

        SayTimeLeft(name);
        if (state.Stopped != name && Directory.Exists(In(name)))
        {
            Directory.Delete(In(name), recursive: true);
        }

        try
        {
            Timed(name, () =>
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

    /// <summary>What is left of the whole run, as far as the finished stages tell.</summary>
    private void SayTimeLeft(string next)
    {
        var done = state.Timing.Where(stage => stage.Key.StartsWith("rlvr-", StringComparison.Ordinal)
            ? Arms[stage.Key["rlvr-".Length..]].Rlvr is not null
            : Arms.ContainsKey(stage.Key)).ToDictionary();
        console.WriteLine($"{next}: about {ProgressLine.Duration(TimeSpan.FromSeconds(times.Left(done)))} left in all.");
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
