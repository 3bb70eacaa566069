using Ra3.Corpora;
using Ra3.Models;
using Ra3.Models.Tokenizers;
using static TorchSharp.torch;

namespace Ra3.MidTraining.Tests;

/// <summary>A few programs, a tokenizer trained on them and a tiny random model; made anew by each test, equal every time.</summary>
internal sealed class Fixture : IDisposable
{
    private readonly List<string> folders = [];

    public Fixture(ScalarType type = ScalarType.Float32, double range = 0.15, int seed = 3)
    {
        Type = type;
        Documents = [.. Enumerable.Range(0, 12).Select(i => new SourceDocument($"file{i}.py", Program(i)))];
        Tokenizer = Tokenizer.Train(Documents.Select(document => document.Text), 380);
        Config = new ModelConfig
        {
            Family = ModelFamily.Llama,
            VocabularySize = Tokenizer.VocabularySize,
            HiddenSize = 32,
            IntermediateSize = 64,
            Layers = 2,
            Heads = 2,
            KeyValueHeads = 2, // the library takes other bf16 kernels for products of at most 4096 multiplications
            HeadSize = 16,
            TieEmbeddings = false,
            InitializerRange = range,
            EosTokenIds = [Tokenizer.EndOfText!.Value],
        };
        Decoder = Decoder.Create(Config, seed, type, CPU);
        Format = new LatentFormat(Tokenizer, Config.VocabularySize, CPU);
        Snippets = [.. Documents.SelectMany(document => Snippet.Cut(DocumentEncoder.Encode(document, Tokenizer), 120))];
    }

    public ScalarType Type { get; }

    public IReadOnlyList<SourceDocument> Documents { get; }

    public Tokenizer Tokenizer { get; }

    public ModelConfig Config { get; }

    public Decoder Decoder { get; }

    public LatentFormat Format { get; }

    public IReadOnlyList<Snippet> Snippets { get; }

    /// <summary>A folder that goes with the fixture.</summary>
    public string NewFolder()
    {
        var folder = Directory.CreateTempSubdirectory("ra3-test-").FullName;
        folders.Add(folder);
        return folder;
    }

    /// <summary>Log-probs of tokens behind a context, by one plain sequence: the slow reference.</summary>
    /// <param name="context">At least one token.</param>
    /// <param name="targets">The tokens.</param>
    /// <param name="forbid">Whether they are drawn from what a thought may hold.</param>
    public double[] SequenceLogProbs(int[] context, int[] targets, bool forbid = false)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (targets.Length == 0)
        {
            return [];
        }

        int[] all = [.. context, .. targets];
        var hidden = Decoder.Hidden(
            tensor(all.Select(t => (long)t).ToArray()), arange(all.Length, ScalarType.Int64), new CausalAttention(1, all.Length));
        return LanguageModelHead.LogProbs(
            Decoder, hidden.slice(0, context.Length - 1, all.Length - 1, 1), tensor(targets.Select(t => (long)t).ToArray()),
            new HeadDistribution(1, forbid ? Format.Forbidden : null)).data<double>().ToArray();
    }

    public TokenStore Store() => TokenStore.Build(Path.Combine(NewFolder(), "corpus.tokens"), Documents, Tokenizer);

    /// <summary>
    /// The model made to think often and to end its thoughts: the embeddings get a constant component, through which the LM
    /// head's rows of "#" and of line ends get a bias.
    /// </summary>
    public void FavourThoughts(float opening = 1.5f, float ending = 0.9f)
    {
        using var noGrad = no_grad();
        Decoder.Parameters["model.embed_tokens.weight"].slice(1, 0, 1, 1).fill_(3);
        var head = Decoder.Parameters["lm_head.weight"];
        foreach (var opener in Snippets.SelectMany(snippet => snippet.Actions.ToArray()).Select(action => action.Opener[^1]).Distinct())
        {
            head[opener][0].fill_(opening);
        }

        foreach (var closing in Enumerable.Range(0, Config.VocabularySize).Where(Format.Closes))
        {
            head[closing][0].fill_(ending);
        }

        Decoder.Changed();
    }

    public void Dispose()
    {
        Decoder.Dispose();
        Format.Dispose();
        folders.ForEach(folder => Directory.Delete(folder, recursive: true));
    }

    private static string Program(int i) => $"""
        import math
        from os import path


        class Counter{i}:
            '''Counts things.

            Never below {i}.
            '''

            def __init__(self, start={i}):
                self.value = start  # where it begins

            def add(self, amount):
                if amount > {i + 1}:
                    self.value += amount
                else:
                    # too little to matter
                    self.value += 1
                return (self.value,
                        amount)


        def total(values):
            result = 0
            for value in values:
                result = result + value * {i % 4}
            return math.sqrt(result)

        """;
}
