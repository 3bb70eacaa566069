using Ra3.Models.Tokenizers;

namespace Ra3.Tests.Tokenizers;

public sealed class TrainingTests
{
    private static readonly string[] Corpus = [.. Enumerable.Range(0, 60).Select(i => $"def sum_{i}(values):\n    total = 0\n    for value in values:\n        total += value\n    return total\n")];

    [Fact]
    public void The_most_frequent_pair_is_joined_first_and_of_equals_the_one_of_smaller_ids()
    {
        // "abab": (a, b) twice; "cdcd": (c, d) twice. Then (ab, ab) and (cd, cd) occur once only.
        var tokenizer = Tokenizer.Train(["cdcd", "abab"], 300);

        tokenizer.VocabularySize.Should().Be(256 + 2 + 1);
        Text(tokenizer, 256).Should().Be("ab");
        Text(tokenizer, 257).Should().Be("cd");
        tokenizer.EndOfText.Should().Be(258);
    }

    [Fact]
    public void Overlapping_occurrences_count_as_the_text_has_them()
    {
        // "aaaa" three times: (a, a) 9 times; joined left to right it is "aa aa", a pair that occurs 3 times.
        var tokenizer = Tokenizer.Train(["aaaa aaaa", "aaaa"], 300);

        Text(tokenizer, 256).Should().Be("aa");
        Text(tokenizer, 257).Should().Be("aaaa");
    }

    [Fact]
    public void Training_agrees_with_counting_everything_anew_at_each_step()
    {
        var trained = Tokenizer.Train(Corpus, 320);
        var naive = NaiveMerges(320 - 257);

        Enumerable.Range(256, naive.Count).Select(id => Text(trained, id)).Should().Equal(naive);
    }

    [Fact]
    public void The_order_of_texts_does_not_matter()
        => Tokenizer.Train(Corpus.Reverse(), 400).Fingerprint.Should().Be(Tokenizer.Train(Corpus, 400).Fingerprint);

    [Fact]
    public void Training_makes_text_shorter()
    {
        var tokenizer = Tokenizer.Train(Corpus, 500);

        (Corpus.Sum(text => text.Length) / (double)Corpus.Sum(text => tokenizer.Encode(text).Length)).Should().BeGreaterThan(3);
    }

    [Fact]
    public void Too_small_a_vocabulary_and_no_text_are_refused()
    {
        FluentActions.Invoking(() => Tokenizer.Train(["a"], 256)).Should().Throw<ArgumentException>().WithMessage("*257*");
        FluentActions.Invoking(() => Tokenizer.Train([], 300)).Should().Throw<ArgumentException>().WithMessage("*no text*");
    }

    private static string Text(Tokenizer tokenizer, int id) => System.Text.Encoding.UTF8.GetString(tokenizer.BytesOf(id));

    private static List<string> NaiveMerges(int count)
    {
        var ids = Enumerable.Range(0, 256).ToDictionary(value => ((char)value).ToString(), value => value);
        var scanner = WordScanner.For(WordScanner.Qwen2)!;
        var words = new List<List<string>>();
        foreach (var text in Corpus)
        {
            for (int start = 0, end; start < text.Length; start = end)
            {
                end = scanner.Next(text, start);
                words.Add([.. text[start..end].Select(c => c.ToString())]);
            }
        }

        var merges = new List<string>();
        while (merges.Count < count)
        {
            var best = words.SelectMany(word => word.Zip(word.Skip(1))).GroupBy(pair => pair).Where(group => group.Count() > 1)
                .OrderByDescending(group => group.Count()).ThenBy(group => ids[group.Key.First]).ThenBy(group => ids[group.Key.Second]).FirstOrDefault();
            if (best is null)
            {
                break;
            }

            var (left, right) = best.Key;
            ids.Add(left + right, ids.Count);
            merges.Add(left + right);
            foreach (var word in words)
            {
                for (var i = 0; i + 1 < word.Count; i++)
                {
                    if (word[i] == left && word[i + 1] == right)
                    {
                        word[i] += right;
                        word.RemoveAt(i + 1);
                    }
                }
            }
        }

        return merges;
    }
}
