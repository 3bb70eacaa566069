using System.Diagnostics;
using System.Text.Json;
using Ra3.Corpora;
using Ra3.Models.Files;
using Ra3.Models.Tokenizers;

namespace Ra3.MidTraining;

/// <summary>How far a bootstrap has come.</summary>
/// <param name="Key">What thoughts depend on beside the corpus and the seed; a bootstrap with another one begins again.</param>
/// <param name="Documents">Documents done.</param>
/// <param name="Latents">What they hold.</param>
/// <param name="Seconds">Time spent, over all sittings.</param>
internal sealed record BootstrapState(string Key, int Documents, LatentCounts Latents, double Seconds);

/// <summary>
/// The bootstrap of one round (S): thoughts for the documents that its M-step reads. Documents are done in the order in which
/// the M-step's epoch takes them, and written in shards, so that a stopped run goes on after the last one. What a document
/// becomes depends on q, its place in the corpus and the seed alone: not on shards, stops or how many documents are done.
/// </summary>
internal sealed class BootstrapRun : IDisposable
{
    private const int ShardDocuments = 4096;
    private static readonly TimeSpan ShardTime = TimeSpan.FromMinutes(1); // lost at most where the process is killed
    private static readonly JsonSerializerOptions Json = new()
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly string folder;
    private readonly Tokenizer tokenizer;
    private readonly int maxTokens;
    private readonly SnippetIndex snippets;
    private readonly IReadOnlyList<int> documents;
    private readonly List<(int First, TokenStore Store)> shards = [];
    private readonly Queue<OpenDocument> open = [];
    private readonly Dictionary<long, OpenDocument> places = [];
    private readonly List<EncodedDocument> written = []; // of the next shard
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private BootstrapState done;
    private LatentCounts counts = LatentCounts.None;
    private long tooLong; // tokens of lines longer than a snippet, which get no thought

    /// <summary>Takes up what an earlier sitting left.</summary>
    /// <param name="folder">Of the shards.</param>
    /// <param name="key">What thoughts depend on beside corpus and seed.</param>
    /// <param name="snippets">Of the corpus.</param>
    /// <param name="maxTokens">Most tokens of a snippet.</param>
    /// <param name="corpus">The corpus.</param>
    /// <param name="documents">The documents to be done, in order.</param>
    /// <param name="tokenizer">The corpus's.</param>
    public BootstrapRun(
        string folder, string key, SnippetIndex snippets, int maxTokens, TokenStore corpus, IReadOnlyList<int> documents, Tokenizer tokenizer)
    {
        (this.folder, this.snippets, this.maxTokens, this.documents, this.tokenizer) = (folder, snippets, maxTokens, documents, tokenizer);
        TotalTokens = documents.Sum(document => (long)corpus.TokensOf(document).Length);
        done = new BootstrapState(key, 0, LatentCounts.None, 0);
        Directory.CreateDirectory(folder);
        while (ReadShard(done.Documents) is { } shard)
        {
            shards.Add((done.Documents, shard.Store));
            done = Sum(done, shard.State);
        }

        DoneTokens = documents.Take(done.Documents).Sum(document => (long)corpus.TokensOf(document).Length);
    }

    /// <summary>Source tokens of all documents.</summary>
    public long TotalTokens { get; }

    /// <summary>Source tokens of those that an earlier sitting did.</summary>
    public long DoneTokens { get; }

    /// <summary>Whether every document is done.</summary>
    public bool IsSampled => done.Documents >= documents.Count;

    /// <summary>Reads how far the bootstrap came whose result lies beside this file; null where there is none.</summary>
    public static BootstrapState? Read(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<BootstrapState>(File.ReadAllText(path), Json) : null;
        }
        catch (JsonException)
        {
            return null; // not as it is written here: the work is done again
        }
    }

    /// <summary>Draws thoughts for the documents that are left.</summary>
    /// <param name="sample">Draws a trajectory through each of some snippets, which it hands over with its number; told of progress in
    /// source tokens.</param>
    /// <param name="progress">Told the source tokens done, of <see cref="TotalTokens"/>.</param>
    /// <exception cref="OperationCanceledException">Stopped; what is finished is written.</exception>
    public void Sample(
        Action<IEnumerable<(long Number, Snippet Snippet)>, Action<long, Trajectory>, Action<long>> sample, Action<long> progress)
    {
        try
        {
            sample(Open(), Finished, passed => progress(DoneTokens + tooLong + passed));
            WriteFinished(); // documents of nothing but long lines
        }
        catch (OperationCanceledException)
        {
            WriteShard();
            throw;
        }

        WriteShard();
        progress(TotalTokens);
    }

    /// <summary>Puts the documents and those replayed into one store, in their order, with what they hold beside it.</summary>
    /// <param name="path">The store.</param>
    /// <param name="statePath">What <see cref="Read"/> reads.</param>
    /// <param name="replayed">Documents behind them, as they are.</param>
    /// <param name="stop">Cancels; the shards stay.</param>
    public (TokenStore Data, BootstrapState State) Join(
        string path, string statePath, IEnumerable<EncodedDocument> replayed, CancellationToken stop = default)
    {
        List<int> firsts = shards.ConvertAll(shard => shard.First);
        var ordered = Enumerable.Range(0, documents.Count).OrderBy(place => documents[place]).Select(place =>
        {
            stop.ThrowIfCancellationRequested();
            var shard = firsts.BinarySearch(place);
            var (first, store) = shards[shard >= 0 ? shard : ~shard - 1];
            return store[place - first];
        });
        var data = TokenStore.Build(path, ordered.Concat(replayed), tokenizer);
        done = done with { Seconds = done.Seconds + clock.Elapsed.TotalSeconds };
        AtomicWrite.File(statePath, stream => JsonSerializer.Serialize(stream, done, Json));
        Dispose();
        Directory.Delete(folder, recursive: true);
        return (data, done);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        shards.ForEach(shard => shard.Store.Dispose());
        shards.Clear();
    }

    private static BootstrapState Sum(BootstrapState a, BootstrapState b) =>
        new(a.Key, a.Documents + b.Documents, a.Latents + b.Latents, a.Seconds + b.Seconds);

    private string Shard(int first, string extension) => Path.Combine(folder, $"{first:D9}.{extension}");

    /// <summary>The shard that begins with a document, if it is there, whole and of this bootstrap.</summary>
    private (BootstrapState State, TokenStore Store)? ReadShard(int first)
    {
        if (Read(Shard(first, "json")) is not { } state || state.Key != done.Key || state.Documents > documents.Count - first)
        {
            return null;
        }

        try
        {
            return (state, TokenStore.Open(Shard(first, "tokens"), tokenizer));
        }
        catch (Exception e) when (e is InvalidDataException or FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>The snippets of the documents that are left, as they are asked for.</summary>
    private IEnumerable<(long Number, Snippet Snippet)> Open()
    {
        foreach (var document in documents.Skip(done.Documents))
        {
            var all = snippets.Of(document);
            var opened = new OpenDocument(all);
            open.Enqueue(opened);
            foreach (var (number, snippet) in all)
            {
                // No E-step sees a line that is longer than a snippet, and no scorer: it is written on.
                if (snippet.Tokens.Length > maxTokens)
                {
                    tooLong += snippet.Tokens.Length;
                    opened.Set(number, Trajectory.Plain(snippet));
                    continue;
                }

                places.Add(number, opened);
                yield return (number, snippet);
            }
        }
    }

    private void Finished(long number, Trajectory trajectory)
    {
        places.Remove(number, out var document);
        document!.Set(number, trajectory);
        WriteFinished();
    }

    /// <summary>Here sampled trajectories become the documents that the M-step reads, in order.</summary>
    private void WriteFinished()
    {
        while (open.TryPeek(out var document) && document.IsFinished)
        {
            open.Dequeue();
            counts += LatentCounts.Of(document.Trajectories);
            written.Add(Bootstrap.Join(document.Document, document.Trajectories));
        }

        if (written.Count >= ShardDocuments || (written.Count > 0 && clock.Elapsed >= ShardTime))
        {
            WriteShard();
        }
    }

    private void WriteShard()
    {
        if (written.Count == 0)
        {
            return;
        }

        var first = done.Documents;
        var store = TokenStore.Build(Shard(first, "tokens"), written, tokenizer);
        shards.Add((first, store));
        var shard = new BootstrapState(done.Key, written.Count, counts, clock.Elapsed.TotalSeconds);
        AtomicWrite.File(Shard(first, "json"), stream => JsonSerializer.Serialize(stream, shard, Json));
        done = Sum(done, shard);
        counts = LatentCounts.None;
        written.Clear();
        clock.Restart();
    }

    /// <summary>A document some of whose snippets are still without a trajectory.</summary>
    private sealed class OpenDocument(IReadOnlyList<(long Number, Snippet Snippet)> snippets)
    {
        private int left = snippets.Count;

        public EncodedDocument Document => snippets[0].Snippet.Document;

        public Trajectory[] Trajectories { get; } = new Trajectory[snippets.Count];

        public bool IsFinished => left == 0;

        public void Set(long number, Trajectory trajectory)
        {
            Trajectories[number - snippets[0].Number] = trajectory;
            left--;
        }
    }
}
