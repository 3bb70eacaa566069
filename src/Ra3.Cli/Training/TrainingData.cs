using System.Security.Cryptography;
using System.Text;
using Ra3.Corpora;
using Ra3.MidTraining;
using Ra3.Models.Tokenizers;
using Spectre.Console;

namespace Ra3.Cli.Training;

/// <summary>A corpus ready for training: token stores in a folder, built once; a resumed run takes those it began with.</summary>
internal sealed class TrainingData : IDisposable
{
    private const string Train = "train";
    private const string HeldOutPart = "held-out";
    private const string ReplayPart = "replay";
    private readonly TokenStore? heldOut;

    private TrainingData(TokenStore training, TokenStore? replay, TokenStore? heldOut, IReadOnlyDictionary<string, CorpusSummary> corpora) =>
        (Training, Replay, this.heldOut, Corpora) = (training, replay, heldOut, corpora);

    /// <summary>What became of the corpora, by what they are for; what is held out by share is part of the one trained on.</summary>
    public IReadOnlyDictionary<string, CorpusSummary> Corpora { get; }

    /// <summary>What is trained on.</summary>
    public TokenStore Training { get; }

    /// <summary>What is trained on beside it, as it is; null for nothing.</summary>
    public TokenStore? Replay { get; }

    /// <summary>Documents held out.</summary>
    public int HeldOutDocuments => heldOut?.Count ?? 0;

    /// <summary>Fails where the corpus has no document, before anything is written.</summary>
    public static void RequireAny(CorpusRecipe recipe) => _ = Reader(recipe).Read().First();

    /// <summary>The texts that may be trained on.</summary>
    public static IEnumerable<string> Texts(CorpusRecipe corpus, HeldOutRecipe heldOut, long seed, CancellationToken stop) =>
        Read(corpus, heldOut, seed, Train, stop).Select(document => document.Text);

    /// <summary>Opens the stores in the folder, or builds them, and prints what became of each corpus. What is held out of the
    /// corpus is held out of the replay too.</summary>
    /// <exception cref="InvalidDataException">There is nothing to train on, or a store is torn or of another tokenizer.</exception>
    public static TrainingData OpenOrBuild(
        string folder, CorpusRecipe corpus, HeldOutRecipe heldOut, Tokenizer tokenizer, long seed, IAnsiConsole console, CancellationToken stop,
        CorpusRecipe? replay = null)
    {
        var training = Store(folder, Train, tokenizer, () => Read(corpus, heldOut, seed, Train, stop, folder));
        TokenStore? replayed = null;
        try
        {
            if (training.Count == 0)
            {
                throw new InvalidDataException("Nothing is left to train on: every document of the corpus is held out. Lower heldOut.share.");
            }

            replayed = replay is not { Paths.Count: > 0 } ? null : Store(folder, ReplayPart, tokenizer, () => Read(replay, heldOut, seed, Train, stop, folder, ReplayPart));
            var held = !heldOut.Any ? null : Store(folder, HeldOutPart, tokenizer, () => heldOut.Paths.Count > 0
                ? CorpusSummary.Keep(Reader(corpus with { Paths = heldOut.Paths }), folder, HeldOutPart)
                : Read(corpus, heldOut, seed, HeldOutPart, stop));
            var corpora = new[] { Train, ReplayPart, HeldOutPart }.Select(name => (Name: name, Summary: CorpusSummary.Read(folder, name)))
                .Where(item => item.Summary is not null).ToDictionary(item => item.Name, item => item.Summary!);
            foreach (var (name, summary) in corpora)
            {
                summary.Print(console, name == Train ? "corpus" : name);
            }

            return new TrainingData(training, replayed, held, corpora);
        }
        catch
        {
            training.Dispose();
            replayed?.Dispose();
            throw;
        }
    }

    /// <summary>Corpus and replay in one store, for a method that makes no difference between them.</summary>
    public TokenStore WithReplay(string folder, Tokenizer tokenizer, CancellationToken stop)
    {
        var path = Path.Combine(folder, "train-and-replay.tokens");
        return File.Exists(path)
            ? TokenStore.Open(path, tokenizer)
            : TokenStore.Build(path, new[] { Training, Replay! }.SelectMany(store => Enumerable.Range(0, store.Count).Select(i =>
            {
                stop.ThrowIfCancellationRequested();
                return store[i];
            })), tokenizer);
    }

    /// <summary>Held-out snippets, spread evenly over the documents.</summary>
    public IReadOnlyList<Snippet> HeldOutSnippets(HeldOutRecipe recipe, int count)
    {
        if (heldOut is null)
        {
            return [];
        }

        var all = Enumerable.Range(0, heldOut.Count).SelectMany(i => Snippet.Cut(heldOut[i], recipe.SnippetTokens))
            .Where(snippet => snippet.Tokens.Length <= recipe.SnippetTokens).ToList();
        count = Math.Min(count, all.Count);
        return [.. Enumerable.Range(0, count).Select(i => all[(int)((long)i * all.Count / count)])];
    }

    public void Dispose()
    {
        Training.Dispose();
        Replay?.Dispose();
        heldOut?.Dispose();
    }

    private static CorpusReader Reader(CorpusRecipe recipe) => recipe.Paths.Count > 0
        ? new CorpusReader(recipe.Paths, new CorpusOptions { TextField = recipe.TextField, MaxDocumentBytes = recipe.MaxDocumentBytes })
        : PythonStandardLibrary.Find().Reader();

    private static TokenStore Store(string folder, string name, Tokenizer tokenizer, Func<IEnumerable<SourceDocument>> documents)
    {
        var path = Path.Combine(folder, name + ".tokens");
        if (File.Exists(path))
        {
            return TokenStore.Open(path, tokenizer);
        }

        using var progress = new ProgressLine($"tokens, {name}");
        return TokenStore.Build(path, documents(), tokenizer, count => progress.Report(count));
    }

    /// <summary>Documents of a part. Texts held out by path are left out of training wherever else they occur.</summary>
    /// <param name="corpus">What to read.</param>
    /// <param name="heldOut">What is held out of it.</param>
    /// <param name="seed">Of the division.</param>
    /// <param name="part">The part wanted.</param>
    /// <param name="stop">Stops between documents.</param>
    /// <param name="folder">Where to keep what became of the corpus; null for nowhere.</param>
    /// <param name="name">Under which name.</param>
    /// <exception cref="IOException">A path does not exist; said here, not while the documents are read.</exception>
    private static IEnumerable<SourceDocument> Read(
        CorpusRecipe corpus, HeldOutRecipe heldOut, long seed, string part, CancellationToken stop, string? folder = null, string name = Train)
    {
        var reader = Reader(corpus);
        var heldOutReader = heldOut.Paths.Count == 0 ? null : Reader(corpus with { Paths = heldOut.Paths });
        return Divide(folder is null ? reader.Read() : CorpusSummary.Keep(reader, folder, name), heldOutReader, heldOut, seed, part, stop);
    }

    private static IEnumerable<SourceDocument> Divide(
        IEnumerable<SourceDocument> documents, CorpusReader? heldOutReader, HeldOutRecipe heldOut, long seed, string part, CancellationToken stop)
    {
        var split = heldOut.Share > 0
            ? new CorpusSplit([new CorpusPart(Train, 1 - heldOut.Share), new CorpusPart(HeldOutPart, heldOut.Share)], (ulong)seed)
            : null;
        var excluded = heldOutReader?.Read().Select(Hash).ToHashSet(StringComparer.Ordinal) ?? [];
        foreach (var document in documents)
        {
            stop.ThrowIfCancellationRequested();
            if ((split is null || split.PartOf(document) == part) && !(excluded.Count > 0 && excluded.Contains(Hash(document))))
            {
                yield return document;
            }
        }

        static string Hash(SourceDocument document) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(document.Text)));
    }
}
