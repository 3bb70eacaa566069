using Ra3.Cli;
using Ra3.Cli.Training;
using Ra3.Corpora;
using Ra3.Models.Tokenizers;

namespace Ra3.Tests;

public sealed class HeldOutTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("ra3-held-out-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_held_out_is_in_neither_corpus_nor_replay(bool byPath)
    {
        var tokenizer = Tokenizer.Train([Text(0)], 270);
        var (corpus, replay, held) = (Folder("corpus", 0, 40), Folder("replay", 20, 60), Folder("held", 30, 35));
        var heldOut = byPath ? new HeldOutRecipe { Paths = [held] } : new HeldOutRecipe { Share = 0.3 };
        var stores = Directory.CreateDirectory(Path.Combine(root, "stores")).FullName;

        using var data = TrainingData.OpenOrBuild(
            stores, new CorpusRecipe { Paths = [corpus] }, heldOut, tokenizer, seed: 1, Terminal.Create(TextWriter.Null, redirected: true),
            CancellationToken.None, new CorpusRecipe { Paths = [replay] });

        data.Corpora.Keys.Should().Equal(byPath ? ["train", "replay", "held-out"] : ["train", "replay"]);
        data.Corpora["train"].Documents.Should().Be(40);

        using var heldStore = TokenStore.Open(Path.Combine(stores, "held-out.tokens"), tokenizer);
        var excluded = Texts(heldStore, tokenizer);
        excluded.Should().HaveCount(byPath ? 5 : data.HeldOutDocuments).And.NotBeEmpty();
        Texts(data.Training, tokenizer).Should().HaveCount(40 - (byPath ? 5 : excluded.Count)).And.NotIntersectWith(excluded);
        Texts(data.Replay!, tokenizer).Should().HaveCountGreaterThan(20).And.NotIntersectWith(excluded);
    }

    private static string Text(int i) => $"def value_{i}():\n    return {i}\n";

    private static List<string> Texts(TokenStore store, Tokenizer tokenizer) =>
        [.. Enumerable.Range(0, store.Count).Select(i => tokenizer.Decode(store[i].Tokens))];

    private string Folder(string name, int first, int end)
    {
        var folder = Directory.CreateDirectory(Path.Combine(root, name)).FullName;
        for (var i = first; i < end; i++)
        {
            File.WriteAllText(Path.Combine(folder, $"{i}.py"), Text(i));
        }

        return folder;
    }
}
