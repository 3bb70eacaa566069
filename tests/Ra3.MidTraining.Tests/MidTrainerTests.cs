using Ra3.Corpora;
using Ra3.Models;
using Ra3.Training;
using static TorchSharp.torch;

namespace Ra3.MidTraining.Tests;

public sealed class MidTrainerTests
{
    private static readonly MidTrainingOptions Options = new()
    {
        Rounds = 2,
        Latents = new LatentOptions { MaxTokens = 6, SnippetTokens = 100 },
        EStep = new EStepOptions
        {
            Iterations = 3,
            Snippets = 3,
            PlacesPerSnippet = 4,
            GroupSize = 3,
            Horizon = 2,
            Exploration = 0.3,
            Optimizer = new OptimizerOptions { LearningRate = 1e-3, WeightDecay = 0, Warmup = 0, Decay = DecayShape.Constant },
        },
        EStepCheckpointEvery = 1,
        MStep = new NextTokenOptions { Steps = 5, BatchRows = 2, MicroBatchRows = 2, WindowTokens = 64, CheckpointEvery = 2 },
    };

    [Fact]
    public void An_infinite_cost_gives_the_weights_of_next_token_prediction_exactly()
    {
        using var fixture = new Fixture();
        using var store = fixture.Store();
        var model = SaveModel(fixture);
        var options = Options with { Rounds = 1, EStep = Options.EStep with { SwitchCost = double.PositiveInfinity } };
        var trainer = Trainer(model, store, options, fixture.NewFolder());
        trainer.Run(new Silent(), CancellationToken.None);

        var (decoder, _) = ModelFolder.Load(model, ScalarType.Float32, CPU, trainable: true);
        using var owned = decoder;
        var windows = new PackedWindows(store, fixture.Format.EndOfText, options.MStep.WindowTokens, 5);
        var ntp = Path.Combine(fixture.NewFolder(), "ntp");
        NextTokenTrainer.Run(decoder, fixture.Tokenizer, windows, options.MStep, ntp);
        Weights(trainer.ModelAfter(1)).Should().Equal(Weights(ntp));
    }

    [Fact]
    public void Replayed_documents_join_the_m_step_as_they_are()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts();
        using var store = fixture.Store();
        using var replay = TokenStore.Build(Path.Combine(fixture.NewFolder(), "replay.tokens"), [new SourceDocument("again.py", "replayed = 1\n")], fixture.Tokenizer);
        var folder = fixture.NewFolder();
        new MidTrainer(SaveModel(fixture), store, Options with { Rounds = 1 }, ScalarType.Float32, CPU, 5, folder, replay).Run(new Silent(), CancellationToken.None);

        using var data = TokenStore.Open(Path.Combine(folder, "round-1", "bootstrap.tokens"), fixture.Tokenizer);
        data.Count.Should().Be(store.Count + 1);
        fixture.Tokenizer.Decode(data.TokensOf(store.Count)).Should().Be("replayed = 1\n");
    }

    [Fact]
    public void Shuffled_thoughts_are_the_same_thoughts_at_the_same_places_of_the_same_source()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts(3, 2);
        var documents = Bootstrap.Interleave(
            fixture.Documents.Select(document => DocumentEncoder.Encode(document, fixture.Tokenizer)), 120,
            (some, first) => new LatentSampler(fixture.Decoder, fixture.Format, Options.Latents with { MaxTokens = 24 })
                .SampleWhole(some, i => new SeededRandom(1, "test", first + i)), _ => { }).ToList();
        var shuffled = Bootstrap.Shuffle(documents, 4);

        Thoughts(documents).Should().HaveCountGreaterThan(10, "else the test would say nothing");
        Thoughts(shuffled).Should().BeEquivalentTo(Thoughts(documents)).And.NotEqual(Thoughts(documents));
        for (var i = 0; i < documents.Count; i++)
        {
            shuffled[i].Actions.Select(action => action.ByteLength).Should().Equal(documents[i].Actions.Select(action => action.ByteLength));
            Source(shuffled[i]).Should().Equal(Source(documents[i]));
        }

        List<string> Thoughts(IEnumerable<EncodedDocument> all) => [.. all.SelectMany(document => document.Actions
            .Where(action => action.ByteLength == 0).Select(action => fixture.Tokenizer.Decode(document.Tokens[(action.Start + action.Opener.Length)..action.End])))];
        static IEnumerable<int> Source(EncodedDocument document) =>
            document.Actions.Where(action => action.ByteLength > 0).SelectMany(action => document.Tokens[action.Start..action.End]);
    }

    [Fact]
    public void Trajectories_that_never_think_give_the_corpus_back_token_for_token()
    {
        using var fixture = new Fixture();
        foreach (var document in fixture.Documents.Select(document => DocumentEncoder.Encode(document, fixture.Tokenizer)))
        {
            var silent = Snippet.Cut(document, 100).Select(snippet => new Trajectory(
                snippet, 0, 1, [],
                [.. Enumerable.Range(0, snippet.Actions.Length).Select(line => new LatentStep(line, StepChoice.Act, 1, 0, [], 0, 0, []))], []));
            var joined = Bootstrap.Join(document, silent);
            joined.Tokens.Should().Equal(document.Tokens);
            joined.Actions.Should().Equal(document.Actions);
        }
    }

    /// <summary>Stops before every observable event in turn, each time in a new run that is then resumed to its end.</summary>
    [Fact]
    public void A_run_stopped_anywhere_and_resumed_ends_with_the_same_weights_bit_for_bit()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts();
        using var store = fixture.Store();
        var model = SaveModel(fixture);
        var whole = Trainer(model, store, Options, fixture.NewFolder());
        var count = new Silent();
        whole.Run(count, CancellationToken.None);
        var expected = Weights(whole.ModelAfter(2));

        for (var stopAt = 1; stopAt < count.Events; stopAt += 5)
        {
            var folder = fixture.NewFolder();
            using var stop = new CancellationTokenSource();
            var first = Trainer(model, store, Options, folder);
            var stopped = () => first.Run(new Silent(stopAt, stop), stop.Token);
            stopped.Should().Throw<OperationCanceledException>($"it was stopped at event {stopAt}");
            var again = Trainer(model, store, Options, folder);
            again.Run(new Silent(), CancellationToken.None);
            Weights(again.ModelAfter(2)).Should().Equal(expected, $"it was stopped at event {stopAt}");
        }
    }

    [Fact]
    public void The_share_of_thoughts_kept_by_best_of_group_never_rises_with_the_cost()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts();
        var shares = new[] { 0.0, 0.02, 0.05, 0.2, 1.0 }.Select(cost =>
        {
            var best = new BestOfGroup(
                fixture.Decoder, fixture.Decoder, fixture.Format, Options.Latents, Options.EStep with { SwitchCost = cost, GroupSize = 4 }, seed: 1);
            return LatentCounts.Of(fixture.Snippets.Take(6).Select((snippet, i) => best.Select(snippet, i))).ThinkShare;
        }).ToList();
        shares.Should().BeInDescendingOrder();
        shares[0].Should().BeGreaterThan(shares[^1]);
    }

    private static MidTrainer Trainer(string model, TokenStore store, MidTrainingOptions options, string folder) =>
        new(model, store, options, ScalarType.Float32, CPU, seed: 5, folder);

    private static string SaveModel(Fixture fixture)
    {
        var folder = Path.Combine(fixture.NewFolder(), "model");
        ModelFolder.Save(folder, fixture.Decoder, fixture.Tokenizer);
        return folder;
    }

    private static byte[] Weights(string folder) => File.ReadAllBytes(Path.Combine(folder, "model.safetensors"));

    /// <summary>Counts events, and may stop the run at one of them.</summary>
    private sealed class Silent(int stopAt = -1, CancellationTokenSource? stop = null) : IMidTrainingObserver
    {
        public int Events { get; private set; }

        public void Begin(int round, MidTrainingPhase phase, long total, long done)
        {
        }

        public void EStep(int round, long iteration, EStepMetrics metrics) => Count();

        public void Bootstrap(int round, long documents, long total) => Count();

        public void MStep(int round, NextTokenMetrics metrics, Decoder decoder) => Count();

        private void Count()
        {
            if (++Events == stopAt)
            {
                stop!.Cancel();
            }
        }
    }
}
