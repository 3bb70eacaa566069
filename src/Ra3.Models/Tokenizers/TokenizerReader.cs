using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ra3.Models.Files;

namespace Ra3.Models.Tokenizers;

/// <summary>Reads the files of a tokenizer, in each of the forms they come in.</summary>
internal static class TokenizerReader
{
    private const string Main = "tokenizer.json";
    private const string Config = "tokenizer_config.json";

    /// <summary>Files that go along with a tokenizer and are written back with it.</summary>
    private static readonly string[] Kept = [Main, Config, "special_tokens_map.json", "chat_template.jinja", "chat_template.json"];

    public static TokenizerParts Read(string folder)
    {
        _ = AtomicWrite.FolderExists(folder);
        var parts = ReadForm(folder);
        return parts with
        {
            EndOfText = ReadEndOfText(folder, parts),
            BeginOfText = ReadBegin(folder, parts.BeginOfText),
            Files = ReadKept(folder),
        };
    }

    private static TokenizerParts ReadForm(string folder)
    {
        if (File.Exists(Path.Combine(folder, Main)))
        {
            return Parse(Path.Combine(folder, Main), FromTokenizerJson);
        }

        foreach (var (vocabulary, merges) in new[] { ("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe") })
        {
            var vocabularyPath = Path.Combine(folder, vocabulary);
            var mergesPath = Path.Combine(folder, merges);
            if (File.Exists(vocabularyPath))
            {
                return File.Exists(mergesPath)
                    ? Parse(vocabularyPath, root => FromVocabularyAndMerges(root, mergesPath, folder))
                    : throw new FileNotFoundException($"{vocabularyPath} needs its merges in {merges} beside it; the file is missing.", mergesPath);
            }
        }

        throw new FileNotFoundException($"No tokenizer in {folder}: it needs tokenizer.json, or vocab.json with merges.txt, or encoder.json with vocab.bpe.");
    }

    private static TokenizerParts FromTokenizerJson(JsonElement root)
    {
        var model = root.GetProperty("model");
        var type = Text(model, "type") ?? "BPE";
        if (type != "BPE")
        {
            throw new InvalidDataException($"it is a {type} tokenizer; only byte-level BPE can be used");
        }

        if (Text(model, "continuing_subword_prefix") is { Length: > 0 } || Text(model, "end_of_word_suffix") is { Length: > 0 })
        {
            throw new InvalidDataException("it marks sub-words with a prefix or suffix; only byte-level BPE can be used");
        }

        var (steps, byteLevel) = PreTokenizerSteps(Section(root, "pre_tokenizer"));
        if (!byteLevel)
        {
            throw new InvalidDataException("it does not work on bytes (no ByteLevel pre-tokenizer); only byte-level BPE can be used");
        }

        return new TokenizerParts(
            Vocabulary(model.GetProperty("vocab")),
            [.. model.GetProperty("merges").EnumerateArray().Select(Merge)],
            [.. AddedTokens(root)],
            new PreTokenizer(steps),
            ComposesText(Section(root, "normalizer")),
            Flag(model, "ignore_merges"))
        { BeginOfText = Section(root, "post_processor") is { } processor ? TemplateBegin(processor) : null };
    }

    /// <summary>The special token that a post-processor puts first.</summary>
    private static string? TemplateBegin(JsonElement processor) => Text(processor, "type") switch
    {
        "BertProcessing" or "RobertaProcessing" => processor.GetProperty("cls")[0].GetString(),
        "Sequence" => processor.GetProperty("processors").EnumerateArray().Select(TemplateBegin).FirstOrDefault(name => name is not null),
        "TemplateProcessing" => Section(processor.GetProperty("single").EnumerateArray().FirstOrDefault(), "SpecialToken") is { } token ? Text(token, "id") : null,
        _ => null,
    };

    private static (string Left, string Right) Merge(JsonElement merge)
    {
        if (merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2)
        {
            return (merge[0].GetString()!, merge[1].GetString()!);
        }

        return MergeLine(merge.GetString()!);
    }

    private static (string Left, string Right) MergeLine(string line) => line.Split(' ') is [{ Length: > 0 } left, { Length: > 0 } right]
        ? (left, right)
        : throw new InvalidDataException($"a merge should be two tokens with a space between, not '{line}'");

    private static IEnumerable<AddedToken> AddedTokens(JsonElement root)
    {
        foreach (var token in Section(root, "added_tokens")?.EnumerateArray() ?? default)
        {
            if (Flag(token, "single_word"))
            {
                throw new InvalidDataException($"its added token '{Text(token, "content")}' counts only as a whole word (single_word), which is not supported");
            }

            yield return new AddedToken(Id(token.GetProperty("id")), Text(token, "content")!, Flag(token, "special"), Flag(token, "lstrip"), Flag(token, "rstrip"));
        }
    }

    private static bool ComposesText(JsonElement? normalizer)
    {
        if (normalizer is not { } section)
        {
            return false;
        }

        return Text(section, "type") switch
        {
            "NFC" => true,
            "Sequence" => section.GetProperty("normalizers").EnumerateArray().Select(item => ComposesText(item)).ToList().Contains(true),
            var other => throw new InvalidDataException($"its normalizer is {other}; only NFC is supported"),
        };
    }

    private static (List<PreTokenizer.Step> Steps, bool ByteLevel) PreTokenizerSteps(JsonElement? preTokenizer)
    {
        var steps = new List<PreTokenizer.Step>();
        var byteLevel = false;
        if (preTokenizer is { } section)
        {
            Add(section);
        }

        return (steps, byteLevel);

        void Add(JsonElement part)
        {
            switch (Text(part, "type"))
            {
                case "Sequence":
                    foreach (var child in part.GetProperty("pretokenizers").EnumerateArray())
                    {
                        Add(child);
                    }

                    break;
                case "Split":
                    steps.Add(Split(part));
                    break;
                case "Digits":
                    // All numerals, as in the library's Rust original; its JavaScript port splits ASCII digits only.
                    steps.Add(new PreTokenizer.Step(Flag(part, "individual_digits") ? @"\p{N}" : @"\p{N}+"));
                    break;
                case "ByteLevel" when Flag(part, "add_prefix_space"):
                    throw new InvalidDataException("its ByteLevel pre-tokenizer adds a space in front of texts (add_prefix_space), which is not supported");
                case "ByteLevel":
                    byteLevel = true;
                    if (!part.TryGetProperty("use_regex", out var useRegex) || useRegex.GetBoolean())
                    {
                        steps.Add(new PreTokenizer.Step(WordScanner.Gpt2));
                    }

                    break;
                case var other:
                    throw new InvalidDataException($"its pre-tokenizer has a step of type {other}, which is not supported (Sequence, Split, Digits and ByteLevel are)");
            }
        }
    }

    private static PreTokenizer.Step Split(JsonElement part)
    {
        var pattern = part.GetProperty("pattern");
        var expression = Text(pattern, "Regex") ?? Regex.Escape(Text(pattern, "String") ?? throw new InvalidDataException("a Split without pattern"));
        return (Text(part, "behavior"), Flag(part, "invert")) switch
        {
            ("Isolated", _) => new PreTokenizer.Step(expression),
            ("Removed", true) => new PreTokenizer.Step(expression, StretchesAreWords: false),
            var (behavior, _) => throw new InvalidDataException($"its pre-tokenizer has a Split with behavior {behavior}, which is not supported (Isolated is)"),
        };
    }

    private static TokenizerParts FromVocabularyAndMerges(JsonElement root, string mergesPath, string folder)
    {
        var merges = new List<(string, string)>();
        foreach (var line in File.ReadLines(mergesPath))
        {
            if (line.Length > 0 && !line.StartsWith("#version", StringComparison.Ordinal))
            {
                try
                {
                    merges.Add(MergeLine(line));
                }
                catch (InvalidDataException error)
                {
                    throw new InvalidDataException($"{mergesPath}: {error.Message}.", error);
                }
            }
        }

        // These files say nothing of words, form or special tokens: the class named in tokenizer_config.json does.
        var added = new List<AddedToken>();
        var qwen = false;
        if (ReadJson(folder, Config) is { } config)
        {
            qwen = Text(config, "tokenizer_class")?.StartsWith("Qwen", StringComparison.Ordinal) ?? false;
            foreach (var entry in Section(config, "added_tokens_decoder")?.EnumerateObject() ?? default)
            {
                added.Add(new AddedToken(int.Parse(entry.Name, CultureInfo.InvariantCulture), Text(entry.Value, "content")!, Flag(entry.Value, "special"), Flag(entry.Value, "lstrip"), Flag(entry.Value, "rstrip")));
            }
        }

        var vocabulary = Vocabulary(root);
        if (added.Count == 0 && vocabulary.TryGetValue(Tokenizer.EndOfTextName, out var endOfText))
        {
            added.Add(new AddedToken(endOfText, Tokenizer.EndOfTextName, Special: true));
        }

        return new TokenizerParts(vocabulary, merges, added, PreTokenizer.Of(qwen ? WordScanner.Qwen2 : WordScanner.Gpt2), ComposesText: qwen);
    }

    /// <summary>add_bos_token or add_eos_token in the configuration replace the template of tokenizer.json, as in transformers 5.</summary>
    private static string? ReadBegin(string folder, string? template) =>
        ReadJson(folder, Config) is { } config && (config.TryGetProperty("add_bos_token", out _) || config.TryGetProperty("add_eos_token", out _))
            ? Flag(config, "add_bos_token") ? NamedToken(config, "bos_token") : null
            : template;

    /// <summary>A token that a configuration names, by its text or by an object that holds it.</summary>
    private static string? NamedToken(JsonElement config, string role) =>
        Section(config, role) is { ValueKind: JsonValueKind.Object } token ? Text(token, "content") : Text(config, role);

    private static string? ReadEndOfText(string folder, TokenizerParts parts)
    {
        if (ReadJson(folder, Config) is { } config && NamedToken(config, "eos_token") is { } name)
        {
            return name;
        }

        if (ReadJson(folder, "generation_config.json") is { } generation && generation.TryGetProperty("eos_token_id", out var ids))
        {
            var first = ids.ValueKind == JsonValueKind.Array ? ids.EnumerateArray().FirstOrDefault() : ids;
            if (first.ValueKind == JsonValueKind.Number)
            {
                var id = first.GetInt32();
                return parts.AddedTokens.FirstOrDefault(added => added.Id == id)?.Content;
            }
        }

        return null;
    }

    private static Dictionary<string, byte[]> ReadKept(string folder)
    {
        var files = new Dictionary<string, byte[]>();
        foreach (var name in Kept.Where(name => File.Exists(Path.Combine(folder, name))))
        {
            files.Add(name, File.ReadAllBytes(Path.Combine(folder, name)));
        }

        return files;
    }

    private static Dictionary<string, int> Vocabulary(JsonElement section)
    {
        var vocabulary = new Dictionary<string, int>(section.GetPropertyCount());
        foreach (var entry in section.EnumerateObject())
        {
            vocabulary[entry.Name] = Id(entry.Value);
        }

        return vocabulary;
    }

    /// <summary>Ids are bounded so that a corrupt one cannot ask for gigabytes.</summary>
    private static int Id(JsonElement value) => value.TryGetInt32(out var id) && id is >= 0 and < 1 << 26
        ? id
        : throw new InvalidDataException($"the token id {value} is out of range");

    private static JsonElement? ReadJson(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        return File.Exists(path)
            ? Parse(path, root => root.ValueKind == JsonValueKind.Object ? root.Clone() : throw new InvalidOperationException("it is no JSON object"))
            : null;
    }

    private static T Parse<T>(string path, Func<JsonElement, T> read)
    {
        try
        {
            using var stream = File.OpenRead(path);
            using var document = JsonDocument.Parse(stream);
            return read(document.RootElement);
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{path} is not whole JSON (line {error.LineNumber + 1}); fetch the file again.", error);
        }
        catch (Exception error) when (error is KeyNotFoundException or InvalidOperationException or FormatException or RegexParseException)
        {
            throw new InvalidDataException($"{path} is not a tokenizer as expected: {error.Message}", error);
        }
        catch (InvalidDataException error) when (!error.Message.Contains(path, StringComparison.Ordinal) && error.InnerException is null)
        {
            throw new InvalidDataException($"{path}: {error.Message}.", error);
        }
    }

    private static JsonElement? Section(JsonElement parent, string name)
        => parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string? Text(JsonElement parent, string name)
        => parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool Flag(JsonElement parent, string name)
        => parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}
