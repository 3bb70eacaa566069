namespace Ra3.Benchmarks;

/// <summary>What a result depends on: hashes of contents, and settings, by name.</summary>
/// <param name="Parts">Value by name.</param>
public sealed record Provenance(IReadOnlyDictionary<string, string> Parts)
{
    /// <summary>Of nothing.</summary>
    public static Provenance None { get; } = new(new Dictionary<string, string>());

    /// <summary>Names of the parts in which two differ; none where they are equal.</summary>
    public IReadOnlyList<string> Differences(Provenance other) =>
        [.. Parts.Keys.Union(other.Parts.Keys)
            .Where(name => Parts.GetValueOrDefault(name) != other.Parts.GetValueOrDefault(name))];
}
