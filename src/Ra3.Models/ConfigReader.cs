using System.Text.Json;

namespace Ra3.Models;

/// <summary>Reads the keys of a config.json, collecting every problem as a sentence before any is thrown.</summary>
internal sealed class ConfigReader
{
    private const double DefaultTheta = 10000;

    private readonly string source;
    private readonly JsonElement root;

    public ConfigReader(string json, string source)
    {
        this.source = source;
        try
        {
            using var document = JsonDocument.Parse(json);
            root = document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{source} is not valid JSON ({e.Message}): fetch or write the file again.", e);
        }

        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"{source} holds no JSON object: fetch or write the file again.");
        }
    }

    public List<string> Problems { get; } = [];

    public bool Failed => Problems.Count > 0;

    public void ThrowIfFailed()
    {
        if (Failed)
        {
            throw new InvalidDataException($"{source}: {string.Join(" ", Problems)}");
        }
    }

    public string? Text(string key) =>
        Find(root, key) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    public int Integer(string key)
    {
        if (Find(root, key) is null)
        {
            Problems.Add($"{key} is absent.");
            return 0;
        }

        return OptionalInteger(key, null) ?? 0;
    }

    /// <summary>The key's integer; the default where the key is absent; null where it is null.</summary>
    public int? OptionalInteger(string key, int? whenAbsent)
    {
        if (!root.TryGetProperty(key, out var value))
        {
            return whenAbsent;
        }

        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number))
        {
            return number;
        }

        Problems.Add($"{key} is {value.GetRawText()}, but must be an integer.");
        return null;
    }

    /// <summary>The key's integer or list of integers.</summary>
    public int[] Integers(string key, int[] whenAbsent)
    {
        if (!root.TryGetProperty(key, out var value) || value.ValueKind != JsonValueKind.Array)
        {
            return root.TryGetProperty(key, out _) ? OptionalInteger(key, null) is { } one ? [one] : [] : whenAbsent;
        }

        var numbers = new List<int>();
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var number))
            {
                numbers.Add(number);
            }
            else
            {
                Problems.Add($"{key} is {value.GetRawText()}, but must hold integers.");
                break;
            }
        }

        return [.. numbers];
    }

    public double Number(string key, double whenAbsent) => Number(root, key, key, whenAbsent) ?? whenAbsent;

    public bool Flag(string key)
    {
        if (Find(root, key) is not { } value)
        {
            return false;
        }

        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
        {
            Problems.Add($"{key} is {value.GetRawText()}, but must be true or false.");
        }

        return value.ValueKind == JsonValueKind.True;
    }

    /// <summary>RoPE base and scaling from rope_parameters (newer) or rope_theta and rope_scaling (older). Where a file has both, readers
    /// disagree on which counts, so they must say the same.</summary>
    public (double Theta, Llama3RopeScaling? Scaling) Rope()
    {
        double? whole = Find(root, "rope_theta") is null ? null : Number("rope_theta", DefaultTheta);
        var newer = Rope("rope_parameters", whole);
        var older = Rope("rope_scaling", newer?.Theta ?? whole);
        if (newer is not null && older is not null && newer != older && !Failed)
        {
            Problems.Add("rope_parameters and rope_scaling are both given and differ: remove the one that does not hold.");
        }

        return newer ?? older ?? (whole ?? DefaultTheta, null);
    }

    /// <summary>Keys that are none of those named, with their values as the file has them, as JSON.</summary>
    public Dictionary<string, string> Besides(IReadOnlySet<string> keys) => root.EnumerateObject()
        .Where(property => !keys.Contains(property.Name)).ToDictionary(property => property.Name, property => property.Value.GetRawText());

    /// <summary>The base that a section names, which must not differ from one named outside it: readers disagree on which counts.</summary>
    private double Theta(JsonElement rope, string name, double? outside)
    {
        var own = Number(rope, "rope_theta", $"{name}.rope_theta", double.NaN) ?? double.NaN;
        if (!double.IsNaN(own) && outside is { } given && own != given)
        {
            Problems.Add($"rope_theta is {given} outside {name} and {own} in it: remove the one that does not hold.");
        }

        return double.IsNaN(own) ? outside ?? DefaultTheta : own;
    }

    private (double Theta, Llama3RopeScaling? Scaling)? Rope(string name, double? outside)
    {
        if (Find(root, name) is not { } rope)
        {
            return null;
        }

        if (rope.ValueKind != JsonValueKind.Object)
        {
            Problems.Add($"{name} is {rope.GetRawText()}, but must be an object.");
            return null;
        }

        if (!rope.EnumerateObject().Any())
        {
            return null; // says nothing, as null does
        }

        if (rope.EnumerateObject().Any(property => property.Value.ValueKind == JsonValueKind.Object))
        {
            // One set for each type of layer; other types than full attention are refused.
            if (Find(rope, "full_attention") is not { ValueKind: JsonValueKind.Object } full)
            {
                Problems.Add($"{name} is {rope.GetRawText()}, but has nothing for \"full_attention\".");
                return null;
            }

            outside = Find(rope, "rope_theta") is null ? outside : Theta(rope, name, outside);
            (rope, name) = (full, name + ".full_attention");
        }

        var theta = Theta(rope, name, outside);
        if (Number(rope, "partial_rotary_factor", $"{name}.partial_rotary_factor", 1) is { } part && part != 1)
        {
            Problems.Add($"{name}.partial_rotary_factor is {part}, but only 1 is supported.");
        }

        var (newer, older) = (Find(rope, "rope_type"), Find(rope, "type"));
        if (newer is not null && older is not null && newer.Value.GetRawText() != older.Value.GetRawText())
        {
            Problems.Add($"{name}.rope_type and {name}.type are both given and differ: remove the one that does not hold.");
        }

        var type = newer ?? older;
        var typeName = type is { ValueKind: JsonValueKind.String } text ? text.GetString() : type?.GetRawText() ?? "default";
        if (typeName == "default")
        {
            if (Number(rope, "factor", $"{name}.factor", 1) is { } unused && unused != 1)
            {
                Problems.Add($"{name}.factor is {unused}, but no rope_type says how positions are scaled by it.");
            }

            return (theta, null);
        }

        if (typeName != "llama3")
        {
            Problems.Add($"{name} asks for rope_type \"{typeName}\", but only \"default\" and \"llama3\" are supported.");
            return (theta, null);
        }

        if (Find(rope, "original_max_position_embeddings") is { ValueKind: JsonValueKind.Number } before && before.GetDouble() % 1 != 0)
        {
            Problems.Add($"{name}.original_max_position_embeddings is {before.GetRawText()}, but must be a whole number.");
        }

        double? Required(string key) => Number(rope, key, $"{name}.{key}", null);
        return Required("factor") is { } factor && Required("low_freq_factor") is { } low && Required("high_freq_factor") is { } high
            && Required("original_max_position_embeddings") is { } original
            ? (theta, new Llama3RopeScaling(factor, low, high, (int)original))
            : (theta, null);
    }

    /// <summary>Notes every key that asks for arithmetic this decoder does not do.</summary>
    public void RefuseUnsupported(ModelFamily family)
    {
        var wanted = $"{family}ForCausalLM";
        if (Find(root, "architectures") is { ValueKind: JsonValueKind.Array } architectures
            && !architectures.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.String && item.GetString() == wanted))
        {
            Problems.Add($"architectures is {architectures.GetRawText()}, but only [\"{wanted}\"] is supported.");
        }

        Only("hidden_act", "only \"silu\" is supported", value => value.ValueEquals("silu"), JsonValueKind.String);
        if (family != ModelFamily.Qwen2)
        {
            // In these families the flag puts a bias on o_proj as well.
            Only("attention_bias", "biases on all attention projections are not supported", _ => true, JsonValueKind.False);
        }

        Only("mlp_bias", "biases in the MLP are not supported", _ => true, JsonValueKind.False);
        Only("partial_rotary_factor", "only 1 is supported", value => value.GetDouble() == 1, JsonValueKind.Number);
        foreach (var key in new[] { "num_experts", "num_local_experts" })
        {
            Only(key, "mixtures of experts are not supported", value => value.GetDouble() <= 1, JsonValueKind.Number);
        }

        Only("quantization_config", "only plain float weights are supported", _ => false, JsonValueKind.Object);
        Only(
            "layer_types", "only \"full_attention\" is supported",
            value => value.EnumerateArray().All(
                item => item.ValueKind == JsonValueKind.String && item.ValueEquals("full_attention")),
            JsonValueKind.Array);

        // Qwen files name a window and a first windowed layer even where the switch is off or no layer is that deep.
        if (Find(root, "use_sliding_window") is { ValueKind: JsonValueKind.True } && Find(root, "sliding_window") is { } window
            && Find(root, "layer_types") is null
            && OptionalInteger("max_window_layers", 28) < OptionalInteger("num_hidden_layers", null))
        {
            Problems.Add($"use_sliding_window is true with sliding_window {window.GetRawText()}, "
                + "but attention windows are not supported.");
        }
    }

    /// <summary>A key that is not null.</summary>
    private static JsonElement? Find(JsonElement owner, string key) =>
        owner.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private double? Number(JsonElement owner, string key, string name, double? whenAbsent)
    {
        if (Find(owner, key) is not { } value)
        {
            if (whenAbsent is null)
            {
                Problems.Add($"{name} is absent.");
            }

            return whenAbsent;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number))
        {
            return number;
        }

        Problems.Add($"{name} is {value.GetRawText()}, but must be a number.");
        return null;
    }

    private void Only(string key, string reason, Func<JsonElement, bool> allowed, JsonValueKind kind)
    {
        if (Find(root, key) is { } value && !(value.ValueKind == kind && allowed(value)))
        {
            Problems.Add($"{key} is {value.GetRawText()}, but {reason}.");
        }
    }
}
