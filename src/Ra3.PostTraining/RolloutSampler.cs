using Ra3.Models;
using Ra3.Models.Generation;
using Ra3.Models.Tokenizers;
using static TorchSharp.torch;

namespace Ra3.PostTraining;

/// <summary>
/// Draws the completions of groups. A group's prompt is read once, as the trunk that its completions continue, exactly as
/// the trainer's forward pass sees it; so the log-probabilities recorded here are the trainer's own.
/// </summary>
internal sealed class RolloutSampler(Decoder decoder, Tokenizer tokenizer, GrpoOptions options)
{
    private static readonly SamplingOptions Plain = new(); // temperature is in the head's distribution already
    private readonly HeadDistribution distribution = new(options.Temperature);

    /// <summary>Samples a group.</summary>
    /// <param name="problem">Whose stop strings end a completion.</param>
    /// <param name="prompt">Its tokens.</param>
    /// <param name="version">Version of the decoder's weights.</param>
    /// <param name="random">Random numbers of a member.</param>
    /// <param name="finished">Called with each completion as soon as it is whole, and its place in the group.</param>
    /// <param name="stop">Cancels between tokens.</param>
    public IReadOnlyList<Rollout> Sample(
        Problem problem, int[] prompt, long version, Func<int, SeededRandom> random, Action<int, Rollout> finished, CancellationToken stop)
    {
        var results = new Rollout[options.GroupSize];
        using var batch = new DecodeBatch(decoder, options.GroupSize, Math.Min(options.MaxNewTokens, 64));
        List<Draft> running = [.. Enumerable.Range(0, options.GroupSize).Select(member => new Draft(member, random(member)))];
        using (var trunk = batch.ReadTrunk(prompt))
        {
            running.ForEach(_ => batch.Open(prompt.Length));
            using var last = trunk.slice(0, prompt.Length - 1, prompt.Length, 1);
            Draw(last, running);
        }

        while (true)
        {
            for (var slot = running.Count - 1; slot >= 0; slot--)
            {
                if (Finish(running[slot], problem.Stop, version) is not { } rollout)
                {
                    continue;
                }

                results[running[slot].Member] = rollout;
                finished(running[slot].Member, rollout);
                if (batch.Close(slot) is var moved and >= 0)
                {
                    running[slot] = running[moved];
                }

                running.RemoveAt(running.Count - 1);
            }

            if (running.Count == 0)
            {
                return results;
            }

            stop.ThrowIfCancellationRequested();
            using var hidden = batch.Step([.. running.Select(draft => draft.Tokens[^1])]);
            Draw(hidden, running);
        }
    }

    /// <summary>Draws one token for each draft from its row, or from the only row.</summary>
    private void Draw(Tensor hidden, List<Draft> drafts)
    {
        using var scope = NewDisposeScope();
        var rows = LanguageModelHead.LogDistribution(decoder, hidden, distribution).to_type(ScalarType.Float32).cpu();
        var values = rows.data<float>().ToArray();
        var width = (int)rows.shape[1];
        for (var i = 0; i < drafts.Count; i++)
        {
            var row = rows.shape[0] == 1 ? 0 : i;
            var (token, logProb) = Sampler.Draw(values.AsSpan(row * width, width), Plain, drafts[i].Random.NextDouble());
            drafts[i].Tokens.Add(token);
            drafts[i].LogProbs.Add((float)logProb);
        }
    }

    private Rollout? Finish(Draft draft, IReadOnlyList<string> stops, long version)
    {
        var last = draft.Tokens[^1];
        if (decoder.Config.EosTokenIds.Contains(last) || last == tokenizer.EndOfText)
        {
            return Whole(tokenizer.Decode([.. draft.Tokens[..^1]]), truncated: false);
        }

        if (stops.Count > 0)
        {
            // A stop string can only end in the newest token; a tail of as many tokens as the longest has characters holds it.
            var tail = Math.Min(draft.Tokens.Count, stops.Max(stop => stop.Length) + 1);
            var end = tokenizer.Decode([.. draft.Tokens[^tail..]]);
            if (stops.Any(stop => end.Contains(stop, StringComparison.Ordinal)))
            {
                var text = tokenizer.Decode([.. draft.Tokens]);
                return Whole(text[..stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).Min()], truncated: false);
            }
        }

        return draft.Tokens.Count == options.MaxNewTokens ? Whole(tokenizer.Decode([.. draft.Tokens]), truncated: true) : null;

        Rollout Whole(string text, bool truncated) => new()
        {
            Tokens = [.. draft.Tokens],
            LogProbs = [.. draft.LogProbs],
            Text = text,
            Truncated = truncated,
            PolicyVersion = version,
        };
    }

    private sealed record Draft(int Member, SeededRandom Random)
    {
        public List<int> Tokens { get; } = [];

        public List<float> LogProbs { get; } = [];
    }
}
