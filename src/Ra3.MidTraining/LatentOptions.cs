using System.ComponentModel.DataAnnotations;

namespace Ra3.MidTraining;

/// <summary>What a latent is: a one-line Python comment before a line of code (S), drawn token by token (C).</summary>
public sealed record LatentOptions : IValidatableObject
{
    /// <summary>Most tokens of a latent after its "#", the line end included; a longer one is invalid.</summary>
    public int MaxTokens { get; init; } = 32;

    /// <summary>Temperature at which decisions and latents are drawn; 1 is the model's own distribution.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Most tokens of a snippet: a stretch of whole lines through which one trajectory runs.</summary>
    public int SnippetTokens { get; init; } = 256;

    /// <summary>Sequences decoded side by side while sampling.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Every value out of range.</summary>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (MaxTokens < 2)
        {
            yield return new ValidationResult($"must be at least 2 (one token and a line end), not {MaxTokens}", ["maxTokens"]);
        }

        if (!(Temperature >= 0.001 && Temperature <= 100))
        {
            yield return new ValidationResult($"must be 0.001 to 100, not {Temperature}", ["temperature"]);
        }

        if (SnippetTokens < 16)
        {
            yield return new ValidationResult($"must be at least 16, not {SnippetTokens}", ["snippetTokens"]);
        }

        if (BatchSize < 1)
        {
            yield return new ValidationResult($"must be at least 1, not {BatchSize}", ["batchSize"]);
        }
    }
}
