using Ra3.Corpora;

namespace Ra3.MidTraining;

/// <summary>The snippets of a corpus, numbered through all of its documents: a snippet's random numbers depend on its number.</summary>
internal sealed class SnippetIndex
{
    private readonly TokenStore corpus;
    private readonly int maxTokens;
    private readonly long[] firstNumbers;
    private readonly List<(int Document, int First, int End)> learnable = [];

    /// <summary>Cuts every document.</summary>
    /// <exception cref="InvalidDataException">No line leaves room for a comment.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public SnippetIndex(TokenStore corpus, int maxTokens, CancellationToken stop = default)
    {
        (this.corpus, this.maxTokens, firstNumbers) = (corpus, maxTokens, new long[corpus.Count + 1]);
        for (var document = 0; document < corpus.Count; document++)
        {
            stop.ThrowIfCancellationRequested();
            firstNumbers[document + 1] = firstNumbers[document];
            foreach (var snippet in Snippet.Cut(corpus[document], maxTokens))
            {
                firstNumbers[document + 1]++;
                if (snippet.Tokens.Length <= maxTokens && Enumerable.Range(0, snippet.Actions.Length).Any(snippet.MayThink))
                {
                    learnable.Add((document, snippet.First, snippet.End));
                }
            }
        }

        if (learnable.Count == 0)
        {
            throw new InvalidDataException("No line of the corpus leaves room for a comment; mid-training needs Python source.");
        }
    }

    /// <summary>Snippets of at most the length given, with at least one place for a thought.</summary>
    public int Learnable => learnable.Count;

    /// <summary>One of them.</summary>
    public Snippet LearnableAt(int index) =>
        new(corpus[learnable[index].Document], learnable[index].First, learnable[index].End);

    /// <summary>A document's snippets, all of them, with their numbers.</summary>
    public IReadOnlyList<(long Number, Snippet Snippet)> Of(int document) =>
        [.. Snippet.Cut(corpus[document], maxTokens).Select((snippet, i) => (firstNumbers[document] + i, snippet))];
}
