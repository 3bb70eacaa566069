using System.Text.Json.Nodes;
using CsCheck;
using Ra3.Models.Tokenizers;

namespace Ra3.Tests.Corpora;

internal static class TestData
{
    private static readonly Lazy<Tokenizer> LazySmall = new(() => Tokenizer.Load(Path.Combine(AppContext.BaseDirectory, "Data")));

    private static readonly Lazy<Tokenizer> LazyBegun = new(() =>
    {
        using var folder = new TemporaryFolder();
        var file = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "tokenizer.json")))!;
        file["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = 600, ["content"] = "<s>", ["special"] = true });
        File.WriteAllText(folder.File("tokenizer.json"), file.ToJsonString());
        File.WriteAllText(folder.File("tokenizer_config.json"), """{"bos_token": "<s>", "add_bos_token": true}""");
        return Tokenizer.Load(folder.Path);
    });

    /// <summary>600 tokens, trained on Python, Qwen 2.5's words.</summary>
    public static Tokenizer Small => LazySmall.Value;

    /// <summary>The same behind a token that begins a text, as Llama 3's tokenizer has it.</summary>
    public static Tokenizer Begun => LazyBegun.Value;

    /// <summary>Arbitrary strings, heavy in what makes Python's lines and strings.</summary>
    public static readonly Gen<string> Strings = Gen.OneOf(
        Gen.OneOf("\n", "\r\n", "\r", "\f", "\t", " ", "    ", "\n\n", "\\\n", "\\\r\n", "\u2028", "\u0085", "\ufeff", "\u3000"),
        Gen.OneOf("'", "\"", "'''", "\"\"\"", "f'", "rf\"", "b'''", "f\"\"\"", "\\", "{", "}", "{{", ":", "!", "#", "# note", "(", ")", "[", "]"),
        Gen.OneOf("x = 1", "def f(a):", "return", "pass", "e\u0301", "\ud83d\ude00", "\\N{DASH}"),
        Gen.Char.Select(c => c.ToString())).Array[0, 50].Select(string.Concat);

    /// <summary>Programs of ordinary lines, indents and blank lines.</summary>
    public static readonly Gen<string> Programs = Gen.OneOf(
        "x = 1", "def f(a, b):", "    return a + b", "        y = {'k': [1, 2]}", "", "", "   ", "\t", "# note", "    # note", "print(\"hi\")  ", "\"\"\"Doc", "text", "\"\"\"", "s = 'a' \\", "  'b'", "\fclass A:", "if x:\r")
        .Array[1, 40].Select(lines => string.Join('\n', lines));
}

/// <summary>A folder that is gone when disposed.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("ra3-test-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
