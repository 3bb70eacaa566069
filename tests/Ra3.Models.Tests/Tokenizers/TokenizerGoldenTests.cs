using System.Text.Json;
using System.Text.Json.Nodes;
using Ra3.Models.Tokenizers;

namespace Ra3.Tests.Tokenizers;

/// <summary>
/// Ids against the reference: every vector in Data/*.golden.jsonl was written by @huggingface/tokenizers 0.2.0 (JavaScript), for our own small
/// tokenizer under each kind of pre-tokenizer and for real ones, on texts of Python, white space, digits, contractions, special tokens and
/// letters from all planes.
/// </summary>
public sealed class TokenizerGoldenTests
{
    private const string Llama3 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    [Theory]
    [InlineData("qwen")]
    [InlineData("nfc")]
    [InlineData("llama")]
    [InlineData("gpt2")]
    [InlineData("digits")]
    [InlineData("splits")]
    [InlineData("whole")]
    public void A_small_tokenizer_gives_the_reference_ids_under_every_pre_tokenizer(string variant)
    {
        using var folder = new TemporaryFolder();
        var file = JsonNode.Parse(File.ReadAllText(TestData.Path("small.tokenizer.json")))!.AsObject();
        Change(file, variant);
        File.WriteAllText(folder.File("tokenizer.json"), file.ToJsonString());
        var tokenizer = Tokenizer.Load(folder.Path);

        Check(tokenizer, TestData.Golden("small").Where(vector => vector.Tokenizer == variant).ToList(), exactText: variant != "nfc");
    }

    [Fact]
    public void GPT2_from_encoder_json_and_vocab_bpe_gives_the_reference_ids()
        => Check(Tokenizer.Load(SharedData.Require("data/tokenizers/gpt2")), TestData.Golden("gpt2"), exactText: true);

    [Fact]
    public void Qwen_2_5_gives_the_reference_ids()
        => Check(Tokenizer.Load(SharedData.Require("data/tokenizers/qwen2_5")), TestData.Golden("qwen2_5"), exactText: false);

    [Fact]
    public void Llama_3_gives_the_reference_ids()
        => Check(Tokenizer.Load(SharedData.Require("data/tokenizers/llama3")), TestData.Golden("llama3"), exactText: true);

    private static void Check(Tokenizer tokenizer, List<GoldenVector> vectors, bool exactText)
    {
        vectors.Should().HaveCountGreaterThan(30);
        foreach (var (_, text, ids) in vectors)
        {
            tokenizer.Encode(text, allowSpecial: true).Should().Equal(ids, "that is the reference's encoding of {0}", JsonSerializer.Serialize(text));
            if (exactText)
            {
                tokenizer.Decode(ids).Should().Be(text);
            }
        }
    }

    private static void Change(JsonObject file, string variant)
    {
        switch (variant)
        {
            case "nfc":
                file["normalizer"] = new JsonObject { ["type"] = "NFC" };
                break;
            case "llama":
                file["pre_tokenizer"] = Sequence(Split(Llama3), ByteLevel(useRegex: false));
                break;
            case "gpt2":
                file["pre_tokenizer"] = ByteLevel(useRegex: true);
                break;
            case "digits":
                file["pre_tokenizer"] = Sequence(new JsonObject { ["type"] = "Digits", ["individual_digits"] = true }, ByteLevel(useRegex: true));
                break;
            case "splits":
                file["pre_tokenizer"] = Sequence(Split(@"[\r\n]"), Split(@"\s?\p{L}+"), Split(@"\s?\p{P}+"), Split(@"\p{N}+"), ByteLevel(useRegex: false));
                break;
            case "whole":
                file["model"]!["ignore_merges"] = true;
                file["model"]!["vocab"]!["\u0120quick"] = 600;
                file["model"]!["vocab"]!["zzzz"] = 601;
                break;
        }
    }

    private static JsonObject Sequence(params JsonNode[] steps) => new() { ["type"] = "Sequence", ["pretokenizers"] = new JsonArray(steps) };

    private static JsonObject Split(string expression) => new()
    {
        ["type"] = "Split",
        ["pattern"] = new JsonObject { ["Regex"] = expression },
        ["behavior"] = "Isolated",
        ["invert"] = false,
    };

    private static JsonObject ByteLevel(bool useRegex) => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = useRegex };
}
