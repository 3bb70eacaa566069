using Ra3.Cli;
using Ra3.Models.Tokenizers;

namespace Ra3.Tests;

public sealed class TokenizerCommandTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("ra3-tokenizer-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public async Task A_tokenizer_is_trained_on_a_folder_and_saved_for_loading()
    {
        var corpus = Directory.CreateDirectory(Path.Combine(root, "code")).FullName;
        File.WriteAllText(Path.Combine(corpus, "a.py"), string.Concat(Enumerable.Range(0, 50).Select(i => $"def value_{i}():\n    return {i}\n")));

        var code = await Shell.RunAsync(["tokenizer", "train", corpus, "--vocabulary", "270", "--out", Path.Combine(root, "tokenizer")]);

        code.Should().Be(0);
        var tokenizer = Tokenizer.Load(Path.Combine(root, "tokenizer"));
        tokenizer.VocabularySize.Should().Be(270);
        tokenizer.Encode("    return").Should().HaveCountLessThan("    return".Length);
    }

    [Fact]
    public async Task An_empty_corpus_fails_and_writes_nothing()
    {
        var code = await Shell.RunAsync(["tokenizer", "train", root, "--out", Path.Combine(root, "tokenizer")]);

        code.Should().Be(1);
        Directory.Exists(Path.Combine(root, "tokenizer")).Should().BeFalse();
    }
}
