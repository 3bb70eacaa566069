using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ra3.Models.Files;

namespace Ra3.Models;

/// <content>config.json in and out; both the older key layout (rope_theta, rope_scaling, torch_dtype) and the newer one
/// (rope_parameters, dtype) are read.</content>
public sealed partial record ModelConfig
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>
    /// Reads config.json of a model folder. Where the folder has a generation_config.json that names end-of-text tokens,
    /// these win, as they do when the Python stack generates.
    /// </summary>
    /// <exception cref="InvalidDataException">The folder has no config.json, or it is no JSON, lacks a key or asks for
    /// what is not supported; the message names the file and every such key with its value.</exception>
    public static ModelConfig Load(string folder)
    {
        var isThere = AtomicWrite.FolderExists(folder);
        var path = Path.Combine(folder, "config.json");
        if (!File.Exists(path))
        {
            throw new InvalidDataException(
                isThere
                    ? $"{folder} has no config.json: give a Hugging Face model folder."
                    : $"There is no folder {folder}: give a Hugging Face model folder.");
        }

        var config = Parse(File.ReadAllText(path), path);
        var generation = Path.Combine(folder, "generation_config.json");
        if (!File.Exists(generation))
        {
            return config;
        }

        var reader = new ConfigReader(File.ReadAllText(generation), generation);
        if (reader.Integers("eos_token_id", []) is { Length: > 0 } eos)
        {
            config = config with { EosTokenIds = eos };
            reader.Problems.AddRange(config.Problems());
        }

        reader.ThrowIfFailed();
        return config;
    }

    /// <summary>Reads the text of a config.json.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What messages call it.</param>
    /// <exception cref="InvalidDataException">As for <see cref="Load"/>.</exception>
    public static ModelConfig Parse(string json, string source = "config.json")
    {
        var reader = new ConfigReader(json, source);
        var family = reader.Text("model_type") switch
        {
            "llama" => ModelFamily.Llama,
            "qwen2" => ModelFamily.Qwen2,
            "qwen3" => ModelFamily.Qwen3,
            var other => throw new InvalidDataException(
                $"{source}: model_type is {(other is null ? "absent" : $"\"{other}\"")}, "
                + "but must be \"llama\", \"qwen2\" or \"qwen3\"."),
        };
        var llama = family == ModelFamily.Llama;
        reader.RefuseUnsupported(family);

        // Defaults are those of the Hugging Face configuration classes.
        int hidden = reader.Integer("hidden_size"), heads = reader.Integer("num_attention_heads");
        var implied = heads > 0 ? hidden / heads : 0;
        var (theta, scaling) = reader.Rope();
        var config = new ModelConfig
        {
            Family = family,
            VocabularySize = reader.Integer("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = reader.Integer("intermediate_size"),
            Layers = reader.Integer("num_hidden_layers"),
            Heads = heads,
            KeyValueHeads = reader.OptionalInteger("num_key_value_heads", llama ? heads : 32) ?? heads,
            HeadSize = reader.OptionalInteger("head_dim", family == ModelFamily.Qwen3 ? 128 : null) ?? implied,
            RopeTheta = theta,
            RopeScaling = scaling,
            RmsNormEpsilon = reader.Number("rms_norm_eps", 1e-6),
            MaxPositions = reader.OptionalInteger("max_position_embeddings", llama ? 2048 : 32768) ?? 0,
            TieEmbeddings = reader.Flag("tie_word_embeddings"),
            InitializerRange = reader.Number("initializer_range", 0.02),
            BosTokenId = reader.OptionalInteger("bos_token_id", llama ? 1 : null),
            EosTokenIds = reader.Integers("eos_token_id", llama ? [2] : []),
            PadTokenId = reader.OptionalInteger("pad_token_id", null),
        };
        if (!reader.Failed)
        {
            // Ids outside the vocabulary occur in published files (a pad id of -1): such a token cannot be met.
            config = config with
            {
                BosTokenId = config.InVocabulary(config.BosTokenId),
                PadTokenId = config.InVocabulary(config.PadTokenId),
            };
            reader.Problems.AddRange(config.Problems());
        }

        reader.ThrowIfFailed();
        var own = JsonNode.Parse(config.ToJson())!.AsObject().Select(item => item.Key).Concat(["rope_parameters", "dtype"]);
        return config with { Other = reader.Besides(own.ToHashSet(StringComparer.Ordinal)) };
    }

    /// <summary>The text of a config.json that the Hugging Face stack loads (older key layout, which every version reads).</summary>
    /// <param name="torchDtype">What the folder's weights are stored as: "float32", "bfloat16" or "float16".</param>
    public string ToJson(string torchDtype = "float32")
    {
        var json = new JsonObject
        {
            ["architectures"] = new JsonArray($"{Family}ForCausalLM"),
            ["bos_token_id"] = BosTokenId,
            ["eos_token_id"] = EosJson(),
            ["head_dim"] = HeadSize,
            ["hidden_act"] = "silu",
            ["hidden_size"] = HiddenSize,
            ["initializer_range"] = Float(InitializerRange),
            ["intermediate_size"] = IntermediateSize,
            ["max_position_embeddings"] = MaxPositions,
            ["model_type"] = Family.ToString().ToLowerInvariant(),
            ["num_attention_heads"] = Heads,
            ["num_hidden_layers"] = Layers,
            ["num_key_value_heads"] = KeyValueHeads,
            ["pad_token_id"] = PadTokenId,
            ["rms_norm_eps"] = Float(RmsNormEpsilon),
            ["rope_scaling"] = RopeScaling is not { } scaling ? null : new JsonObject
            {
                ["factor"] = Float(scaling.Factor),
                ["high_freq_factor"] = Float(scaling.HighFrequencyFactor),
                ["low_freq_factor"] = Float(scaling.LowFrequencyFactor),
                ["original_max_position_embeddings"] = scaling.OriginalMaxPositions,
                ["rope_type"] = "llama3",
            },
            ["rope_theta"] = Float(RopeTheta),
            ["tie_word_embeddings"] = TieEmbeddings,
            ["torch_dtype"] = torchDtype,
            ["vocab_size"] = VocabularySize,
        };
        if (Family != ModelFamily.Qwen2)
        {
            json["attention_bias"] = false;
        }

        if (Family == ModelFamily.Llama)
        {
            json["mlp_bias"] = false;
        }
        else
        {
            json["use_sliding_window"] = false;
        }

        foreach (var (key, value) in Other)
        {
            json.TryAdd(key, JsonNode.Parse(value));
        }

        return json.ToJsonString(Indented) + "\n";
    }

    /// <summary>The text of a generation_config.json that names this model's special tokens.</summary>
    public string ToGenerationJson() => new JsonObject
    {
        ["bos_token_id"] = BosTokenId,
        ["eos_token_id"] = EosJson(),
        ["pad_token_id"] = PadTokenId,
    }.ToJsonString(Indented) + "\n";

    private JsonNode? EosJson() => EosTokenIds.Count switch
    {
        0 => null,
        1 => EosTokenIds[0],
        _ => new JsonArray([.. EosTokenIds.Select(id => (JsonNode)id)]),
    };

    /// <summary>A number that Python reads as a float, whole or not: its loaders tell 32 from 32.0.</summary>
    private static JsonNode Float(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return JsonNode.Parse(text.AsSpan().ContainsAny('.', 'E') ? text : text + ".0")!;
    }

    private int? InVocabulary(int? id) => id >= 0 && id < VocabularySize ? id : null;
}
