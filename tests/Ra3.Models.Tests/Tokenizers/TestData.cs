using System.Text.Json;
using Ra3.Models.Tokenizers;

namespace Ra3.Tests.Tokenizers;

internal sealed record GoldenVector(string Tokenizer, string Text, int[] Ids);

internal static class TestData
{
    private static readonly Lazy<Tokenizer> LazySmall = new(() =>
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path("small.tokenizer.json"), folder.File("tokenizer.json"));
        return Tokenizer.Load(folder.Path);
    });

    /// <summary>600 tokens, trained on Python, Qwen 2.5's words.</summary>
    public static Tokenizer Small => LazySmall.Value;

    public static string Path(string name) => System.IO.Path.Combine(AppContext.BaseDirectory, "Tokenizers", "Data", name);

    public static List<GoldenVector> Golden(string name)
        => [.. File.ReadLines(Path(name + ".golden.jsonl")).Select(line => JsonSerializer.Deserialize<GoldenVector>(line, JsonSerializerOptions.Web)!)];
}

/// <summary>A folder that is gone when disposed.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("ra3-test-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
