using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CsCheck;
using Ra3.Models.Tokenizers;

namespace Ra3.Tests.Tokenizers;

public sealed class TokenizerTests
{
    /// <summary>Strings without lone surrogates, heavy in what pre-tokenizers care about.</summary>
    private static readonly Gen<string> Texts = Gen.OneOf(
        Gen.OneOf(" ", "  ", "    ", "\n", "\n\n", "\r\n", "\t", "'", "'s", "def f(x):", "1234", "<|endoftext|>", "_", "==", "e\u0301", "\uac00"),
        Gen.Int[0, 0x10FFFF].Where(value => value is < 0xD800 or > 0xDFFF).Select(char.ConvertFromUtf32),
        Gen.Char[' ', '~'].Select(c => c.ToString())).Array[0, 60].Select(string.Concat);

    [Fact]
    public void Decoding_gives_back_every_text() => Texts.Sample(text =>
    {
        var tokens = TestData.Small.Encode(text);
        TestData.Small.Decode(tokens).Should().Be(text);
    });

    [Fact]
    public void Bytes_of_the_tokens_joined_are_the_text_in_UTF8() => Texts.Sample(text =>
    {
        var tokens = TestData.Small.Encode(text);
        tokens.SelectMany(token => TestData.Small.BytesOf(token).ToArray()).Should().Equal(Encoding.UTF8.GetBytes(text));
    });

    [Fact]
    public void Special_tokens_in_a_text_count_only_where_allowed()
    {
        var tokenizer = TestData.Small;
        var endOfText = tokenizer.IdOf("<|endoftext|>")!.Value;

        tokenizer.EndOfText.Should().Be(endOfText);
        tokenizer.Encode("a<|endoftext|>b").Should().NotContain(endOfText);
        tokenizer.Encode("a<|endoftext|>b", allowSpecial: true).Should().Equal('a', endOfText, 'b');
        tokenizer.Decode([endOfText]).Should().Be("<|endoftext|>");
        tokenizer.IdOf("<|im_end|>").Should().BeNull();
    }

    [Fact]
    public void A_lone_surrogate_is_read_as_the_replacement_character()
        => TestData.Small.Encode("a\ud800b").Should().Equal(TestData.Small.Encode("a\ufffdb"));

    [Fact]
    public void Ids_without_a_token_decode_to_nothing()
    {
        TestData.Small.Decode([TestData.Small.VocabularySize + 7, 'a']).Should().Be("a");
        FluentActions.Invoking(() => TestData.Small.Decode([-1])).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void A_model_with_too_few_rows_is_refused()
    {
        TestData.Small.RequireFits(TestData.Small.VocabularySize);
        FluentActions.Invoking(() => TestData.Small.RequireFits(TestData.Small.VocabularySize - 1))
            .Should().Throw<InvalidDataException>().WithMessage("*up to 599*vocab_size is 599*");
    }

    [Fact]
    public void Threads_share_a_tokenizer()
    {
        var texts = Enumerable.Range(0, 200).Select(i => $"def f{i}(x):\n    return x * {i}\n").ToArray();
        var expected = texts.Select(text => TestData.Small.Encode(text)).ToArray();

        var found = texts.AsParallel().AsOrdered().WithDegreeOfParallelism(8).Select(text => TestData.Small.Encode(text)).ToArray();

        found.Should().BeEquivalentTo(expected, options => options.WithStrictOrdering());
    }

    [Fact]
    public void Saving_and_loading_changes_nothing() => RoundTrip(TestData.Small);

    [Fact]
    public void A_trained_tokenizer_is_saved_and_loaded_whole() => RoundTrip(Tokenizer.Train(["the cat sat on the mat, the cat sat"], 280));

    [Fact]
    public void Merging_follows_its_definition_for_words_of_any_length()
    {
        var definition = new NaiveMerging(TestData.Path("small.tokenizer.json"));
        Gen.OneOf("e", "s", "t", "r", "in", "self", "re", "st", "turn").Array[1, 60].Select(string.Concat).Sample(word =>
        {
            TestData.Small.Encode(word).Select(id => Encoding.UTF8.GetString(TestData.Small.BytesOf(id))).Should().Equal(definition.Merge(word));
        });
    }

    [Theory]
    [InlineData(WordScanner.Gpt2)]
    [InlineData(WordScanner.Llama3)]
    [InlineData(WordScanner.Qwen2)]
    public void Scanners_cut_the_words_of_their_regular_expressions(string pattern)
    {
        var scanner = WordScanner.For(pattern)!;
        // .NET's expressions are right within the BMP.
        Texts.Select(text => string.Concat(text.Where(c => !char.IsSurrogate(c)))).Sample(text =>
        {
            var words = new List<string>();
            for (var start = 0; start < text.Length; start += words[^1].Length)
            {
                words.Add(text[start..scanner.Next(text, start)]);
            }

            words.Should().Equal(Regex.Matches(text, pattern).Select(match => match.Value));
        });
    }

    [Fact]
    public void A_megabyte_without_a_break_is_encoded_in_seconds()
    {
        var word = new string('a', 500_000) + string.Concat(Enumerable.Repeat("returnself", 50_000));

        TestData.Small.Decode(TestData.Small.Encode(word)).Should().Be(word);
    }

    private static void RoundTrip(Tokenizer tokenizer)
    {
        using var folder = new TemporaryFolder();
        tokenizer.Save(folder.Path);
        var loaded = Tokenizer.Load(folder.Path);

        loaded.Fingerprint.Should().Be(tokenizer.Fingerprint);
        loaded.VocabularySize.Should().Be(tokenizer.VocabularySize);
        loaded.EndOfText.Should().Be(tokenizer.EndOfText);
        loaded.BeginOfText.Should().Be(tokenizer.BeginOfText);
        Texts.Sample(text => loaded.Encode(text, allowSpecial: true).Should().Equal(tokenizer.Encode(text, allowSpecial: true)), iter: 50);
    }

    /// <summary>Join the pair of lowest rank, the leftmost of equals, until none is left.</summary>
    private sealed class NaiveMerging
    {
        private readonly Dictionary<string, int> ranks = [];

        public NaiveMerging(string path)
        {
            using var file = JsonDocument.Parse(File.ReadAllText(path));
            foreach (var merge in file.RootElement.GetProperty("model").GetProperty("merges").EnumerateArray())
            {
                ranks.Add(merge.GetString()!, ranks.Count);
            }
        }

        public List<string> Merge(string word)
        {
            var parts = word.Select(c => c.ToString()).ToList();
            while (parts.Count > 1)
            {
                var best = Enumerable.Range(0, parts.Count - 1).MinBy(i => ranks.GetValueOrDefault($"{parts[i]} {parts[i + 1]}", int.MaxValue));
                if (!ranks.ContainsKey($"{parts[best]} {parts[best + 1]}"))
                {
                    break;
                }

                parts[best] += parts[best + 1];
                parts.RemoveAt(best + 1);
            }

            return parts;
        }
    }
}
