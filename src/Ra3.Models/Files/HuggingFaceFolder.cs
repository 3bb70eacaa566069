using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Ra3.Models.Files;

/// <summary>
/// Model weights in a Hugging Face folder: model.safetensors, or shards named by model.safetensors.index.json, under the
/// names of <see cref="ModelConfig.ParameterShapes"/>. Tokenizer files are the caller's.
/// </summary>
public static class HuggingFaceFolder
{
    private const string SingleFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";
    private const string TemplateFolder = "additional_chat_templates";

    /// <summary>Reads every parameter of the configuration.</summary>
    /// <param name="folder">The model folder.</param>
    /// <param name="config">Its configuration (<see cref="ModelConfig.Load"/>).</param>
    /// <param name="dtype">Type to convert to; null keeps the file's.</param>
    /// <param name="device">Where the tensors go; null for the CPU.</param>
    /// <param name="requireFinite">Whether NaN and infinite values are refused.</param>
    /// <returns>Leaf tensors by name, owned by the caller. A tied model has no lm_head.weight, even where the file
    /// repeats it.</returns>
    /// <exception cref="InvalidDataException">Weights are absent, torn, superfluous, of another shape or not finite; all
    /// such tensors at once, with the file and what to do.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static Dictionary<string, Tensor> LoadWeights(
        string folder, ModelConfig config, ScalarType? dtype = null, Device? device = null, bool requireFinite = true)
    {
        var files = Open(folder);
        var weights = new Dictionary<string, Tensor>();
        try
        {
            var stored = new Dictionary<string, SafetensorsFile>();
            foreach (var (name, file) in files.SelectMany(file => file.Entries.Keys.Select(name => (name, file))))
            {
                if (!stored.TryAdd(name, file))
                {
                    throw new InvalidDataException($"Both {stored[name].Path} and {file.Path} hold tensor {name}: "
                        + "remove files that are not part of this model.");
                }
            }

            RequireShapes(folder, config, stored);
            RequireFloats(folder, config, stored);
            RequireTied(folder, config, stored);
            var bad = new List<string>();
            foreach (var (name, _) in config.ParameterShapes())
            {
                using var scope = NewDisposeScope();
                var read = stored[name].Read(name);
                if (requireFinite && read.is_floating_point() && !Finite.All(read))
                {
                    bad.Add(name);
                }

                weights[name] = read.to(dtype ?? read.dtype, device ?? CPU).DetachFromDisposeScope();
            }

            return bad.Count == 0 ? weights : throw new InvalidDataException(
                $"{folder}: NaN or infinite values in {Listed(bad)}. The training that wrote them had diverged: "
                + "take an earlier checkpoint.");
        }
        catch
        {
            foreach (var tensor in weights.Values)
            {
                tensor.Dispose();
            }

            throw;
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }
    }

    /// <summary>
    /// Makes a model folder that is whole or not there, replacing an older model folder of that name. Every file of the
    /// older one goes: a folder that holds anything but a model's files is refused.
    /// </summary>
    /// <param name="folder">The folder to make.</param>
    /// <param name="config">Written as config.json.</param>
    /// <param name="weights">Exactly the parameters of <see cref="ModelConfig.ParameterShapes"/>, on any device.</param>
    /// <param name="storeAs">Type of the stored weights; null keeps each tensor's own.</param>
    /// <param name="generationConfig">Text of generation_config.json; null writes the configuration's special tokens.</param>
    /// <param name="maxShardBytes">Largest weight file; more weights are sharded, one tensor never is.</param>
    /// <param name="addFiles">Puts further files (the tokenizer's) into the folder whose path it is given.</param>
    /// <exception cref="ArgumentException">The weights are not those of the configuration; all such tensors at once.</exception>
    /// <exception cref="IOException">Writing failed (a full disk, say), or the folder holds other things; what was there
    /// before is untouched.</exception>
    public static void Save(
        string folder, ModelConfig config, IReadOnlyDictionary<string, Tensor> weights, ScalarType? storeAs = null,
        string? generationConfig = null, long maxShardBytes = 5_000_000_000, Action<string>? addFiles = null)
    {
        RequireReplaceable(folder);
        AtomicWrite.Folder(folder, partial =>
        {
            Write(partial, config, weights, storeAs, generationConfig, maxShardBytes);
            addFiles?.Invoke(partial);
        });
    }

    /// <summary>As <see cref="Save"/>, but into a folder that exists, beside what it holds: for a folder that is itself
    /// made whole by <see cref="AtomicWrite.Folder"/>.</summary>
    public static void Write(
        string folder, ModelConfig config, IReadOnlyDictionary<string, Tensor> weights, ScalarType? storeAs = null,
        string? generationConfig = null, long maxShardBytes = 5_000_000_000)
    {
        config.Validate();
        var shapes = config.ParameterShapes().ToDictionary(parameter => parameter.Name, parameter => parameter.Shape);
        if (Differences(shapes, weights.ToDictionary(item => item.Key, item => item.Value.shape)) is { Count: > 0 } problems)
        {
            throw new ArgumentException($"These are not the weights of the configuration: {string.Join("; ", problems)}.");
        }

        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJson(TypeName(storeAs ?? weights.First().Value.dtype)));
        File.WriteAllText(
            Path.Combine(folder, "generation_config.json"), generationConfig ?? config.ToGenerationJson());

        var shards = Shards(shapes.Keys, name => Bytes(weights[name], storeAs), maxShardBytes);
        if (shards.Count == 1)
        {
            SafetensorsFile.Write(Path.Combine(folder, SingleFile), weights, storeAs);
            return;
        }

        var map = new JsonObject();
        for (var i = 0; i < shards.Count; i++)
        {
            var file = $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors";
            SafetensorsFile.Write(Path.Combine(folder, file), shards[i].ToDictionary(name => name, name => weights[name]), storeAs);
            shards[i].ForEach(name => map[name] = file);
        }

        var index = new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = weights.Values.Sum(tensor => Bytes(tensor, storeAs)) },
            ["weight_map"] = map,
        };
        File.WriteAllText(
            Path.Combine(folder, IndexFile), index.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    /// <summary>Copies what travels along from a model to one made from it: the tokenizer's files, chat templates, licences.</summary>
    /// <param name="from">The model folder.</param>
    /// <param name="to">The folder being made.</param>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static void CopyCompanions(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from).Where(file => IsCompanion(Path.GetFileName(file))))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        }

        var templates = Path.Combine(from, TemplateFolder);
        if (Directory.Exists(templates))
        {
            Directory.CreateDirectory(Path.Combine(to, TemplateFolder));
            foreach (var file in Directory.EnumerateFiles(templates))
            {
                File.Copy(file, Path.Combine(to, TemplateFolder, Path.GetFileName(file)), overwrite: true);
            }
        }
    }

    private static List<SafetensorsFile> Open(string folder)
    {
        _ = AtomicWrite.FolderExists(folder);
        var single = Path.Combine(folder, SingleFile);
        var index = Path.Combine(folder, IndexFile);
        string[] paths;
        if (File.Exists(single))
        {
            paths = [single];
        }
        else if (File.Exists(index))
        {
            paths = ShardPaths(folder, index);
        }
        else
        {
            throw new InvalidDataException(Directory.EnumerateFiles(folder, "*.bin").Any()
                ? $"{folder} holds its weights as pickled .bin files, which can run code when read: "
                    + "convert the model to safetensors (save_pretrained does)."
                : $"{folder} has neither {SingleFile} nor {IndexFile}: give a Hugging Face model folder with its weights.");
        }

        var files = new List<SafetensorsFile>();
        try
        {
            foreach (var path in paths)
            {
                files.Add(SafetensorsFile.Open(path));
            }

            return files;
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    private static string[] ShardPaths(string folder, string index)
    {
        List<string> names;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(index));
            names = [.. document.RootElement.GetProperty("weight_map").EnumerateObject()
                .Select(item => item.Value.GetString() ?? "").Distinct().Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new InvalidDataException($"{index} is no index of shards ({e.Message}): download or copy it again.", e);
        }

        if (names.Find(name => name != Path.GetFileName(name) || name is "" or "." or "..") is { } foreign)
        {
            throw new InvalidDataException($"{index} names \"{foreign}\", which is no file of this folder.");
        }

        return names.Where(name => !File.Exists(Path.Combine(folder, name))).ToList() is { Count: > 0 } absent
            ? throw new InvalidDataException($"{folder} lacks {Listed(absent)}, named by {IndexFile}: download them.")
            : [.. names.Select(name => Path.Combine(folder, name))];
    }

    private static void RequireShapes(string folder, ModelConfig config, Dictionary<string, SafetensorsFile> stored)
    {
        var shapes = config.ParameterShapes().ToDictionary(parameter => parameter.Name, parameter => parameter.Shape);
        var found = stored.ToDictionary(item => item.Key, item => item.Value.Entries[item.Key].Shape.ToArray());

        // Older Llama files keep RoPE's frequencies, which the configuration gives; a tied head may be stored twice.
        foreach (var name in found.Keys.Where(name => name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)
            || (config.TieEmbeddings && name == "lm_head.weight")).ToList())
        {
            found.Remove(name);
        }

        var problems = Differences(shapes, found);
        if (!config.TieEmbeddings && !found.ContainsKey("lm_head.weight") && found.ContainsKey("model.embed_tokens.weight"))
        {
            problems.Add("if the head is the embedding, config.json must say \"tie_word_embeddings\": true");
        }

        if (problems.Count > 0)
        {
            throw new InvalidDataException(
                $"{folder}: the weights do not fit config.json: {string.Join("; ", problems)}. "
                + "Take both from the same model.");
        }
    }

    private static void RequireFloats(string folder, ModelConfig config, Dictionary<string, SafetensorsFile> stored)
    {
        var others = config.ParameterShapes().Select(parameter => parameter.Name).Where(name => stored[name].Entries[name].Type
            is not (ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16)).ToList();
        if (others.Count > 0)
        {
            throw new InvalidDataException(
                $"{folder}: {Listed(others)} hold whole numbers, as quantised weights do: take the model with plain float weights.");
        }
    }

    /// <summary>A tied head may be stored beside the embedding, but must then be it.</summary>
    private static void RequireTied(string folder, ModelConfig config, Dictionary<string, SafetensorsFile> stored)
    {
        const string embedding = "model.embed_tokens.weight", head = "lm_head.weight";
        if (!config.TieEmbeddings || !stored.TryGetValue(head, out var file))
        {
            return;
        }

        using var scope = NewDisposeScope();
        var (tied, own) = (stored[embedding].Read(embedding), file.Read(head));
        if (tied.dtype != own.dtype)
        {
            (tied, own) = (tied.to_type(ScalarType.Float32), own.to_type(ScalarType.Float32));
        }

        if (!tied.shape.SequenceEqual(own.shape) || tied.ne(own).any().item<bool>())
        {
            throw new InvalidDataException(
                $"{folder}: config.json says \"tie_word_embeddings\": true, but the stored {head} is not the embedding. "
                + "Set it to false if the head was trained by itself, or remove the tensor.");
        }
    }

    private static List<string> Differences(Dictionary<string, long[]> wanted, Dictionary<string, long[]> found)
    {
        var problems = new List<string>();
        void Note(string what, IEnumerable<string> names)
        {
            if (names.ToList() is { Count: > 0 } some)
            {
                problems.Add($"{what} {Listed(some)}");
            }
        }

        Note("missing", wanted.Keys.Where(name => !found.ContainsKey(name)));
        Note("unexpected", found.Keys.Where(name => !wanted.ContainsKey(name)).Order(StringComparer.Ordinal));
        Note("misshapen", wanted.Where(item => found.TryGetValue(item.Key, out var shape) && !shape.SequenceEqual(item.Value))
            .Select(item => $"{item.Key} [{string.Join(", ", found[item.Key])}] (wanted [{string.Join(", ", item.Value)}])"));
        return problems;
    }

    private static string Listed(List<string> names) =>
        string.Join(", ", names.Take(8)) + (names.Count > 8 ? $" and {names.Count - 8} more" : "");

    private static long Bytes(Tensor tensor, ScalarType? storeAs) =>
        tensor.numel() * (storeAs is { } type ? SafetensorsHeader.Types.Values.First(known => known.Type == type).Bytes : tensor.element_size());

    private static List<List<string>> Shards(IEnumerable<string> names, Func<string, long> bytes, long maxShardBytes)
    {
        var shards = new List<List<string>> { new() };
        var filled = 0L;
        foreach (var name in names)
        {
            if (shards[^1].Count > 0 && filled + bytes(name) > maxShardBytes)
            {
                shards.Add([]);
                filled = 0;
            }

            shards[^1].Add(name);
            filled += bytes(name);
        }

        return shards;
    }

    private static string TypeName(ScalarType type) => type switch
    {
        ScalarType.BFloat16 => "bfloat16",
        ScalarType.Float16 => "float16",
        ScalarType.Float32 => "float32",
        ScalarType.Float64 => "float64",
        _ => throw new ArgumentException($"Weights of type {type} make no model: store them as float32 or bfloat16."),
    };

    private static void RequireReplaceable(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        var foreign = Directory.EnumerateFileSystemEntries(folder).FirstOrDefault(entry => Directory.Exists(entry)
            ? Path.GetFileName(entry) != TemplateFolder
            : !IsModelFile(Path.GetFileName(entry)));
        if (foreign is not null)
        {
            throw new IOException(
                $"{folder} holds {Path.GetFileName(foreign)}, which is not part of a model and would be lost: "
                + "choose another folder or move it.");
        }
    }

    private static bool IsModelFile(string name) =>
        name.EndsWith(".safetensors", StringComparison.Ordinal)
        || name is IndexFile or "config.json" or "generation_config.json"
        || IsCompanion(name);

    /// <summary>Whether a file of a model folder travels along to the models made from it: the tokenizer's files, templates, licences.</summary>
    private static bool IsCompanion(string name) =>
        name is "vocab.json" or "merges.txt" or "encoder.json" or "vocab.bpe" or "special_tokens_map.json" or "added_tokens.json" or TemplateFolder
        || Array.Exists(
            ["tokenizer", "chat_template", "LICENSE", "LICENCE", "NOTICE", "USE_POLICY"],
            start => name.StartsWith(start, StringComparison.OrdinalIgnoreCase));
}
