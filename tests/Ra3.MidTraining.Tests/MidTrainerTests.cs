using System.ComponentModel.DataAnnotations;
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
        var windows = new PackedWindows(store, fixture.Tokenizer, options.MStep.WindowTokens, 5);
        var ntp = Path.Combine(fixture.NewFolder(), "ntp");
        var state = NextTokenTrainer.Run(decoder, fixture.Tokenizer, windows, options.MStep, ntp);
        state.Should().Be(Checkpoint.ReadState(ntp));
        state.Updates.Should().Be(options.MStep.Steps);
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
        var options = Options with { Rounds = 1, MStep = Options.MStep with { Steps = 30 } }; // of an epoch
        new MidTrainer(SaveModel(fixture), store, options, ScalarType.Float32, CPU, 5, folder, replay).Run(new Silent(), CancellationToken.None);

        using var data = TokenStore.Open(Path.Combine(folder, "round-1", "bootstrap.tokens"), fixture.Tokenizer);
        data.Count.Should().Be(store.Count + 1);
        fixture.Tokenizer.Decode(data.TokensOf(store.Count)).Should().Be("replayed = 1\n");
    }

    [Fact]
    public void Shuffled_thoughts_are_the_same_thoughts_at_the_same_places_of_the_same_source()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts(3, 2);
        var sampler = new LatentSampler(fixture.Decoder, fixture.Format, Options.Latents with { MaxTokens = 24 });
        var documents = fixture.Documents.Select(source => DocumentEncoder.Encode(source, fixture.Tokenizer)).Select((document, i) =>
            Bootstrap.Join(document, sampler.SampleWhole([.. Snippet.Cut(document, 120)], number => new SeededRandom(1, "test", i, number)))).ToList();
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

    /// <summary>Stops at observable events of each phase in turn, each time in a new run that is then resumed to its end.</summary>
    [Theory]
    [InlineData(EStepKind.Rl)]
    [InlineData(EStepKind.RlBestOfGroup)]
    public void A_run_stopped_anywhere_and_resumed_ends_with_the_same_weights_bit_for_bit(EStepKind kind)
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts();
        using var store = fixture.Store();
        var model = SaveModel(fixture);
        var options = Options with { EStep = Options.EStep with { Kind = kind, GroupSize = 2 } };
        var whole = Trainer(model, store, options, fixture.NewFolder());
        var count = new Silent();
        whole.Run(count, CancellationToken.None);
        var expected = Weights(whole.ModelAfter(2));

        foreach (var stopAt in Enumerable.Range(0, 9).Select(i => 1 + (i * (count.Events - 2) / 8)))
        {
            var folder = fixture.NewFolder();
            using var stop = new CancellationTokenSource();
            var first = Trainer(model, store, options, folder);
            var stopped = () => first.Run(new Silent(stopAt, stop), stop.Token);
            stopped.Should().Throw<OperationCanceledException>($"it was stopped at event {stopAt}");
            var again = Trainer(model, store, options, folder);
            again.Run(new Silent(), CancellationToken.None);
            Weights(again.ModelAfter(2)).Should().Equal(expected, $"it was stopped at event {stopAt}");
        }
    }

    [Fact]
    public void A_document_gets_the_same_thoughts_however_the_bootstrap_is_stopped_or_limited()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts(3, 2);
        using var store = fixture.Store();
        var model = SaveModel(fixture);
        var options = Options with { Rounds = 1, EStep = Options.EStep with { Kind = EStepKind.None }, Latents = Options.Latents with { MaxTokens = 24, BatchSize = 3 } };

        // By definition: each document on its own, its random numbers those of its snippets' places in the corpus.
        var expected = new Dictionary<string, int[]>();
        var next = 0;
        var sampler = new LatentSampler(fixture.Decoder, fixture.Format, options.Latents);
        for (var i = 0; i < store.Count; i++)
        {
            var first = next;
            var snippets = Snippet.Cut(store[i], options.Latents.SnippetTokens).ToList();
            expected.Add(store[i].Id, Bootstrap.Join(store[i], sampler.SampleWhole(snippets, number => new SeededRandom(5, "bootstrap", first + number))).Tokens);
            next += snippets.Count;
        }

        expected.Values.Sum(tokens => tokens.Length).Should().BeGreaterThan((int)store.TotalTokens + 100, "else the test would say nothing");
        var epoch = (int)(store.TotalTokens / options.MStep.WindowTokens / options.MStep.BatchRows) + 1;
        Documents(epoch, stopAt: -1).Should().Equal(expected.Keys, "an M-step of a whole epoch reads them all, in their order");
        Documents(epoch, stopAt: 30).Should().HaveCount(store.Count);
        Documents(epoch / 3, stopAt: -1).Should().HaveCountGreaterThan(1).And.HaveCountLessThan(store.Count / 2).And.BeSubsetOf(expected.Keys);
        Documents(epoch / 3, stopAt: 8).Should().HaveCountGreaterThan(1);

        List<string> Documents(int steps, int stopAt)
        {
            var folder = fixture.NewFolder();
            var some = options with { MStep = options.MStep with { Steps = steps } };
            if (stopAt > 0)
            {
                using var stop = new CancellationTokenSource();
                var stopped = () => Trainer(model, store, some, folder).Run(new Silent(stopAt, stop), stop.Token);
                stopped.Should().Throw<OperationCanceledException>();
                File.Exists(Path.Combine(folder, "round-1", "bootstrap.tokens")).Should().BeFalse("it was to be stopped before its end");
            }

            Trainer(model, store, some, folder).Run(new Silent(), CancellationToken.None);
            using var data = TokenStore.Open(Path.Combine(folder, "round-1", "bootstrap.tokens"), fixture.Tokenizer);
            data.TotalTokens.Should().BeGreaterThan((long)steps * options.MStep.BatchRows * options.MStep.WindowTokens, "no row is read twice before the epoch's end");
            Directory.Exists(Path.Combine(folder, "round-1", "bootstrap")).Should().BeFalse("its shards are joined");
            return [.. Enumerable.Range(0, data.Count).Select(i => data[i]).Select(document =>
            {
                document.Tokens.Should().Equal(expected[document.Id]);
                return document.Id;
            })];
        }
    }

    [Fact]
    public void A_stopped_bootstrap_keeps_what_is_finished_and_its_seconds_and_a_torn_shard_is_made_anew()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts();
        using var store = fixture.Store();
        var folder = Path.Combine(fixture.NewFolder(), "bootstrap");
        var index = new SnippetIndex(store, 100);
        int[] documents = [.. Enumerable.Range(0, store.Count).Reverse()];

        using (var first = Run("key"))
        {
            // Snippets of the first five documents finish, out of order, and one of the sixth; then it is stopped.
            var six = Enumerable.Range(0, 6).SelectMany(i => index.Of(documents[i])).ToList();
            var stopped = () => first.Sample(
                (snippets, finished, _) =>
                {
                    var taken = snippets.Take(six.Count).ToList();
                    taken.Select(item => item.Number).Should().Equal(six.Select(item => item.Number));
                    foreach (var (number, snippet) in taken.SkipLast(1).Reverse())
                    {
                        finished(number, Trajectory.Plain(snippet));
                    }

                    throw new OperationCanceledException();
                }, _ => { });
            stopped.Should().Throw<OperationCanceledException>();
        }

        using (var second = Run("key"))
        {
            second.DoneTokens.Should().Be(documents.Take(5).Sum(document => (long)store.TokensOf(document).Length));
            second.IsSampled.Should().BeFalse();
            second.Sample(All, _ => { });
        }

        using (var other = Run("another key"))
        {
            other.DoneTokens.Should().Be(0, "its thoughts are others");
        }

        var shards = Directory.GetFiles(folder, "*.tokens").Order(StringComparer.Ordinal).ToList();
        shards.Should().HaveCount(2);
        using (var file = new FileStream(shards[1], FileMode.Open))
        {
            file.SetLength(file.Length - 8);
        }

        using var third = Run("key");
        third.DoneTokens.Should().Be(documents.Take(5).Sum(document => (long)store.TokensOf(document).Length));
        third.Sample(All, _ => { });
        var before = Directory.GetFiles(folder, "*.json").Sum(path => BootstrapRun.Read(path)!.Seconds);
        var result = Path.Combine(fixture.NewFolder(), "joined.tokens");
        var (data, state) = third.Join(result, result + ".json", []);
        using (data)
        {
            Enumerable.Range(0, data.Count).Select(i => data[i].Id).Should().Equal(Enumerable.Range(0, store.Count).Select(i => store[i].Id));
            data.TotalTokens.Should().Be(store.TotalTokens);
        }

        state.Seconds.Should().BeGreaterThan(before);
        BootstrapRun.Read(result + ".json").Should().Be(state);
        state.Latents.Lines.Should().Be(Enumerable.Range(0, store.Count).Sum(i => store[i].Actions.Length));

        BootstrapRun Run(string key) => new(folder, key, index, 100, store, documents, fixture.Tokenizer);

        static void All(IEnumerable<(long Number, Snippet Snippet)> snippets, Action<long, Trajectory> finished, Action<long> progress)
        {
            foreach (var (number, snippet) in snippets)
            {
                finished(number, Trajectory.Plain(snippet));
            }
        }
    }

    [Fact]
    public void No_weights_are_read_to_learn_that_a_phase_is_done()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts();
        using var store = fixture.Store();
        var folder = fixture.NewFolder();
        var model = SaveModel(fixture);
        var options = Options with { Rounds = 1 };
        var first = Trainer(model, store, options, folder).Run(new Silent(), CancellationToken.None);
        File.Delete(Path.Combine(folder, "round-1", "summary.json"));
        foreach (var holder in new[] { model, Path.Combine(folder, "round-1", "e-step"), Path.Combine(folder, "round-1", "m-step") })
        {
            File.Delete(Path.Combine(holder, "model.safetensors"));
        }

        Trainer(model, store, options, folder).Run(new Silent(), CancellationToken.None).Should().Equal(first);
    }

    [Fact]
    public void An_iteration_of_the_e_step_cancelled_on_its_way_leaves_q_and_its_optimizer_as_they_were()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts();
        var decoder = fixture.Decoder.Copy(trainable: true);
        using var owned = decoder;
        using var eStep = new EStep(decoder, fixture.Decoder, fixture.Format, Options.Latents, Options.EStep, seed: 1);
        using var stop = new CancellationTokenSource();
        var iterate = () => eStep.Iterate(0, new CancelsWhenRead(fixture.Snippets, 2, stop), stop.Token);
        iterate.Should().Throw<OperationCanceledException>();

        eStep.Optimizer.Steps.Should().Be(0);
        foreach (var (name, weight) in decoder.Parameters)
        {
            weight.eq(fixture.Decoder.Parameters[name]).all().item<bool>().Should().BeTrue(name);
        }
    }

    [Fact]
    public void Best_of_group_and_the_held_out_measures_can_be_cancelled_and_hand_over_what_is_finished()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts();
        using var stop = new CancellationTokenSource();
        var best = new BestOfGroup(fixture.Decoder, fixture.Decoder, fixture.Format, Options.Latents, Options.EStep, seed: 1);
        var finished = new List<long>();
        var select = () => best.SelectEach(
            fixture.Snippets.Select((snippet, i) => ((long)i, snippet)),
            (number, _) =>
            {
                finished.Add(number);
                stop.Cancel();
            },
            stop: stop.Token);
        select.Should().Throw<OperationCanceledException>();
        finished.Should().NotBeEmpty().And.HaveCountLessThan(fixture.Snippets.Count);

        var plain = () => HeldOutEvaluation.Plain(fixture.Decoder, fixture.Format, fixture.Snippets, stop.Token);
        plain.Should().Throw<OperationCanceledException>();
        var thinking = () => HeldOutEvaluation.Thinking(fixture.Decoder, fixture.Format, Options.Latents, fixture.Snippets, 1, stop.Token);
        thinking.Should().Throw<OperationCanceledException>();
    }

    [Fact]
    public void Seconds_and_tokens_of_a_round_add_up_over_sittings()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts();
        using var store = fixture.Store();
        var folder = fixture.NewFolder();
        var model = SaveModel(fixture);
        var options = Options with { Rounds = 1 };
        using var stop = new CancellationTokenSource();
        var stopped = () => Trainer(model, store, options, folder).Run(new Silent(stopAtMStep: 2, stop: stop), stop.Token);
        stopped.Should().Throw<OperationCanceledException>();
        var bootstrap = BootstrapRun.Read(Path.Combine(folder, "round-1", "latents.json"))!;
        var eStep = Checkpoint.ReadState(Path.Combine(folder, "round-1", "e-step"));
        var mStep = Checkpoint.ReadState(Path.Combine(folder, "round-1", "m-step"));

        var summary = Trainer(model, store, options, folder).Run(new Silent(), CancellationToken.None).Should().ContainSingle().Subject;

        summary.BootstrapSeconds.Should().Be(bootstrap.Seconds).And.BePositive();
        summary.EStepSeconds.Should().Be(eStep.Seconds).And.BePositive();
        summary.MStepSeconds.Should().BeGreaterThan(mStep.Seconds).And.BePositive();
        summary.MStepTokens.Should().Be((long)options.MStep.Steps * options.MStep.BatchRows * options.MStep.WindowTokens);
        summary.Latents.Should().Be(bootstrap.Latents);
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

    [Fact]
    public void Choices_and_lines_are_measured_under_one_distribution()
    {
        using var fixture = new Fixture();
        var measure = () => HeldOutEvaluation.Thinking(
            fixture.Decoder, fixture.Format, Options.Latents with { Temperature = 0.5 }, fixture.Snippets, seed: 1);
        measure.Should().Throw<ArgumentException>().WithMessage("*temperature must be 1*0.5*");
    }

    [Fact]
    public void Options_that_cannot_be_meant_are_named()
    {
        Names(new EStepOptions
        {
            NegativeContentWeight = -0.1,
            TokenFloor = 0,
            ExplorationSurprise = 0.1,
            InvalidPenalty = -0.01,
            ClipLow = 0,
            ClipHigh = double.NaN,
            Exploration = 0.1,
            ExplorationDecay = 0,
        }).Should().BeEquivalentTo(
            "negativeContentWeight", "tokenFloor", "explorationSurprise", "invalidPenalty", "clipLow", "clipHigh",
            "explorationDecay");
        Names(new EStepOptions
        {
            NegativeContentWeight = double.NaN,
            TokenFloor = double.NaN,
            ExplorationSurprise = double.NegativeInfinity,
            InvalidPenalty = double.PositiveInfinity,
            SwitchCost = double.NaN,
            Exploration = 1,
            ExplorationDecay = 1.1,
        }).Should().BeEquivalentTo(
            "negativeContentWeight", "tokenFloor", "explorationSurprise", "invalidPenalty", "switchCost", "exploration",
            "explorationDecay");
        Names(new LatentOptions { Temperature = double.PositiveInfinity }).Should().Equal("temperature");
        Names(new MidTrainingOptions { EStepCheckpointEvery = -1 }).Should().Equal("eStepCheckpointEvery");
        Names(new NextTokenOptions { Steps = -1, CheckpointEvery = -1 })
            .Should().BeEquivalentTo("steps", "checkpointEvery");
        Names(new EStepOptions { SwitchCost = double.PositiveInfinity, TokenFloor = -6, NegativeContentWeight = 0 })
            .Should().BeEmpty();
        IValidatableObject[] defaults = [new EStepOptions(), new LatentOptions(), new MidTrainingOptions()];
        foreach (var options in defaults)
        {
            Names(options).Should().BeEmpty();
        }

        static IEnumerable<string> Names(IValidatableObject options) =>
            options.Validate(new ValidationContext(options)).SelectMany(error => error.MemberNames);
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

    /// <summary>Snippets of which one, when it is asked for, cancels.</summary>
    private sealed class CancelsWhenRead(IReadOnlyList<Snippet> snippets, int at, CancellationTokenSource stop) : IReadOnlyList<Snippet>
    {
        public int Count => snippets.Count;

        public Snippet this[int index]
        {
            get
            {
                if (index == at)
                {
                    stop.Cancel();
                }

                return snippets[index];
            }
        }

        public IEnumerator<Snippet> GetEnumerator() => snippets.GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }

    /// <summary>Counts events, and may stop the run at one of them.</summary>
    private sealed class Silent(int stopAt = -1, CancellationTokenSource? stop = null, int stopAtMStep = -1) : IMidTrainingObserver
    {
        public int Events { get; private set; }

        public void Begin(int round, MidTrainingPhase phase, long total, long done)
        {
        }

        public void EStep(int round, long iteration, EStepMetrics metrics) => Count();

        public void Bootstrap(int round, long tokens, long total) => Count();

        public void MStep(int round, NextTokenMetrics metrics, Decoder decoder)
        {
            Count();
            if (metrics.Step == stopAtMStep)
            {
                stop!.Cancel();
            }
        }

        private void Count()
        {
            if (++Events == stopAt)
            {
                stop!.Cancel();
            }
        }
    }
}
