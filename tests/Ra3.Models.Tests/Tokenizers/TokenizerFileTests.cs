using System.Text.Json.Nodes;
using Ra3.Models.Tokenizers;

namespace Ra3.Tests.Tokenizers;

/// <summary>What a tokenizer's folder may hold, and what is said when it is wrong.</summary>
public sealed class TokenizerFileTests
{
    [Fact]
    public void Merges_may_be_strings_or_pairs()
    {
        using var folder = new TemporaryFolder();
        Write(folder, file =>
        {
            var pairs = file["model"]!["merges"]!.AsArray().Select(merge => new JsonArray([.. merge!.GetValue<string>().Split(' ').Select(part => JsonValue.Create(part))]));
            file["model"]!["merges"] = new JsonArray([.. pairs]);
        });

        Tokenizer.Load(folder.Path).Encode("return self.value").Should().Equal(TestData.Small.Encode("return self.value"));
    }

    [Theory]
    [InlineData("vocab.json", "merges.txt", "#version: 0.2\n")]
    [InlineData("encoder.json", "vocab.bpe", "")]
    public void Vocabulary_and_merges_may_be_files_of_their_own(string vocabulary, string merges, string header)
    {
        using var folder = new TemporaryFolder();
        var model = Small()["model"]!;
        File.WriteAllText(folder.File(vocabulary), model["vocab"]!.ToJsonString());
        File.WriteAllText(folder.File(merges), header + string.Join('\n', model["merges"]!.AsArray().Select(merge => merge!.GetValue<string>())) + "\n");
        File.WriteAllText(folder.File("tokenizer_config.json"), """
            {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>",
             "added_tokens_decoder": {"599": {"content": "<|endoftext|>", "special": true}, "600": {"content": "<|im_end|>", "special": true}}}
            """);
        var tokenizer = Tokenizer.Load(folder.Path);

        tokenizer.Encode("x = 1\n\n    y").Should().Equal(TestData.Small.Encode("x = 1\n\n    y"));
        tokenizer.EndOfText.Should().Be(600);
        tokenizer.VocabularySize.Should().Be(601);
    }

    [Theory]
    [InlineData("tokenizer_config.json", """{"eos_token": "<|other|>"}""")]
    [InlineData("tokenizer_config.json", """{"eos_token": {"content": "<|other|>", "special": true}}""")]
    [InlineData("generation_config.json", """{"eos_token_id": 600}""")]
    [InlineData("generation_config.json", """{"eos_token_id": [600, 599]}""")]
    public void The_end_of_text_comes_from_the_configuration(string name, string content)
    {
        using var folder = new TemporaryFolder();
        Write(folder, file => file["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = 600, ["content"] = "<|other|>", ["special"] = true }));
        File.WriteAllText(folder.File(name), content);

        Tokenizer.Load(folder.Path).EndOfText.Should().Be(600);
    }

    [Theory]
    [InlineData("""{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}""", "{}", true)]
    [InlineData("""{"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}]}""", "{}", true)]
    [InlineData("""{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}]}""", "{}", false)]
    [InlineData("""{"type": "ByteLevel"}""", """{"bos_token": "<|endoftext|>", "add_bos_token": true}""", true)]
    [InlineData("""{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}""", """{"bos_token": "<|endoftext|>", "add_bos_token": false}""", false)]
    [InlineData("""{"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<|endoftext|>", 599]}""", "{}", true)]
    [InlineData("""{"type": "ByteLevel"}""", """{"bos_token": {"content": "<|endoftext|>"}, "add_bos_token": true}""", true)]
    [InlineData("""{"type": "ByteLevel"}""", """{"bos_token": "<|endoftext|>", "add_bos_token": false}""", false)]
    [InlineData("null", """{"bos_token": "<|endoftext|>"}""", false)]
    public void The_token_in_front_of_every_text_comes_from_a_template_or_from_the_configuration(string processor, string configuration, bool expected)
    {
        using var folder = new TemporaryFolder();
        Write(folder, file => file["post_processor"] = JsonNode.Parse(processor));
        File.WriteAllText(folder.File("tokenizer_config.json"), configuration);
        var tokenizer = Tokenizer.Load(folder.Path);

        tokenizer.BeginOfText.Should().Be(expected ? tokenizer.EndOfText : null);
    }

    [Fact]
    public void Added_tokens_are_found_longest_first_and_strip_space_where_they_say_so()
    {
        using var folder = new TemporaryFolder();
        Write(folder, file =>
        {
            file["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = 600, ["content"] = "<a>" });
            file["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = 601, ["content"] = "<a><b>", ["lstrip"] = true, ["rstrip"] = true });
        });
        var tokenizer = Tokenizer.Load(folder.Path);

        tokenizer.Encode("<a>x \t<a><b> \ny<a").Should().Equal([600, 'x', 601, 'y', .. tokenizer.Encode("<a")]);
    }

    [Fact]
    public void Saving_writes_back_the_very_files_that_were_loaded()
    {
        using var source = new TemporaryFolder();
        using var target = new TemporaryFolder();
        Write(source, file => file["an unknown key"] = 1);
        File.WriteAllText(source.File("tokenizer_config.json"), """{"eos_token": "<|endoftext|>", "chat_template": "x"}""");

        Tokenizer.Load(source.Path).Save(target.Path);

        foreach (var name in new[] { "tokenizer.json", "tokenizer_config.json" })
        {
            File.ReadAllBytes(target.File(name)).Should().Equal(File.ReadAllBytes(source.File(name)));
        }
    }

    [Fact]
    public void A_torn_file_is_named()
        => LoadText(File.ReadAllText(TestData.Path("small.tokenizer.json"))[..5000]).Should().Throw<InvalidDataException>().WithMessage("*tokenizer.json is not whole JSON*");

    [Fact]
    public void An_empty_folder_says_what_it_needs()
    {
        using var folder = new TemporaryFolder();
        FluentActions.Invoking(() => Tokenizer.Load(folder.Path)).Should().Throw<FileNotFoundException>().WithMessage("*tokenizer.json*merges.txt*");
    }

    [Fact]
    public void A_vocabulary_without_its_merges_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("vocab.json"), "{}");
        FluentActions.Invoking(() => Tokenizer.Load(folder.Path)).Should().Throw<FileNotFoundException>().WithMessage("*merges.txt*missing*");
    }

    [Fact]
    public void Merges_of_another_vocabulary_are_refused()
        => LoadChanged(file => file["model"]!["merges"]!.AsArray().Add("r zq")).Should().Throw<InvalidDataException>().WithMessage("*'zq'*vocabulary lacks*");

    [Fact]
    public void A_merge_that_is_no_pair_is_refused()
        => LoadChanged(file => file["model"]!["merges"]!.AsArray().Add("r")).Should().Throw<InvalidDataException>().WithMessage("*tokenizer.json*two tokens*'r'*");

    [Fact]
    public void Absent_merges_are_refused()
        => LoadChanged(file => file["model"]!.AsObject().Remove("merges")).Should().Throw<InvalidDataException>().WithMessage("*tokenizer.json*");

    [Fact]
    public void A_byte_without_token_is_refused()
        => LoadChanged(file => file["model"]!["vocab"]!.AsObject().Remove("~")).Should().Throw<InvalidDataException>().WithMessage("*0x7E*");

    [Fact]
    public void An_id_that_would_take_gigabytes_is_refused()
        => LoadChanged(file => file["model"]!["vocab"]!["~"] = 2_000_000_000).Should().Throw<InvalidDataException>().WithMessage("*2000000000*");

    [Theory]
    [InlineData("""{"model": {"type": "Unigram", "vocab": []}}""", "*Unigram*byte-level BPE*")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": null}""", "*byte-level BPE*")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": {"type": "Metaspace"}}""", "*Metaspace*")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "normalizer": {"type": "Lowercase"}}""", "*Lowercase*NFC*")]
    [InlineData("[]", "*not a tokenizer as expected*")]
    public void Other_kinds_of_tokenizer_are_refused_by_name(string content, string message)
        => LoadText(content).Should().Throw<InvalidDataException>().WithMessage(message);

    private static JsonObject Small() => JsonNode.Parse(File.ReadAllText(TestData.Path("small.tokenizer.json")))!.AsObject();

    private static void Write(TemporaryFolder folder, Action<JsonObject> change)
    {
        var file = Small();
        change(file);
        File.WriteAllText(folder.File("tokenizer.json"), file.ToJsonString());
    }

    private static Action LoadChanged(Action<JsonObject> change)
    {
        var file = Small();
        change(file);
        return LoadText(file.ToJsonString());
    }

    private static Action LoadText(string content) => () =>
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("tokenizer.json"), content);
        Tokenizer.Load(folder.Path);
    };
}
