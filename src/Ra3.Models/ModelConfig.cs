namespace Ra3.Models;

/// <summary>The decoder families whose Hugging Face folders can be read and written.</summary>
public enum ModelFamily
{
    /// <summary>Llama 2 and 3: no biases, optional Llama-3 RoPE scaling.</summary>
    Llama,

    /// <summary>Qwen2 and Qwen2.5: biases on the query, key and value projections.</summary>
    Qwen2,

    /// <summary>Qwen3: RMSNorm on each query and key head, explicit head size.</summary>
    Qwen3,
}

/// <summary>
/// Llama-3 RoPE scaling. With inverse frequency f and wavelength w = 2π/f: w &lt; OriginalMaxPositions/HighFrequencyFactor
/// keeps f; w &gt; OriginalMaxPositions/LowFrequencyFactor takes f/Factor; between them the two are mixed with weight
/// s = (OriginalMaxPositions/w − LowFrequencyFactor)/(HighFrequencyFactor − LowFrequencyFactor) on the unscaled f.
/// </summary>
public sealed record Llama3RopeScaling(
    double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalMaxPositions);

/// <summary>
/// Everything that fixes a decoder's shape and arithmetic; read from and written to the config.json of a Hugging Face
/// folder. Dropout keys are ignored: none is ever applied.
/// </summary>
public sealed partial record ModelConfig
{
    /// <summary>Which family's parameter names and details apply.</summary>
    public required ModelFamily Family { get; init; }

    /// <summary>Rows of the embedding; token ids are in [0, VocabularySize).</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the SwiGLU hidden layer.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Number of decoder layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Number of query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Number of key and value heads; query head h reads key head h / (Heads / KeyValueHeads).</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Width of one head: an explicit head_dim, or HiddenSize / Heads. Even, for RoPE pairs i with i + HeadSize/2.</summary>
    public required int HeadSize { get; init; }

    /// <summary>RoPE base: inverse frequency i is RopeTheta^(−2i/HeadSize).</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>Llama-3 scaling of the inverse frequencies, or null for none.</summary>
    public Llama3RopeScaling? RopeScaling { get; init; }

    /// <summary>Added to the mean square inside every RMSNorm.</summary>
    public double RmsNormEpsilon { get; init; } = 1e-6;

    /// <summary>Longest sequence the model is meant for, in tokens.</summary>
    public int MaxPositions { get; init; } = 2048;

    /// <summary>Whether the LM head is the embedding matrix.</summary>
    public bool TieEmbeddings { get; init; }

    /// <summary>Whether q_proj, k_proj and v_proj carry a bias (o_proj never does): the Qwen2 family.</summary>
    public bool QkvBias => Family == ModelFamily.Qwen2;

    /// <summary>Whether queries and keys pass an RMSNorm over each head before RoPE: the Qwen3 family.</summary>
    public bool QkNorm => Family == ModelFamily.Qwen3;

    /// <summary>Standard deviation of freshly drawn weights.</summary>
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Token that begins a text, if the model has one.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Tokens that end a text; empty if the model has none.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Token that fills batches, if the model has one.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>Keys of the config.json it was read from that mean nothing here (transformers_version, attention_dropout, …), with the
    /// JSON of their values: they are written back as they were.</summary>
    public IReadOnlyDictionary<string, string> Other { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Every parameter by its Hugging Face name with its shape, in forward order; lm_head.weight is absent when tied.
    /// Linear weights are [out, in].
    /// </summary>
    public IEnumerable<(string Name, long[] Shape)> ParameterShapes()
    {
        long queries = (long)Heads * HeadSize, keys = (long)KeyValueHeads * HeadSize;
        yield return ("model.embed_tokens.weight", [VocabularySize, HiddenSize]);
        for (var layer = 0; layer < Layers; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            yield return (prefix + "input_layernorm.weight", [HiddenSize]);
            yield return (prefix + "self_attn.q_proj.weight", [queries, HiddenSize]);
            yield return (prefix + "self_attn.k_proj.weight", [keys, HiddenSize]);
            yield return (prefix + "self_attn.v_proj.weight", [keys, HiddenSize]);
            if (QkvBias)
            {
                yield return (prefix + "self_attn.q_proj.bias", [queries]);
                yield return (prefix + "self_attn.k_proj.bias", [keys]);
                yield return (prefix + "self_attn.v_proj.bias", [keys]);
            }

            if (QkNorm)
            {
                yield return (prefix + "self_attn.q_norm.weight", [HeadSize]);
                yield return (prefix + "self_attn.k_norm.weight", [HeadSize]);
            }

            yield return (prefix + "self_attn.o_proj.weight", [HiddenSize, queries]);
            yield return (prefix + "post_attention_layernorm.weight", [HiddenSize]);
            yield return (prefix + "mlp.gate_proj.weight", [IntermediateSize, HiddenSize]);
            yield return (prefix + "mlp.up_proj.weight", [IntermediateSize, HiddenSize]);
            yield return (prefix + "mlp.down_proj.weight", [HiddenSize, IntermediateSize]);
        }

        yield return ("model.norm.weight", [HiddenSize]);
        if (!TieEmbeddings)
        {
            yield return ("lm_head.weight", [VocabularySize, HiddenSize]);
        }
    }

    /// <summary>Number of parameters, a tied head counted once.</summary>
    public long ParameterCount() => ParameterShapes().Sum(parameter => parameter.Shape.Aggregate(1L, (a, b) => a * b));

    /// <summary>Refuses a shape that no decoder can have; every problem at once.</summary>
    /// <exception cref="ArgumentException">Sentences naming each key of config.json and its value.</exception>
    public void Validate()
    {
        if (Problems().ToList() is { Count: > 0 } problems)
        {
            throw new ArgumentException(string.Join(" ", problems));
        }
    }

    /// <summary>Refuses a tokenizer that does not belong to this model.</summary>
    /// <param name="tokenizerVocabulary">One more than the largest token id the tokenizer can give.</param>
    /// <exception cref="InvalidDataException">The tokenizer can give ids that the embedding has no row for.</exception>
    public void RequireVocabulary(int tokenizerVocabulary)
    {
        // Fewer tokens than rows is common: embeddings are padded to a round number.
        if (tokenizerVocabulary > VocabularySize)
        {
            throw new InvalidDataException(
                $"The tokenizer has {tokenizerVocabulary} tokens, but the model's embedding has only {VocabularySize} rows "
                + "(vocab_size): take the tokenizer files that came with this model.");
        }
    }

    private IEnumerable<string> Problems()
    {
        (string Key, int Value)[] sizes =
        [
            ("vocab_size", VocabularySize), ("hidden_size", HiddenSize), ("intermediate_size", IntermediateSize),
            ("num_hidden_layers", Layers), ("num_attention_heads", Heads), ("num_key_value_heads", KeyValueHeads),
            ("head_dim", HeadSize), ("max_position_embeddings", MaxPositions),
        ];
        foreach (var (key, value) in sizes.Where(size => size.Value < 1))
        {
            yield return $"{key} is {value}, but must be at least 1.";
        }

        if (Heads > 0 && KeyValueHeads > 0 && Heads % KeyValueHeads != 0)
        {
            yield return $"num_attention_heads is {Heads}, which num_key_value_heads, {KeyValueHeads}, does not divide.";
        }

        if (HeadSize % 2 != 0)
        {
            yield return $"head_dim is {HeadSize}, but rotary positions need an even head size.";
        }

        if (Family == ModelFamily.Llama && Heads > 0 && HiddenSize % Heads != 0)
        {
            yield return $"hidden_size is {HiddenSize}, which num_attention_heads, {Heads}, does not divide.";
        }

        (string Key, double Value)[] positive =
        [
            ("rope_theta", RopeTheta), ("rms_norm_eps", RmsNormEpsilon), ("rope_scaling.factor", RopeScaling?.Factor ?? 1),
            ("rope_scaling.low_freq_factor", RopeScaling?.LowFrequencyFactor ?? 1),
            ("rope_scaling.original_max_position_embeddings", RopeScaling?.OriginalMaxPositions ?? 1),
        ];
        foreach (var (key, value) in positive.Where(number => !(number.Value > 0) || double.IsInfinity(number.Value)))
        {
            yield return $"{key} is {value}, but must be a number above 0.";
        }

        if (RopeScaling is { } scaling && !(scaling.HighFrequencyFactor > scaling.LowFrequencyFactor))
        {
            yield return $"rope_scaling.high_freq_factor is {scaling.HighFrequencyFactor}, "
                + $"but must be above low_freq_factor, {scaling.LowFrequencyFactor}.";
        }

        if (!(InitializerRange >= 0 && InitializerRange <= 1))
        {
            yield return $"initializer_range is {InitializerRange}, but must be between 0 and 1.";
        }

        (string Key, int? Id)[] ids =
        [
            ("bos_token_id", BosTokenId), ("pad_token_id", PadTokenId),
            .. EosTokenIds.Select(id => ("eos_token_id", (int?)id)),
        ];
        foreach (var (key, id) in ids.Where(token => token.Id < 0 || token.Id >= VocabularySize))
        {
            yield return $"{key} is {id}, outside the vocabulary of {VocabularySize}.";
        }
    }
}
