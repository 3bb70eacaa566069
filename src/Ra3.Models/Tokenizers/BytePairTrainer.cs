using System.Runtime.InteropServices;
using System.Text;

namespace Ra3.Models.Tokenizers;

/// <summary>
/// Learns byte-pair merges: words are counted once, and each merge touches only the words that hold its pair, so the cost follows the
/// number of distinct words, not the length of the text.
/// </summary>
internal static class BytePairTrainer
{
    private const int Bytes = 256;
    private const int LeastOccurrences = 2;

    /// <summary>The pair that occurs most often is joined next; of equals, the one with the smaller left id, then right id.</summary>
    public static TokenizerParts Train(IEnumerable<string> texts, int vocabularySize, CancellationToken stop)
    {
        if (vocabularySize < Bytes + 1)
        {
            throw new ArgumentException($"A vocabulary of {vocabularySize} tokens is too small: the {Bytes} bytes and the end of text need {Bytes + 1}.", nameof(vocabularySize));
        }

        var preTokenizer = PreTokenizer.Of(WordScanner.Qwen2);
        var words = CountWords(texts, preTokenizer);
        var names = new List<string>(vocabularySize);
        for (var value = 0; value < Bytes; value++)
        {
            names.Add(ByteAlphabet.Char[value].ToString());
        }

        var merges = new List<(string, string)>();
        var pairs = new PairTable(words);
        while (names.Count < vocabularySize - 1 && pairs.TakeMostFrequent(LeastOccurrences) is { } pair)
        {
            stop.ThrowIfCancellationRequested();
            merges.Add((names[pair.Left], names[pair.Right]));
            pairs.Join(pair, names.Count);
            names.Add(names[pair.Left] + names[pair.Right]);
        }

        var vocabulary = new Dictionary<string, int>(names.Count);
        for (var id = 0; id < names.Count; id++)
        {
            vocabulary.Add(names[id], id);
        }

        // Models trained from scratch see every document behind an end of text, so the tokenizer puts one in front of prompts, too.
        return new TokenizerParts(vocabulary, merges, [new AddedToken(names.Count, Tokenizer.EndOfTextName, Special: true)], preTokenizer)
        {
            BeginOfText = Tokenizer.EndOfTextName,
        };
    }

    private static List<(int[] Symbols, long Count)> CountWords(IEnumerable<string> texts, PreTokenizer preTokenizer)
    {
        var counts = new Dictionary<string, long>();
        var lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var text in texts)
        {
            foreach (var word in preTokenizer.Split(text))
            {
                CollectionsMarshal.GetValueRefOrAddDefault(lookup, word, out _)++;
            }
        }

        if (counts.Count == 0)
        {
            throw new ArgumentException("There is no text to train a tokenizer on.", nameof(texts));
        }

        return [.. counts.Select(entry => (Array.ConvertAll(Encoding.UTF8.GetBytes(entry.Key), value => (int)value), entry.Value))];
    }

    /// <summary>How often each adjacent pair of symbols occurs, and in which words.</summary>
    private sealed class PairTable
    {
        private readonly List<(int[] Symbols, long Count)> words;
        private readonly Dictionary<(int Left, int Right), Occurrences> pairs = [];
        private readonly PriorityQueue<(int Left, int Right), (long NegativeCount, int Left, int Right)> queue = new();
        private readonly HashSet<(int Left, int Right)> grown = [];

        public PairTable(List<(int[] Symbols, long Count)> words)
        {
            this.words = words;
            for (var word = 0; word < words.Count; word++)
            {
                var (symbols, count) = words[word];
                for (var i = 0; i + 1 < symbols.Length; i++)
                {
                    Add((symbols[i], symbols[i + 1]), word, count);
                }
            }

            QueueGrown();
        }

        /// <summary>Takes the most frequent pair, or null when none occurs often enough.</summary>
        public (int Left, int Right)? TakeMostFrequent(int least)
        {
            while (queue.TryDequeue(out var pair, out var priority))
            {
                // Counts only fall behind the queue's back (a rise is queued anew), so a stale entry goes back with its true count.
                var count = pairs.TryGetValue(pair, out var occurrences) ? occurrences.Count : 0;
                if (count < least)
                {
                    continue;
                }

                if (count == -priority.NegativeCount)
                {
                    return pair;
                }

                if (count < -priority.NegativeCount)
                {
                    queue.Enqueue(pair, (-count, pair.Left, pair.Right));
                }
            }

            return null;
        }

        /// <summary>Replaces every occurrence of a pair, left to right, by one symbol.</summary>
        public void Join((int Left, int Right) pair, int id)
        {
            pairs.Remove(pair, out var occurrences);
            foreach (var word in occurrences!.Words)
            {
                JoinIn(word, pair, id);
            }

            QueueGrown();
        }

        private void JoinIn(int word, (int Left, int Right) pair, int id)
        {
            var (symbols, count) = words[word];
            var joined = 0;
            for (var i = 0; i < symbols.Length; i++)
            {
                if (i + 1 == symbols.Length || symbols[i] != pair.Left || symbols[i + 1] != pair.Right)
                {
                    symbols[joined++] = symbols[i];
                    continue;
                }

                // Only the pairs that this occurrence touches change.
                if (joined > 0)
                {
                    Remove((symbols[joined - 1], pair.Left), count);
                    Add((symbols[joined - 1], id), word, count);
                }

                if (i + 2 < symbols.Length)
                {
                    Remove((pair.Right, symbols[i + 2]), count);
                    Add((id, symbols[i + 2]), word, count);
                }

                symbols[joined++] = id;
                i++;
            }

            words[word] = (symbols[..joined], count);
        }

        private void Remove((int Left, int Right) pair, long count)
        {
            if (pairs.TryGetValue(pair, out var occurrences))
            {
                occurrences.Count -= count;
            }
        }

        private void Add((int Left, int Right) pair, int word, long count)
        {
            ref var occurrences = ref CollectionsMarshal.GetValueRefOrAddDefault(pairs, pair, out _);
            occurrences ??= new Occurrences();
            occurrences.Count += count;
            if (occurrences.Words.Count == 0 || occurrences.Words[^1] != word)
            {
                occurrences.Words.Add(word);
            }

            grown.Add(pair);
        }

        private void QueueGrown()
        {
            foreach (var pair in grown)
            {
                queue.Enqueue(pair, (-pairs[pair].Count, pair.Left, pair.Right));
            }

            grown.Clear();
        }

        private sealed class Occurrences
        {
            public long Count { get; set; }

            public List<int> Words { get; } = [];
        }
    }
}
