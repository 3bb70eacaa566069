using System.Diagnostics;
using System.Text.Json;
using Ra3.Corpora;
using Ra3.Models;
using Ra3.Models.Files;
using Ra3.Models.Tokenizers;
using Ra3.Training;
using static TorchSharp.torch;

namespace Ra3.MidTraining;

/// <summary>A phase of a round.</summary>
public enum MidTrainingPhase
{
    /// <summary>Latents are learnt, in iterations.</summary>
    EStep,

    /// <summary>Latents are interleaved; its steps are tokens of the source.</summary>
    Bootstrap,

    /// <summary>Next-token prediction, in steps.</summary>
    MStep,
}

/// <summary>What happens during mid-training, for logs and progress lines.</summary>
public interface IMidTrainingObserver
{
    /// <summary>Before a phase: its steps in all, and those that an earlier sitting did.</summary>
    void Begin(int round, MidTrainingPhase phase, long total, long done);

    /// <summary>After an iteration of the E-step.</summary>
    void EStep(int round, long iteration, EStepMetrics metrics);

    /// <summary>While latents are interleaved: source tokens done of all.</summary>
    void Bootstrap(int round, long tokens, long total);

    /// <summary>After a step of the M-step; the decoder may be evaluated, not changed.</summary>
    void MStep(int round, NextTokenMetrics metrics, Decoder decoder);
}

/// <summary>Time and tokens of one round.</summary>
/// <param name="EStepSeconds">Spent finding latents.</param>
/// <param name="BootstrapSeconds">Spent interleaving them.</param>
/// <param name="MStepSeconds">Spent on next-token prediction.</param>
/// <param name="EStepTokens">Tokens of the E-step's trees.</param>
/// <param name="MStepTokens">Tokens trained on.</param>
/// <param name="Latents">What the bootstrapped corpus holds.</param>
public sealed record RoundSummary(
    double EStepSeconds, double BootstrapSeconds, double MStepSeconds, long EStepTokens, long MStepTokens, LatentCounts Latents);

/// <summary>
/// The EM loop (S). Each phase leaves its result in the run's folder (round-N/e-step, round-N/bootstrap.tokens with
/// latents.json, round-N/m-step), so running again with the same arguments goes on where it stopped, bit for bit. Latents are
/// interleaved into the documents that the M-step reads: all of the corpus where it reads an epoch or more.
/// Documents of <c>replay</c> join the M-step as they are: text of the kind the model was pre-trained on, against forgetting.
/// </summary>
public sealed class MidTrainer(
    string modelFolder, TokenStore corpus, MidTrainingOptions options, ScalarType computeType, Device device, long seed, string folder,
    TokenStore? replay = null)
{
    private SnippetIndex? snippets;

    /// <summary>Runs every round that is not yet done.</summary>
    /// <param name="observer">Told what happens.</param>
    /// <param name="stop">Stops at the next safe point.</param>
    /// <returns>A summary of each round; the last round's m-step folder holds the model.</returns>
    /// <exception cref="OperationCanceledException">Stopped; running again goes on.</exception>
    public IReadOnlyList<RoundSummary> Run(IMidTrainingObserver observer, CancellationToken stop)
    {
        var summaries = new List<RoundSummary>();
        for (var round = 1; round <= options.Rounds; round++)
        {
            var summaryPath = Path.Combine(RoundFolder(round), "summary.json");
            if (!File.Exists(summaryPath))
            {
                var summary = RunRound(round, observer, stop);
                AtomicWrite.File(summaryPath, stream => JsonSerializer.Serialize(stream, summary, JsonOptions));
            }

            summaries.Add(JsonSerializer.Deserialize<RoundSummary>(File.ReadAllText(summaryPath), JsonOptions)!);
        }

        return summaries;
    }

    /// <summary>Where the model after a round lies; round 0 is the model mid-training starts from.</summary>
    public string ModelAfter(int round) => round == 0 ? modelFolder : Path.Combine(RoundFolder(round), "m-step");

    /// <summary>Where the E-step's q of a round lies.</summary>
    public string PolicyOf(int round) => Path.Combine(RoundFolder(round), "e-step");

    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private static long SeedOf(long seed, int round) => seed + (1_000_003L * (round - 1));

    private string RoundFolder(int round) => Path.Combine(folder, $"round-{round}");

    private SnippetIndex Snippets(CancellationToken stop) => snippets ??= new SnippetIndex(corpus, options.Latents.SnippetTokens, stop);

    private RoundSummary RunRound(int round, IMidTrainingObserver observer, CancellationToken stop)
    {
        Directory.CreateDirectory(RoundFolder(round));
        var (tokenizer, eStep) = (Tokenizer.Load(ModelAfter(round - 1)), new TrainingState(0, 0, 0));
        if (options.LearnsThoughts)
        {
            eStep = RunEStep(round, observer, stop);
        }

        var (data, bootstrap) = BootstrapCorpus(round, eStep.Step, tokenizer, observer, stop);
        try
        {
            var mStep = RunMStep(round, eStep, data, tokenizer, observer, stop);
            return new RoundSummary(
                eStep.Seconds, bootstrap.Seconds, mStep.Seconds, eStep.Tokens, mStep.Tokens, bootstrap.Latents);
        }
        finally
        {
            if (!ReferenceEquals(data, corpus))
            {
                data.Dispose();
            }
        }
    }

    private TrainingState RunMStep(
        int round, TrainingState eStep, TokenStore data, Tokenizer tokenizer, IMidTrainingObserver observer, CancellationToken stop)
    {
        var target = ModelAfter(round);
        var before = Checkpoint.Exists(target) ? Checkpoint.ReadState(target) : new TrainingState(0, 0, 0);
        observer.Begin(round, MidTrainingPhase.MStep, options.MStep.Steps, before.Step);
        if (Checkpoint.Exists(target) && before.Step >= options.MStep.Steps)
        {
            return before;
        }

        var start = options.MStepStart == MStepStart.Q && eStep.Step > 0 ? PolicyOf(round) : ModelAfter(round - 1);
        var (decoder, _) = ModelFolder.Load(start, computeType, device, trainable: true);
        using (decoder)
        {
            var windows = new PackedWindows(data, tokenizer, options.MStep.WindowTokens, (ulong)SeedOf(seed, round));
            return NextTokenTrainer.Run(
                decoder, tokenizer, windows, options.MStep, target, metrics => observer.MStep(round, metrics, decoder), stop);
        }
    }

    private TrainingState RunEStep(int round, IMidTrainingObserver observer, CancellationToken stop)
    {
        var target = PolicyOf(round);
        if (Checkpoint.Exists(target) && Checkpoint.ReadState(target) is var before && before.Step >= options.EStep.Iterations)
        {
            observer.Begin(round, MidTrainingPhase.EStep, options.EStep.Iterations, before.Step);
            return before;
        }

        var (policy, tokenizer) = ModelFolder.Load(ModelAfter(round - 1), computeType, device, trainable: true);
        var (scorer, _) = ModelFolder.Load(ModelAfter(round - 1), computeType, device, trainable: false);
        using (policy)
        using (scorer)
        using (var format = new LatentFormat(tokenizer, policy.Config.VocabularySize, device))
        using (var eStep = new EStep(policy, scorer, format, options.Latents, options.EStep, SeedOf(seed, round)))
        {
            var state = Checkpoint.Exists(target) ? Checkpoint.Load(target, policy, eStep.Optimizer) : new TrainingState(0, 0, 0);
            var index = Snippets(stop);
            var order = new ShuffledOrder((ulong)SeedOf(seed, round), index.Learnable);
            var saved = state.Step;
            observer.Begin(round, MidTrainingPhase.EStep, options.EStep.Iterations, state.Step);
            try
            {
                while (state.Step < options.EStep.Iterations)
                {
                    stop.ThrowIfCancellationRequested();
                    var clock = Stopwatch.StartNew();
                    var first = state.Step * options.EStep.Snippets;
                    var metrics = eStep.Iterate(
                        state.Step, [.. Enumerable.Range(0, options.EStep.Snippets).Select(i => index.LearnableAt((int)order.At(first + i)))], stop);
                    state = new TrainingState(
                        state.Step + 1, state.Tokens + metrics.TreeTokens, state.Seconds + clock.Elapsed.TotalSeconds)
                    { Updates = eStep.Optimizer.Steps };
                    observer.EStep(round, state.Step, metrics);
                    if (options.EStepCheckpointEvery > 0 && state.Step % options.EStepCheckpointEvery == 0)
                    {
                        Save();
                    }
                }
            }
            catch (OperationCanceledException)
            {
                Save();
                throw;
            }

            Save();
            return state;

            void Save()
            {
                if (saved != state.Step)
                {
                    Checkpoint.Save(target, policy, tokenizer, eStep.Optimizer, state);
                    saved = state.Step;
                }
            }
        }
    }

    /// <summary>What the M-step reads, with latents; the corpus itself where nothing ever thinks.</summary>
    private (TokenStore Data, BootstrapState State) BootstrapCorpus(
        int round, long iterations, Tokenizer tokenizer, IMidTrainingObserver observer, CancellationToken stop)
    {
        var path = Path.Combine(RoundFolder(round), "bootstrap.tokens");
        if (!options.Thinks)
        {
            var plain = replay is null ? corpus : TokenStore.Build(path, Documents(corpus, stop).Concat(Documents(replay, stop)), tokenizer);
            return (plain, new BootstrapState("", 0, LatentCounts.None, 0));
        }

        var statePath = Path.Combine(RoundFolder(round), "latents.json");
        var key = BootstrapKey(iterations);
        var read = PackedWindows.DocumentsFor(
            (long)options.MStep.Steps * options.MStep.BatchRows, options.MStep.WindowTokens, (ulong)SeedOf(seed, round),
            replay is null ? [corpus] : [corpus, replay]);
        int[] documents = [.. read.Where(document => document < corpus.Count)];
        if (File.Exists(path) && BootstrapRun.Read(statePath) is { } before && before.Key == key && before.Documents >= documents.Length)
        {
            return (TokenStore.Open(path, tokenizer), before);
        }

        using var bootstrap = new BootstrapRun(
            Path.Combine(RoundFolder(round), "bootstrap"), key, Snippets(stop), options.Latents.SnippetTokens, corpus, documents, tokenizer);
        observer.Begin(round, MidTrainingPhase.Bootstrap, bootstrap.TotalTokens, bootstrap.DoneTokens);
        if (!bootstrap.IsSampled)
        {
            var (model, _) = ModelFolder.Load(iterations > 0 ? PolicyOf(round) : ModelAfter(round - 1), computeType, device, trainable: false);
            using (model)
            using (var format = new LatentFormat(tokenizer, model.Config.VocabularySize, device))
            {
                bootstrap.Sample(
                    (some, finished, progress) => Thoughts(round, model, format, some, finished, progress, stop),
                    tokens => observer.Bootstrap(round, tokens, bootstrap.TotalTokens));
            }
        }

        return bootstrap.Join(
            path, statePath, read.Where(document => document >= corpus.Count).Order().Select(document => replay![document - corpus.Count]), stop);
    }

    private void Thoughts(
        int round, Decoder q, LatentFormat format, IEnumerable<(long Number, Snippet Snippet)> some, Action<long, Trajectory> finished,
        Action<long> progress, CancellationToken stop)
    {
        var selects = options.EStep.Kind is EStepKind.BestOfGroup or EStepKind.RlBestOfGroup;
        var scorer = selects || options.Keep == ThoughtFilter.Gaining
            ? ModelFolder.Load(ModelAfter(round - 1), computeType, device, trainable: false).Decoder
            : null;
        using var frozen = scorer;
        if (selects)
        {
            new BestOfGroup(q, scorer!, format, options.Latents, options.EStep, SeedOf(seed, round)).SelectEach(some, finished, progress, stop);
            return;
        }

        new LatentSampler(q, format, options.Latents).SampleWhole(
            some, number => new SeededRandom(SeedOf(seed, round), "bootstrap", number),
            (number, drawn) => finished(number, scorer is null ? drawn : ThoughtGains.Keep(scorer, format, drawn, options.EStep)), progress, stop);
    }

    /// <summary>What thoughts depend on beside corpus and seed; how many are decoded side by side is not part of it.</summary>
    private string BootstrapKey(long iterations) => JsonSerializer.Serialize(
        new { Iterations = iterations, Latents = options.Latents with { BatchSize = 1 }, options.EStep, options.Keep }, JsonOptions);

    private static IEnumerable<EncodedDocument> Documents(TokenStore store, CancellationToken stop) =>
        Enumerable.Range(0, store.Count).Select(i =>
        {
            stop.ThrowIfCancellationRequested();
            return store[i];
        });
}
