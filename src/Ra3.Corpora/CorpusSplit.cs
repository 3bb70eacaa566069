namespace Ra3.Corpora;

/// <summary>A named part of a corpus and its share.</summary>
/// <param name="Name">Such as "pretrain", "midtrain" or "heldout".</param>
/// <param name="Weight">Above 0; shares are weights over their sum.</param>
public sealed record CorpusPart(string Name, double Weight);

/// <summary>
/// Divides documents into named parts by a hash of their text, or of another key: a document's part depends on nothing but that, the seed
/// and the weights, so the same file is never in two parts, and new files move no old ones. Shares hold in expectation.
/// </summary>
public sealed class CorpusSplit
{
    private readonly CorpusPart[] parts;
    private readonly double total;
    private readonly ulong seed;
    private readonly Func<SourceDocument, string> key;

    /// <summary>A split into at least one part.</summary>
    /// <param name="parts">The parts.</param>
    /// <param name="seed">Another seed divides otherwise.</param>
    /// <param name="key">What decides on a document; its text where this is null.</param>
    /// <exception cref="ArgumentException">There is no part, a weight is not above 0, or a name occurs twice.</exception>
    public CorpusSplit(IReadOnlyList<CorpusPart> parts, ulong seed = 0, Func<SourceDocument, string>? key = null)
    {
        this.key = key ?? (document => document.Text);
        this.parts = [.. parts];
        this.seed = seed;
        total = parts.Sum(part => part.Weight);
        if (parts.Count == 0 || parts.Any(part => !(part.Weight > 0 && double.IsFinite(part.Weight))) || parts.DistinctBy(part => part.Name).Count() < parts.Count)
        {
            throw new ArgumentException("A split needs parts with different names and weights above 0.", nameof(parts));
        }
    }

    /// <summary>The name of the part a document belongs to.</summary>
    public string PartOf(SourceDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        var hash = (ulong)ContentHash.Of($"{seed}\n{key(document)}");
        var place = (hash >> 11) * (1.0 / (1UL << 53)) * total;
        foreach (var part in parts)
        {
            place -= part.Weight;
            if (place < 0)
            {
                return part.Name;
            }
        }

        return parts[^1].Name;
    }

    /// <summary>All parts with their documents, in the documents' order; a part may be empty.</summary>
    public IReadOnlyDictionary<string, List<SourceDocument>> Divide(IEnumerable<SourceDocument> documents)
    {
        var divided = parts.ToDictionary(part => part.Name, _ => new List<SourceDocument>());
        foreach (var document in documents)
        {
            divided[PartOf(document)].Add(document);
        }

        return divided;
    }
}
