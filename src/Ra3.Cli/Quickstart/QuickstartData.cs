using Ra3.Cli.Training;
using Ra3.Corpora;
using Ra3.MidTraining;
using Ra3.Models.Tokenizers;
using Ra3.PostTraining;
using Ra3.PostTraining.Tasks;

namespace Ra3.Cli.Quickstart;

/// <summary>
/// Real code (the interpreter's standard library, split by file) and generated tasks. Pre-training sees programs documented
/// in English and stubs that say jargon in English, never jargon beside code; mid-training shows jargon beside code, for some
/// of the operations.
/// </summary>
internal sealed class QuickstartData
{
    private const string PretrainingPart = "pre-training";
    private const string MidTrainingPart = "mid-training";
    private const string HeldOutPart = "held-out";
    private const int Vocabulary = 2048;
    private const int TokenizerTasks = 4000;
    private const int MostTasks = 24_000; // the family has not many more different ones; a longer run sees them again
    private const double RealShare = 0.2; // of the tokens of each corpus

    private readonly IReadOnlyDictionary<string, List<SourceDocument>> parts;
    private readonly PythonStandardLibrary library;
    private readonly CorpusReport report;
    private readonly long seed;

    private QuickstartData(
        PythonStandardLibrary library, CorpusReport report, IReadOnlyDictionary<string, List<SourceDocument>> parts, TaskFamily family,
        Tokenizer tokenizer, long seed)
    {
        (this.library, this.report, this.parts, Family, Tokenizer, this.seed) = (library, report, parts, family, tokenizer, seed);
        HeldOut = [.. parts[HeldOutPart].Select(document => DocumentEncoder.Encode(document, tokenizer))];
    }

    public Tokenizer Tokenizer { get; }

    public TaskFamily Family { get; }

    /// <summary>Held-out files of real code.</summary>
    public IReadOnlyList<EncodedDocument> HeldOut { get; }

    /// <summary>What became of the real code's files.</summary>
    public CorpusSummary RealCode => CorpusSummary.Of(report);

    public string Description =>
        $"{report.Documents} files ({report.Bytes / 1e6:0.0} MB) of the Python {library.Version} standard library: "
        + $"{parts[PretrainingPart].Count} for pre-training, {parts[MidTrainingPart].Count} for mid-training, {parts[HeldOutPart].Count} held out; "
        + $"and generated tasks over {Family.Operations.Count} operations, {Family.NeverBridged.Count} of them never bridged";

    /// <param name="seed">Of the family and the split.</param>
    /// <param name="tokenizer">The base's; null trains one.</param>
    /// <param name="folder">Where a report on the real code goes.</param>
    /// <param name="stop">Cancels between files.</param>
    public static QuickstartData Load(long seed, Tokenizer? tokenizer, string folder, CancellationToken stop)
    {
        var found = PythonStandardLibrary.Find();
        var reader = found.Reader();
        var documents = CorpusSummary.Keep(reader, folder, "real-code").Select(document =>
        {
            stop.ThrowIfCancellationRequested();
            return document;
        });
        // By name: a module stays in its part from one version of Python to the next, so no file that the shipped base learnt from is held out.
        var divided = new CorpusSplit(
            [new CorpusPart(PretrainingPart, 0.55), new CorpusPart(MidTrainingPart, 0.33), new CorpusPart(HeldOutPart, 0.12)], (ulong)seed, document => document.Id)
            .Divide(documents);
        var family = new TaskFamily(QuickstartPlan.Tasks, seed);
        return new QuickstartData(found, reader.Report, divided, family, tokenizer ?? Train(divided[PretrainingPart], family), seed);
    }

    private static Tokenizer Train(IEnumerable<SourceDocument> documents, TaskFamily family) => Tokenizer.Train(
        documents.Select(document => document.Text).Concat(TaskCorpus.Pretraining(family, TokenizerTasks, "tokenizer").Select(task => task.Text)),
        Vocabulary);

    /// <summary>A pre-training corpus of about so many tokens, or of all there are: real code, English-documented programs and stubs.</summary>
    public TokenStore Pretraining(string folder, long tokens)
    {
        var perTask = TaskCorpus.Pretraining(Family, 300, "length").Average(task => Tokenizer.Encode(task.Text).Length);
        var count = Math.Clamp((int)(tokens * (1 - RealShare) / perTask), 300, MostTasks);
        var real = Real(PretrainingPart, (long)(count * perTask * RealShare / (1 - RealShare)));
        return TokenStore.Build(
            Path.Combine(folder, "pre-training.tokens"), real.Concat(Encode(TaskCorpus.Pretraining(Family, count, "pre-training"))), Tokenizer);
    }

    /// <summary>What both methods learn from: programs documented in jargon, bridged operations only, and files of real code.</summary>
    /// <param name="folder">Where it goes.</param>
    /// <param name="programs">How many programs.</param>
    /// <param name="oracle">Whether the programs carry the right comments: a control.</param>
    public TokenStore MidTraining(string folder, int programs, bool oracle = false)
    {
        List<EncodedDocument> tasks = [.. Encode(TaskCorpus.MidTraining(Family, programs, oracle))];
        var real = Real(MidTrainingPart, (long)(tasks.Sum(task => (long)task.Tokens.Length) * RealShare / (1 - RealShare)));
        return TokenStore.Build(Path.Combine(folder, oracle ? "mid-training-oracle.tokens" : "mid-training.tokens"), tasks.Concat(real), Tokenizer);
    }

    /// <summary>English-documented programs like those of pre-training, replayed in every arm against forgetting.</summary>
    public TokenStore Replay(string folder, int programs) => TokenStore.Build(
        Path.Combine(folder, "replay.tokens"),
        Encode(TaskCorpus.Replay(Family, programs)), Tokenizer);

    /// <summary>Snippets spread evenly over the held-out files.</summary>
    public IReadOnlyList<Snippet> HeldOutSnippets(int count)
    {
        var all = HeldOut.SelectMany(document => Snippet.Cut(document, QuickstartPlan.WindowTokens))
            .Where(snippet => snippet.Tokens.Length is >= 32 and <= QuickstartPlan.WindowTokens).ToList();
        count = Math.Min(count, all.Count);
        return [.. Enumerable.Range(0, count).Select(i => all[(int)((long)i * all.Count / count)])];
    }

    /// <summary>Held-out tasks by split, and those that RLVR learns from.</summary>
    public TaskSplits Problems(TaskPart part, int held, int training) => new(
        Draw(part, OperationUse.Bridged, held, jargon: true), Draw(part, OperationUse.NeverBridged, held, jargon: true),
        Draw(part, OperationUse.Any, held, jargon: false), Draw(TaskPart.Train, OperationUse.Any, training, jargon: true));

    private List<PythonProblem> Draw(TaskPart part, OperationUse use, int count, bool jargon) =>
        [.. Family.Draw(part, use, count, "problems").Select(task => task.ToProblem(jargon))];

    private IEnumerable<EncodedDocument> Encode(IEnumerable<(string Id, string Text)> documents) =>
        documents.Select(document => DocumentEncoder.Encode(new SourceDocument(document.Id, document.Text), Tokenizer));

    /// <summary>Files of a part in a seeded order, until there are so many tokens or no more files.</summary>
    private IEnumerable<EncodedDocument> Real(string part, long tokens)
    {
        var order = new ShuffledOrder((ulong)seed, parts[part].Count);
        for (var i = 0; i < parts[part].Count && tokens > 0; i++)
        {
            var document = DocumentEncoder.Encode(parts[part][(int)order.At(i)], Tokenizer);
            tokens -= document.Tokens.Length;
            yield return document;
        }
    }
}

/// <summary>Problems: three held-out splits, and those that RLVR learns from.</summary>
/// <param name="Seen">In jargon, bridged operations only.</param>
/// <param name="Never">In jargon, with at least one operation whose jargon was never shown beside code.</param>
/// <param name="Plain">In English.</param>
/// <param name="Training">In jargon, any operation.</param>
internal sealed record TaskSplits(
    IReadOnlyList<PythonProblem> Seen, IReadOnlyList<PythonProblem> Never, IReadOnlyList<PythonProblem> Plain, IReadOnlyList<PythonProblem> Training)
{
    /// <summary>Both jargon splits, in order: what RLVR is measured on.</summary>
    public IReadOnlyList<PythonProblem> Jargon { get; } = [.. Seen, .. Never];
}
