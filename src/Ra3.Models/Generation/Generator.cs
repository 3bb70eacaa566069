using System.Runtime.InteropServices;
using System.Text;
using Ra3.Models.Tokenizers;
using static TorchSharp.torch;

namespace Ra3.Models.Generation;

/// <summary>Why a completion ended.</summary>
public enum FinishReason
{
    /// <summary>A stop string or an end-of-text token.</summary>
    Stop,

    /// <summary>The bound on new tokens, or the end of the model's positions.</summary>
    Length,
}

/// <summary>What to generate and when to stop.</summary>
public sealed record GenerationOptions
{
    /// <summary>How tokens are drawn.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Most tokens of a completion; it also ends where the model's positions do.</summary>
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>Texts that end a completion; they are not part of it.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Sequences decoded side by side.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Seed of every draw; completion i depends on it and on i alone.</summary>
    public long Seed { get; init; }

    /// <summary>Random numbers of completion i, where the seed is not to decide.</summary>
    public Func<int, SeededRandom>? Random { get; init; }
}

/// <summary>A finished sequence.</summary>
/// <param name="Index">Index of its prompt.</param>
/// <param name="Tokens">New tokens, the end-of-text token not included, those of a stop string included.</param>
/// <param name="LogProbs">Log-probability of each under the distribution it was drawn from.</param>
/// <param name="Text">New text, cut before the stop string.</param>
/// <param name="Reason">Why it ended.</param>
public sealed record Completion(int Index, IReadOnlyList<int> Tokens, IReadOnlyList<float> LogProbs, string Text, FinishReason Reason)
{
    /// <summary>The end-of-text token that ended it, and its log-probability; null where something else did.</summary>
    public (int Token, float LogProb)? End { get; init; }
}

/// <summary>
/// Generation with continuous batching: a finished sequence makes room for the next prompt at once, and a prompt that several
/// sequences begin with is read once for those that start together. On CPUs the log-probabilities are, bit for bit, those of a
/// forward pass over the whole sequence.
/// </summary>
public static class Generator
{
    /// <summary>Completes every prompt; completions come in the order in which they finish.</summary>
    /// <param name="decoder">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="prompts">Token ids, each at least one.</param>
    /// <param name="options">How.</param>
    /// <param name="stop">Cancels between tokens.</param>
    /// <exception cref="ArgumentException">A prompt is empty or fills the model's positions, or an option is out of range.</exception>
    /// <exception cref="InvalidDataException">The model's probabilities are not numbers (when enumerated).</exception>
    public static IEnumerable<Completion> Generate(
        Decoder decoder, Tokenizer tokenizer, IReadOnlyList<int[]> prompts, GenerationOptions options, CancellationToken stop = default)
    {
        options.Sampling.Validate();
        if (options.MaxNewTokens < 1 || options.BatchSize < 1)
        {
            throw new ArgumentException("The number of new tokens and the batch size must be at least 1.");
        }

        if (prompts.Any(prompt => prompt.Length == 0))
        {
            throw new ArgumentException("A prompt must have at least one token.");
        }

        if (prompts.FirstOrDefault(prompt => PromptEncoder.Room(prompt, decoder.Config) == 0) is { } full)
        {
            throw new ArgumentException(
                $"A prompt has {full.Length} tokens, but the model is meant for {decoder.Config.MaxPositions} with what it writes: shorten it.");
        }

        if (options.Stop.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException("A stop string must not be empty.");
        }

        byte[][] stops = [.. options.Stop.Select(Encoding.UTF8.GetBytes)];

        return Run();

        IEnumerable<Completion> Run()
        {
            if (prompts.Count == 0)
            {
                yield break;
            }

            var slots = Math.Min(options.BatchSize, prompts.Count);
            using var batch = new DecodeBatch(
                decoder, slots, Math.Min(decoder.Config.MaxPositions, prompts.Max(prompt => prompt.Length) + options.MaxNewTokens));
            var running = new List<Sequence>();
            var next = 0;
            while (running.Count > 0 || next < prompts.Count)
            {
                stop.ThrowIfCancellationRequested();
                var drawn = 0; // the first slot that draws a token in this turn: beside new sequences the others wait
                if (running.Count < slots && next < prompts.Count)
                {
                    drawn = running.Count;
                    var count = Math.Min(slots - running.Count, prompts.Count - next);
                    running.AddRange(Start(batch, running.Count, next, count));
                    next += count;
                }
                else
                {
                    using var hidden = batch.Step([.. running.Select(sequence => sequence.Tokens[^1])]);
                    DrawNext(hidden, running, i => i);
                }

                for (var slot = running.Count - 1; slot >= drawn; slot--)
                {
                    if (Finished(running[slot]) is not { } completion)
                    {
                        continue;
                    }

                    if (batch.Close(slot) is var moved and >= 0)
                    {
                        running[slot] = running[moved];
                    }

                    running.RemoveAt(running.Count - 1);
                    yield return completion;
                }
            }
        }

        // Reads each different prompt once and copies its cache for the other sequences that begin with it.
        List<Sequence> Start(DecodeBatch batch, int firstSlot, int first, int count)
        {
            var alike = Enumerable.Range(first, count).GroupBy(index => prompts[index], SamePrompt).ToList();
            List<(int Index, int Row)> started = [.. alike.Select((group, row) => (group.First(), row))];
            started.AddRange(alike.SelectMany((group, row) => group.Skip(1).Select(index => (index, row))));
            using var hidden = batch.OpenPrompts([.. alike.Select(group => group.Key)]);
            foreach (var (_, row) in started.Skip(alike.Count))
            {
                batch.Fork(firstSlot + row);
            }

            List<Sequence> sequences = [.. started.Select(item => new Sequence(
                item.Index, Math.Min(options.MaxNewTokens, PromptEncoder.Room(prompts[item.Index], decoder.Config)),
                options.Random?.Invoke(item.Index) ?? new SeededRandom(options.Seed, "generate", item.Index)))];
            DrawNext(hidden, sequences, i => started[i].Row);
            return sequences;
        }

        void DrawNext(Tensor hidden, List<Sequence> sequences, Func<int, int> rowOf)
        {
            using var scope = NewDisposeScope();
            var temperature = options.Sampling.Temperature == 0 ? 1 : options.Sampling.Temperature;
            var rows = LanguageModelHead.LogDistribution(decoder, hidden, new HeadDistribution(temperature))
                .to_type(ScalarType.Float32).cpu();
            var values = rows.data<float>().ToArray();
            var width = (int)rows.shape[1];
            for (var i = 0; i < sequences.Count; i++)
            {
                var (token, logProb) = Sampler.Draw(values.AsSpan(rowOf(i) * width, width), options.Sampling, sequences[i].Random.NextDouble());
                sequences[i].Tokens.Add(token);
                sequences[i].LogProbs.Add((float)logProb);
            }
        }

        Completion? Finished(Sequence sequence)
        {
            var last = sequence.Tokens[^1];
            if (decoder.Config.EosTokenIds.Contains(last) || last == tokenizer.EndOfText)
            {
                var end = (last, sequence.LogProbs[^1]);
                sequence.Tokens.RemoveAt(sequence.Tokens.Count - 1);
                sequence.LogProbs.RemoveAt(sequence.LogProbs.Count - 1);
                return Complete(tokenizer.Decode([.. sequence.Tokens]), FinishReason.Stop) with { End = end };
            }

            if (stops.Length > 0)
            {
                // Among bytes: a token may begin or end within a character. A stop string can only end in the newest token.
                var newest = tokenizer.BytesOf(last);
                var from = Math.Max(0, sequence.Bytes.Count - stops.Max(stop => stop.Length) + 1);
                sequence.Bytes.AddRange(newest);
                var tail = CollectionsMarshal.AsSpan(sequence.Bytes)[from..];
                var cut = -1;
                foreach (var ending in stops)
                {
                    var at = tail.IndexOf(ending);
                    cut = at >= 0 && (cut < 0 || at < cut) ? at : cut;
                }

                if (cut >= 0)
                {
                    return Complete(Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(sequence.Bytes)[..(from + cut)]), FinishReason.Stop);
                }
            }

            return sequence.Tokens.Count == sequence.MostTokens
                ? Complete(tokenizer.Decode([.. sequence.Tokens]), FinishReason.Length)
                : null;

            Completion Complete(string text, FinishReason reason) =>
                new(sequence.Index, sequence.Tokens, sequence.LogProbs, text, reason);
        }
    }

    private static readonly IEqualityComparer<int[]> SamePrompt = EqualityComparer<int[]>.Create(
        (a, b) => a.AsSpan().SequenceEqual(b), prompt => HashCode.Combine(prompt.Length, prompt[0], prompt[^1]));

    private sealed class Sequence(int index, int mostTokens, SeededRandom random)
    {
        public int Index { get; } = index;

        /// <summary>The bound on new tokens, or what room the model's positions leave.</summary>
        public int MostTokens { get; } = mostTokens;

        public SeededRandom Random { get; } = random;

        public List<int> Tokens { get; } = [];

        /// <summary>Of the text so far, where there are stop strings to look for.</summary>
        public List<byte> Bytes { get; } = [];

        public List<float> LogProbs { get; } = [];
    }
}
