using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ra3.Models.Files;

namespace Ra3.Models.Tokenizers;

/// <summary>Writes tokenizer.json and tokenizer_config.json as the Hugging Face libraries read them.</summary>
internal static class TokenizerWriter
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(TokenizerParts parts, int? endOfText, string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var (name, bytes) in parts.Files)
        {
            WriteWhole(Path.Combine(folder, name), bytes);
        }

        WriteWhole(Path.Combine(folder, "tokenizer.json"), MainFile(parts));
        if (!parts.Files.ContainsKey("tokenizer_config.json"))
        {
            WriteWhole(Path.Combine(folder, "tokenizer_config.json"), Serialize(Configuration(parts, endOfText)));
        }
    }

    /// <summary>The bytes of tokenizer.json: those that were read, where they were.</summary>
    public static byte[] MainFile(TokenizerParts parts) => parts.Files.TryGetValue("tokenizer.json", out var bytes) ? bytes : Serialize(Describe(parts));

    private static byte[] Serialize(JsonObject content) => JsonSerializer.SerializeToUtf8Bytes(content, Readable);

    private static JsonObject Describe(TokenizerParts parts)
    {
        var vocabulary = new JsonObject();
        foreach (var (token, id) in parts.Vocabulary.OrderBy(entry => entry.Value))
        {
            vocabulary.Add(token, id);
        }

        var steps = new JsonArray();
        foreach (var step in parts.PreTokenizer.Steps)
        {
            steps.Add(new JsonObject
            {
                ["type"] = "Split",
                ["pattern"] = new JsonObject { ["Regex"] = step.Pattern },
                ["behavior"] = step.StretchesAreWords ? "Isolated" : "Removed",
                ["invert"] = !step.StretchesAreWords,
            });
        }

        steps.Add(ByteLevel());
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. parts.AddedTokens.OrderBy(token => token.Id).Select(token => Flags(token, withId: true))]),
            ["normalizer"] = parts.ComposesText ? new JsonObject { ["type"] = "NFC" } : null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "Sequence", ["pretokenizers"] = steps },
            ["post_processor"] = parts.AddedTokens.FirstOrDefault(token => token.Content == parts.BeginOfText) is { } begin
                ? new JsonObject { ["type"] = "Sequence", ["processors"] = new JsonArray(ByteLevel(), Beginning(begin)) }
                : ByteLevel(),
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = parts.PrefersWholeWords,
                ["vocab"] = vocabulary,
                // "a b" is read by every version of the library; tokens in the byte alphabet hold no space.
                ["merges"] = new JsonArray([.. parts.Merges.Select(merge => JsonValue.Create($"{merge.Left} {merge.Right}"))]),
            },
        };
    }

    private static JsonObject Configuration(TokenizerParts parts, int? endOfText)
    {
        var decoder = new JsonObject();
        foreach (var token in parts.AddedTokens.OrderBy(token => token.Id))
        {
            decoder.Add(token.Id.ToString(CultureInfo.InvariantCulture), Flags(token, withId: false));
        }

        return new JsonObject
        {
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
            ["added_tokens_decoder"] = decoder,
            ["bos_token"] = parts.BeginOfText,
            ["clean_up_tokenization_spaces"] = false,
            ["eos_token"] = parts.AddedTokens.FirstOrDefault(token => token.Id == endOfText)?.Content,
            ["model_max_length"] = 1_000_000_000,
        };
    }

    private static JsonObject Flags(AddedToken token, bool withId)
    {
        var flags = new JsonObject();
        if (withId)
        {
            flags.Add("id", token.Id);
        }

        flags.Add("content", token.Content);
        flags.Add("single_word", false);
        flags.Add("lstrip", token.StripLeft);
        flags.Add("rstrip", token.StripRight);
        flags.Add("normalized", false);
        flags.Add("special", token.Special);
        return flags;
    }

    private static JsonObject ByteLevel() => new()
    {
        ["type"] = "ByteLevel",
        ["add_prefix_space"] = false,
        ["trim_offsets"] = false,
        ["use_regex"] = false,
    };

    /// <summary>A template that puts a token in front of a text, and of each of two.</summary>
    private static JsonObject Beginning(AddedToken token)
    {
        return new JsonObject
        {
            ["type"] = "TemplateProcessing",
            ["single"] = new JsonArray(Special(0), Sequence("A", 0)),
            ["pair"] = new JsonArray(Special(0), Sequence("A", 0), Special(1), Sequence("B", 1)),
            ["special_tokens"] = new JsonObject
            {
                [token.Content] = new JsonObject
                {
                    ["id"] = token.Content,
                    ["ids"] = new JsonArray(token.Id),
                    ["tokens"] = new JsonArray(token.Content),
                },
            },
        };

        JsonObject Special(int type) => Item("SpecialToken", token.Content, type);

        static JsonObject Sequence(string name, int type) => Item("Sequence", name, type);

        static JsonObject Item(string kind, string id, int type) => new() { [kind] = new JsonObject { ["id"] = id, ["type_id"] = type } };
    }

    private static void WriteWhole(string path, byte[] bytes) => AtomicWrite.File(path, stream => stream.Write(bytes), bytes.Length);
}
