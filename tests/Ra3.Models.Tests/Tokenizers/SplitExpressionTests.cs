using System.Text.Json;
using System.Text.Json.Nodes;
using Ra3.Models.Tokenizers;

namespace Ra3.Tests.Tokenizers;

/// <summary>
/// Expressions of Split steps as the reference reads them. The golden ids are those of Hugging Face's tokenizers (Rust, by Tokenizers.DotNet
/// 1.4.1). The vocabulary of pairs.tokenizer.json joins every pair of bytes that the texts hold, and each case is there with its merges in
/// two orders, so that ids tell where words were cut, in all planes.
/// </summary>
public sealed class SplitExpressionTests
{
    private static readonly JsonElement Golden = JsonDocument.Parse(File.ReadAllText(TestData.Path("split-expressions.golden.json"))).RootElement;

    public static TheoryData<string> Names => [.. Golden.GetProperty("cases").EnumerateArray().Select(item => item.GetProperty("name").GetString()!).Distinct()];

    [Theory]
    [MemberData(nameof(Names))]
    public void Words_are_cut_as_the_reference_cuts_them(string name)
    {
        var texts = Golden.GetProperty("texts").EnumerateArray().Select(text => text.GetString()!).ToList();
        foreach (var item in Golden.GetProperty("cases").EnumerateArray().Where(item => item.GetProperty("name").GetString() == name))
        {
            var tokenizer = Load([.. item.GetProperty("expressions").EnumerateArray().Select(text => text.GetString()!)], item.GetProperty("reversed").GetBoolean());
            foreach (var (text, ids) in texts.Zip(item.GetProperty("ids").EnumerateArray()))
            {
                tokenizer.Encode(text).Should().Equal(ids.EnumerateArray().Select(id => id.GetInt32()), "{0} is the text", JsonSerializer.Serialize(text));
            }
        }
    }

    [Theory]
    [InlineData(@"\p{Thai}+", @"\p{Thai}")]
    [InlineData(@"[[:alpha:]]+", "[:alpha:]")]
    [InlineData(@"(a)\1", @"\1")]
    [InlineData(@"\X", @"\X")]
    [InlineData(@"a{2}?", "{n}?")]
    [InlineData(@"a**", "quantifier of a quantifier")]
    [InlineData(@"(?~a)", "group of this kind")]
    [InlineData(@"[a", "set without end")]
    [InlineData(@"(a", "group without end")]
    [InlineData(@"a)", "a ) too many")]
    [InlineData(@"[z-a]", "range that ends before it begins")]
    [InlineData(@"\x{110000}", "code point")]
    public void What_the_reference_reads_otherwise_is_refused_when_the_folder_is_loaded(string expression, string complaint)
    {
        FluentActions.Invoking(() => Load([expression], reversed: false)).Should().Throw<InvalidDataException>()
            .Which.Message.Should().Contain("tokenizer.json").And.Contain(expression).And.Contain(complaint);
    }

    private static Tokenizer Load(IReadOnlyList<string> expressions, bool reversed)
    {
        using var folder = new TemporaryFolder();
        var file = JsonNode.Parse(File.ReadAllText(TestData.Path("pairs.tokenizer.json")))!;
        if (reversed)
        {
            file["model"]!["merges"] = new JsonArray([.. file["model"]!["merges"]!.AsArray().Reverse().Select(merge => merge!.DeepClone())]);
        }

        var steps = expressions.Select(expression => (JsonNode)new JsonObject
        {
            ["type"] = "Split",
            ["pattern"] = new JsonObject { ["Regex"] = expression },
            ["behavior"] = "Isolated",
            ["invert"] = false,
        }).Append(new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = false });
        file["pre_tokenizer"] = new JsonObject { ["type"] = "Sequence", ["pretokenizers"] = new JsonArray([.. steps]) };
        File.WriteAllText(folder.File("tokenizer.json"), file.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
        return Tokenizer.Load(folder.Path);
    }
}
