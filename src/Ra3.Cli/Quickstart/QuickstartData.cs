using Ra3.Corpora;
using Ra3.MidTraining;
using Ra3.Models.Tokenizers;

namespace Ra3.Cli.Quickstart;

/// <summary>The interpreter's standard library, split by file: pre-training, mid-training, held-out.</summary>
internal sealed class QuickstartData : IDisposable
{
    private const string PretrainingPart = "pre-training";
    private const string MidTrainingPart = "mid-training";
    private const string HeldOutPart = "held-out";
    private const int Vocabulary = 4096;

    private readonly IReadOnlyDictionary<string, List<SourceDocument>> parts;

    private QuickstartData(
        PythonStandardLibrary library, CorpusReport report, IReadOnlyDictionary<string, List<SourceDocument>> parts, Tokenizer tokenizer,
        TokenStore pretraining, IReadOnlyList<EncodedDocument> heldOut)
    {
        (Library, Report, this.parts, Tokenizer, Pretraining, HeldOut) = (library, report, parts, tokenizer, pretraining, heldOut);
    }

    public PythonStandardLibrary Library { get; }

    public CorpusReport Report { get; }

    public Tokenizer Tokenizer { get; }

    public TokenStore Pretraining { get; }

    /// <summary>Held-out files.</summary>
    public IReadOnlyList<EncodedDocument> HeldOut { get; }

    public int FilesIn(string part) => parts[part].Count;

    public string Description =>
        $"{Report.Documents} files ({Report.Bytes / 1e6:0.0} MB) of the Python {Library.Version} standard library: "
        + $"{parts[PretrainingPart].Count} for pre-training ({Pretraining.TotalTokens / 1e6:0.00} M tokens), "
        + $"{parts[MidTrainingPart].Count} for mid-training, {parts[HeldOutPart].Count} held out";

    public static QuickstartData Load(string folder, long seed)
    {
        var library = PythonStandardLibrary.Find();
        var reader = library.Reader();
        var divided = new CorpusSplit(
            [new CorpusPart(PretrainingPart, 0.55), new CorpusPart(MidTrainingPart, 0.33), new CorpusPart(HeldOutPart, 0.12)], (ulong)seed)
            .Divide(reader.Read());
        var tokenizer = Tokenizer.Train(divided[PretrainingPart].Select(document => document.Text), Vocabulary);
        Directory.CreateDirectory(folder);
        var pretraining = TokenStore.Build(Path.Combine(folder, "pre-training.tokens"), divided[PretrainingPart], tokenizer);
        List<EncodedDocument> heldOut = [.. divided[HeldOutPart].Select(document => DocumentEncoder.Encode(document, tokenizer))];
        return new QuickstartData(library, reader.Report, divided, tokenizer, pretraining, heldOut);
    }

    /// <summary>The mid-training files that <paramref name="tokens"/> tokens of training need, in a seeded order.</summary>
    public TokenStore MidTraining(string folder, long tokens, long seed)
    {
        var documents = parts[MidTrainingPart];
        var order = new ShuffledOrder((ulong)seed, documents.Count);
        var chosen = new List<EncodedDocument>();
        for (var (i, total) = (0, 0L); i < documents.Count && total < tokens; i++)
        {
            chosen.Add(DocumentEncoder.Encode(documents[(int)order.At(i)], Tokenizer));
            total += chosen[^1].Tokens.Length;
        }

        return TokenStore.Build(Path.Combine(folder, "mid-training.tokens"), chosen, Tokenizer);
    }

    /// <summary>Snippets spread evenly over the held-out files.</summary>
    public IReadOnlyList<Snippet> HeldOutSnippets(int count)
    {
        var all = HeldOut.SelectMany(document => Snippet.Cut(document, QuickstartPlan.WindowTokens))
            .Where(snippet => snippet.Tokens.Length is >= 32 and <= QuickstartPlan.WindowTokens).ToList();
        count = Math.Min(count, all.Count);
        return [.. Enumerable.Range(0, count).Select(i => all[(int)((long)i * all.Count / count)])];
    }

    public void Dispose() => Pretraining.Dispose();
}
