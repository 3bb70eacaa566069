namespace Ra3.Training.Runs;

/// <summary>How a run began; the content of run.json.</summary>
/// <param name="Command">The command line.</param>
/// <param name="Version">Version of this software, with the commit.</param>
/// <param name="StartedAt">UTC.</param>
public sealed record RunAbout(string Command, string Version, DateTimeOffset StartedAt)
{
    /// <summary>The token in front of every prompt and document, as the model's tokenizer has it; null where it puts none.</summary>
    public string? PromptBegin { get; init; }

    /// <summary>Fingerprints of what the run reads again whenever it goes on, by name; of older runs none.</summary>
    public IReadOnlyDictionary<string, string> Inputs { get; init; } = new Dictionary<string, string>();
}
