using System.ComponentModel.DataAnnotations;
using Ra3.MidTraining;
using Ra3.Models;
using TorchSharp;

namespace Ra3.Cli.Training;

/// <summary>What to train on.</summary>
internal sealed record CorpusRecipe
{
    /// <summary>Files and folders: .py, .jsonl(.gz|.zst), .parquet. None: the standard library of python3.</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    /// <summary>The JSON or Parquet field of the text; null tries text, content and code.</summary>
    public string? TextField { get; init; }

    /// <summary>Longer documents are left out (UTF-8 bytes).</summary>
    [Range(1, int.MaxValue)]
    public int MaxDocumentBytes { get; init; } = 1_000_000;

    /// <summary>The same with absolute paths.</summary>
    public CorpusRecipe Whole() => this with { Paths = [.. Paths.Select(Path.GetFullPath)] };
}

/// <summary>Code that is not trained on, and how it is measured; by share of the corpus or by path.</summary>
internal sealed record HeldOutRecipe : IValidatableObject
{
    /// <summary>Files and folders; none takes <see cref="Share"/>.</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    /// <summary>Share of the corpus's documents held out; 0 for none.</summary>
    [Range(0, 0.9)]
    public double Share { get; init; }

    /// <summary>Most tokens of a snippet.</summary>
    [Range(32, 1 << 20)]
    public int SnippetTokens { get; init; } = 256;

    /// <summary>Snippets measured without thoughts, spread evenly over the documents.</summary>
    [Range(1, int.MaxValue)]
    public int Snippets { get; init; } = 200;

    /// <summary>Snippets measured with the model's own thoughts; 0 leaves that out.</summary>
    [Range(0, int.MaxValue)]
    public int ThinkingSnippets { get; init; } = 64;

    /// <summary>Most tokens of a thought there; the same for every method, so that they compare.</summary>
    [Range(2, 4096)]
    public int ThoughtTokens { get; init; } = 32;

    /// <summary>Whether anything is held out.</summary>
    public bool Any => Paths.Count > 0 || Share > 0;

    /// <summary>The same with absolute paths.</summary>
    public HeldOutRecipe Whole() => this with { Paths = [.. Paths.Select(Path.GetFullPath)] };

    /// <summary>How thoughts are drawn while measuring.</summary>
    public LatentOptions Latents => new() { MaxTokens = ThoughtTokens, SnippetTokens = SnippetTokens };

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Paths.Count > 0 && Share > 0)
        {
            yield return new ValidationResult("give paths or a share, not both", [nameof(Share)]);
        }
    }
}

/// <summary>The type in which weights are stored.</summary>
internal enum WeightType
{
    /// <summary>As the optimizer holds them.</summary>
    Fp32,

    /// <summary>Half the size, rounded.</summary>
    Bf16,
}

/// <summary>The tokenizer of a new model: one that exists, or one trained on the corpus.</summary>
internal sealed record TokenizerRecipe
{
    /// <summary>A folder with tokenizer.json, or vocab.json and merges.txt; null trains one.</summary>
    public string? Folder { get; init; }

    /// <summary>Tokens of a trained one: 256 bytes, merges, and end of text.</summary>
    [Range(257, 1 << 20)]
    public int Vocabulary { get; init; } = 4096;
}

/// <summary>Shapes worth starting from.</summary>
internal enum ModelPreset
{
    /// <summary>About 3 M parameters besides the embedding, as in the quickstart: minutes on two cores.</summary>
    Small,

    /// <summary>About 25 M: hours on a CPU.</summary>
    Medium,

    /// <summary>About 100 M: a GPU.</summary>
    Large,
}

/// <summary>A new model: a preset, with any of its sizes replaced.</summary>
internal sealed record ModelRecipe
{
    public ModelPreset Preset { get; init; } = ModelPreset.Small;

    public ModelFamily Family { get; init; } = ModelFamily.Llama;

    /// <summary>Width of the residual stream; null leaves the preset's, as for all that follow.</summary>
    public int? HiddenSize { get; init; }

    public int? IntermediateSize { get; init; }

    public int? Layers { get; init; }

    public int? Heads { get; init; }

    public int? KeyValueHeads { get; init; }

    /// <summary>Null: hiddenSize over heads.</summary>
    public int? HeadSize { get; init; }

    public bool TieEmbeddings { get; init; } = true;

    /// <summary>Longest sequence the model is meant for, in tokens.</summary>
    public int MaxPositions { get; init; } = 2048;

    public double RopeTheta { get; init; } = 10_000;

    /// <summary>The shape for a tokenizer.</summary>
    /// <exception cref="ArgumentException">No decoder can have it; says why.</exception>
    public ModelConfig ToConfig(int vocabulary, int endOfText)
    {
        var (hidden, intermediate, layers, heads, keyHeads) = Preset switch
        {
            ModelPreset.Small => (256, 704, 4, 4, 2),
            ModelPreset.Medium => (512, 1408, 8, 8, 4),
            _ => (768, 2048, 14, 12, 4),
        };
        var config = new ModelConfig
        {
            Family = Family,
            VocabularySize = vocabulary,
            HiddenSize = HiddenSize ?? hidden,
            IntermediateSize = IntermediateSize ?? intermediate,
            Layers = Layers ?? layers,
            Heads = Heads ?? heads,
            KeyValueHeads = KeyValueHeads ?? keyHeads,
            HeadSize = HeadSize ?? Math.Max(1, (HiddenSize ?? hidden) / Math.Max(1, Heads ?? heads)),
            TieEmbeddings = TieEmbeddings,
            MaxPositions = MaxPositions,
            RopeTheta = RopeTheta,
            EosTokenIds = [endOfText],
        };
        config.Validate();
        return config;
    }
}

/// <summary>`ra3 pretrain`: a model from scratch.</summary>
internal sealed record PretrainRecipe
{
    public CorpusRecipe Corpus { get; init; } = new();

    public HeldOutRecipe HeldOut { get; init; } = new();

    public TokenizerRecipe Tokenizer { get; init; } = new();

    public ModelRecipe Model { get; init; } = new();

    public NextTokenOptions Training { get; init; } = new();

    public long Seed { get; init; } = 1;

    public Precision Precision { get; init; }

    public WeightType Weights { get; init; }
}

/// <summary>How a model is mid-trained.</summary>
internal enum MidTrainMethod
{
    /// <summary>Reasoning as action abstractions: E-step, bootstrap, M-step.</summary>
    Ra3,

    /// <summary>Next-token prediction on the same corpus: the baseline.</summary>
    Ntp,
}

/// <summary>`ra3 midtrain`. One recipe may serve both methods; each reads its own section.</summary>
internal sealed record MidTrainRecipe : IValidatableObject
{
    public MidTrainMethod Method { get; init; } = MidTrainMethod.Ra3;

    /// <summary>The Hugging Face folder to start from; --model sets it.</summary>
    public string? Model { get; init; }

    public CorpusRecipe Corpus { get; init; } = new();

    /// <summary>Text of the kind the model was pre-trained on, trained on beside the corpus by either method, against forgetting; no paths:
    /// none.</summary>
    public CorpusRecipe Replay { get; init; } = new();

    public HeldOutRecipe HeldOut { get; init; } = new();

    public NextTokenOptions Ntp { get; init; } = new();

    public MidTrainingOptions Ra3 { get; init; } = new();

    public long Seed { get; init; } = 1;

    public Precision Precision { get; init; }

    public WeightType Weights { get; init; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (string.IsNullOrEmpty(Model))
        {
            yield return new ValidationResult("is missing: name a Hugging Face folder with --model DIR", [nameof(Model)]);
        }
    }
}

/// <summary>Conversions.</summary>
internal static class WeightTypes
{
    public static torch.ScalarType ToScalarType(this WeightType type) =>
        type == WeightType.Bf16 ? torch.ScalarType.BFloat16 : torch.ScalarType.Float32;
}
