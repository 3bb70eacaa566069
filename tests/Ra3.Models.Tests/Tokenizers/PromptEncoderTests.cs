using System.Text.Json.Nodes;
using Ra3.Models.Tokenizers;

namespace Ra3.Tests.Tokenizers;

/// <summary>How a prompt begins, for the three kinds of tokenizer there are.</summary>
public sealed class PromptEncoderTests
{
    private const int BeginOfText = 600;

    [Fact]
    public void A_prompt_stands_behind_what_the_tokenizer_puts_there()
    {
        // As Llama 3's: a token of its own begins a text, another ends it.
        var tokenizer = WithTemplate();
        var prompts = new PromptEncoder(tokenizer);

        prompts.Encode("x = 1").Should().Equal([BeginOfText, .. tokenizer.Encode("x = 1")]);
        prompts.Encode("").Should().Equal(BeginOfText);
        (prompts.Begin, prompts.DocumentStart).Should().Be(("<s>", BeginOfText));
    }

    [Fact]
    public void A_prompt_begins_with_its_own_first_token_where_the_tokenizer_puts_none()
    {
        // As Qwen's: only documents in training, and prompts without text, stand behind the end of text.
        var tokenizer = TestData.Small;
        var prompts = new PromptEncoder(tokenizer);

        prompts.Encode("x = 1").Should().Equal(tokenizer.Encode("x = 1"));
        prompts.Encode("").Should().Equal(tokenizer.EndOfText!.Value);
        (prompts.Begin, prompts.DocumentStart).Should().Be((null, tokenizer.EndOfText!.Value));
    }

    [Fact]
    public void Tokenizers_trained_here_say_in_their_files_that_texts_stand_behind_an_end_of_text()
    {
        using var folder = new TemporaryFolder();
        Tokenizer.Train(["the cat sat on the mat, the cat sat"], 280).Save(folder.Path);
        var tokenizer = Tokenizer.Load(folder.Path);

        new PromptEncoder(tokenizer).Encode("cat").Should().Equal([tokenizer.EndOfText!.Value, .. tokenizer.Encode("cat")]);
        tokenizer.BeginOfText.Should().Be(tokenizer.EndOfText);
    }

    [Fact]
    public void Special_tokens_typed_in_a_prompt_count_only_where_asked_for()
    {
        var tokenizer = WithTemplate();
        var prompts = new PromptEncoder(tokenizer);
        var end = tokenizer.EndOfText!.Value;

        prompts.Encode("a<|endoftext|>").Should().Equal([BeginOfText, .. tokenizer.Encode("a<|endoftext|>")]).And.NotContain(end);
        prompts.Encode("a<|endoftext|>", specialTokens: true).Should().Equal(BeginOfText, 'a', end);
        prompts.Encode("<s>a", specialTokens: true).Should().Equal([BeginOfText, 'a'], "a first token typed by hand is not doubled");
    }

    [Fact]
    public void The_room_behind_a_prompt_is_what_the_positions_leave()
    {
        var config = Golden.RandomModel.Llama with { MaxPositions = 5 };

        PromptEncoder.Room([1, 2, 3], config).Should().Be(2);
        PromptEncoder.Room([1, 2, 3, 4, 5, 6], config).Should().Be(0);
    }

    private static Tokenizer WithTemplate()
    {
        using var folder = new TemporaryFolder();
        var file = JsonNode.Parse(File.ReadAllText(TestData.Path("small.tokenizer.json")))!.AsObject();
        file["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = BeginOfText, ["content"] = "<s>", ["special"] = true });
        file["post_processor"] = JsonNode.Parse(
            """{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}""");
        File.WriteAllText(folder.File("tokenizer.json"), file.ToJsonString());
        return Tokenizer.Load(folder.Path);
    }
}
