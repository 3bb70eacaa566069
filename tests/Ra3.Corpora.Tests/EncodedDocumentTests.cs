using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Ra3.Corpora;
using Ra3.Models.Tokenizers;

namespace Ra3.Tests.Corpora;

public sealed class EncodedDocumentTests
{
    private const string Llama3 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly Gen<string> Sources = Gen.OneOf(TestData.Strings, TestData.Programs);

    [Fact]
    public void Action_by_action_the_tokens_are_those_of_the_whole_text_with_the_words_of_Qwen()
        => Sources.Sample(source => Encode(source).Tokens.Should().Equal(TestData.Small.Encode(source)));

    [Fact]
    public void And_with_those_of_Llama_3()
    {
        using var folder = new TemporaryFolder();
        var file = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "tokenizer.json")))!;
        file["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = Llama3;
        File.WriteAllText(folder.File("tokenizer.json"), file.ToJsonString());
        var llama = Tokenizer.Load(folder.Path);

        Sources.Sample(source => DocumentEncoder.Encode(new SourceDocument("x", source), llama).Tokens.Should().Equal(llama.Encode(source)));
    }

    [Fact]
    public void Actions_cover_tokens_and_bytes_without_gap() => Sources.Sample(source =>
    {
        var document = Encode(source);
        var position = 0;
        foreach (var action in document.Actions)
        {
            action.Start.Should().Be(position);
            action.Length.Should().BePositive();
            document.Tokens[action.Start..action.End].Sum(token => TestData.Small.BytesOf(token).Length).Should().Be(action.ByteLength);
            position = action.End;
        }

        position.Should().Be(document.Tokens.Length);
        document.ByteLength.Should().Be(Encoding.UTF8.GetByteCount(source));
    });

    [Fact]
    public void The_opener_of_a_thought_is_the_indent_and_a_hash()
    {
        var document = Encode("def f():\n    if x:\n        return 1\n");

        document.Actions.Select(action => TestData.Small.Decode(action.Opener)).Should().Equal("#", "    #", "        #");
        document.Actions[2].CommentAllowed.Should().BeTrue();
    }

    [Fact]
    public void Windows_are_whole_actions_of_at_most_so_many_tokens() => Gen.Select(Sources, Gen.Int[1, 40]).Sample((source, most) =>
    {
        var document = Encode(source);
        var windows = document.Windows(most).ToList();

        windows.Should().OnlyContain(window => window.Tokens.Length <= most && window.Actions.Length > 0);
        windows.SelectMany(window => window.Actions.Select(action => Text(window, action)))
            .Should().Equal(document.Actions.Where(action => action.Length <= most).Select(action => Text(document, action)));
        windows.SelectMany(window => window.Actions.Select(action => (action.CommentAllowed, action.IsComment, action.ByteLength)))
            .Should().Equal(document.Actions.Where(action => action.Length <= most).Select(action => (action.CommentAllowed, action.IsComment, action.ByteLength)));
    });

    [Fact]
    public void Windows_are_as_long_as_they_can_be()
    {
        var document = Encode(string.Concat(Enumerable.Repeat("x = 1\n", 10)));
        var line = document.Actions[0].Length;

        document.Windows((3 * line) + 1).Select(window => window.Actions.Length).Should().Equal(3, 3, 3, 1);
        document.Windows(10 * line).Should().ContainSingle().Which.Should().BeSameAs(document);
    }

    private static string Text(EncodedDocument document, EncodedAction action) => TestData.Small.Decode(document.Tokens[action.Start..action.End]);

    private static EncodedDocument Encode(string source) => DocumentEncoder.Encode(new SourceDocument("x", source), TestData.Small);
}
