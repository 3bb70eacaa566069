using CsCheck;
using Ra3.Corpora;
using Ra3.Models.Tokenizers;

namespace Ra3.Tests.Corpora;

public sealed class TokenStoreTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_store_gives_back_what_was_encoded() => TestData.Programs.Array[1, 8].Sample(
        sources =>
        {
            var documents = sources.Select((source, i) => new SourceDocument($"dir/é{i}.py", source + "\nend")).ToList();
            var encoded = documents.ConvertAll(document => DocumentEncoder.Encode(document, TestData.Small));
            using var store = TokenStore.Build(folder.File($"{Guid.NewGuid()}.tokens"), documents, TestData.Small);

            store.Count.Should().Be(documents.Count);
            store.TotalTokens.Should().Be(encoded.Sum(document => document.Tokens.Length));
            store.TotalBytes.Should().Be(encoded.Sum(document => document.ByteLength));
            for (var i = 0; i < store.Count; i++)
            {
                store[i].Id.Should().Be(encoded[i].Id);
                store[i].Tokens.Should().Equal(encoded[i].Tokens);
                store.TokensOf(i).ToArray().Should().Equal(encoded[i].Tokens);
                store[i].Actions.Select(action => action with { Opener = [] }).Should().BeEquivalentTo(encoded[i].Actions.Select(action => action with { Opener = [] }));
                store[i].Actions.Select(action => string.Join(' ', action.Opener)).Should().Equal(encoded[i].Actions.Select(action => string.Join(' ', action.Opener)));
            }
        },
        iter: 20, threads: 1);

    [Fact]
    public void A_file_that_was_cut_short_anywhere_is_refused_with_the_remedy()
    {
        var path = folder.File("a.tokens");
        Build(path).Dispose();
        var whole = File.ReadAllBytes(path);
        Gen.Int[0, whole.Length - 1].Sample(
            length =>
            {
                File.WriteAllBytes(path, whole[..length]);
                FluentActions.Invoking(() => TokenStore.Open(path, TestData.Small)).Should().Throw<InvalidDataException>().WithMessage("*a.tokens*delete it*");
            },
            iter: 50, threads: 1);
    }

    [Fact]
    public void Another_tokenizer_is_refused()
    {
        Build(folder.File("a.tokens")).Dispose();
        var other = Tokenizer.Train(["some other text, some other text"], 270);

        FluentActions.Invoking(() => TokenStore.Open(folder.File("a.tokens"), other)).Should().Throw<InvalidDataException>().WithMessage("*another tokenizer*");
    }

    [Fact]
    public void A_build_that_fails_leaves_nothing_behind_and_the_old_file_as_it_was()
    {
        var path = folder.File("a.tokens");
        Build(path).Dispose();
        var before = File.ReadAllBytes(path);

        FluentActions.Invoking(() => TokenStore.Build(path, Failing(), TestData.Small)).Should().Throw<IOException>();

        File.ReadAllBytes(path).Should().Equal(before);
        Directory.GetFiles(folder.Path).Should().Equal(path);

        static IEnumerable<SourceDocument> Failing()
        {
            yield return new SourceDocument("a", "x");
            throw new IOException("the disk went away");
        }
    }

    [Fact]
    public void A_corpus_is_encoded_once_and_again_only_when_it_changed()
    {
        Directory.CreateDirectory(folder.File("code"));
        File.WriteAllText(folder.File("code/a.py"), "x = 1\n");
        var builds = 0;
        void Open(int documents)
        {
            using var store = TokenStore.OpenOrBuild(folder.File("cache"), new CorpusReader([folder.File("code")]), TestData.Small, done => builds += done == 1 ? 1 : 0);
            store.Count.Should().Be(documents);
        }

        Open(1);
        Open(1);
        builds.Should().Be(1);
        File.WriteAllText(folder.File("code/b.py"), "y = 2\n");
        Open(2);
        builds.Should().Be(2);
    }

    [Fact]
    public void An_epoch_of_rows_is_every_document_in_one_stream() => Gen.Select(Gen.Int[1, 12], Gen.Int[1, 40], Gen.ULong, Gen.Int[0, 3], Gen.Bool).Sample(
        (count, length, seed, epoch, begins) =>
        {
            using var store = Build(folder.File($"{Guid.NewGuid()}.tokens"), count);
            var end = TestData.Small.EndOfText!.Value;
            int[] begin = begins ? [TestData.Begun.BeginOfText!.Value] : [];
            if ((store.TotalTokens + (store.Count * (begin.Length + 1)) - 1) / length < 1)
            {
                return;
            }

            var rows = new PackedWindows(store, begins ? TestData.Begun : TestData.Small, length, seed);
            var all = Enumerable.Range(0, (int)rows.RowsPerEpoch).Select(i => Row(rows, (epoch * rows.RowsPerEpoch) + i)).ToList();

            // Chained by their overlap in the stream's order, the rows are the documents in the epoch's order.
            var order = new ShuffledOrder(seed, store.Count);
            var stream = Enumerable.Range(0, count).SelectMany(i => (int[])[.. begin, .. store.TokensOf((int)order.At(((long)epoch * count) + i)), end]).ToArray();
            var expected = Enumerable.Range(0, (int)rows.RowsPerEpoch).Select(k => string.Join(' ', stream[(k * length)..((k * length) + length + 1)]));
            all.Select(row => string.Join(' ', row)).Order().Should().Equal(expected.Order());
        },
        iter: 50, threads: 1);

    [Fact]
    public void Rows_are_resumed_by_position_alone()
    {
        using var store = Build(folder.File("a.tokens"), 20);
        var straight = new PackedWindows(store, TestData.Small, 16, seed: 3);
        var rows = Enumerable.Range(0, (int)(3 * straight.RowsPerEpoch)).Select(i => Row(straight, i)).ToList();
        Gen.Int[0, rows.Count - 1].Sample(
            position => Row(new PackedWindows(store, TestData.Small, 16, seed: 3), position).Should().Equal(rows[position]),
            threads: 1);
    }

    [Fact]
    public void Too_little_text_for_a_row_is_told()
    {
        using var store = Build(folder.File("a.tokens"), 1);
        FluentActions.Invoking(() => new PackedWindows(store, TestData.Small, 10_000, seed: 0)).Should().Throw<InvalidDataException>().WithMessage("*too few for one row of 10001*");
    }

    private static int[] Row(PackedWindows rows, long position)
    {
        var row = new int[rows.Length + 1];
        rows.Read(position, row);
        return row;
    }

    private static TokenStore Build(string path, int count = 3)
        => TokenStore.Build(path, Enumerable.Range(0, count).Select(i => new SourceDocument($"{i}.py", $"def f{i}():\n    return {i}\n" + string.Concat(Enumerable.Repeat("x = 1\n", i)))), TestData.Small);
}
