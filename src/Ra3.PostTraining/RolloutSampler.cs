using Ra3.Models;
using Ra3.Models.Generation;
using Ra3.Models.Tokenizers;
using static TorchSharp.torch;

namespace Ra3.PostTraining;

/// <summary>
/// Draws the completions of groups with continuous batching over all of them. A prompt is read once and its cache copied to
/// the members of its group. Attention is computed exactly as in the trainer's forward pass, so the log-probabilities
/// recorded here are the trainer's own.
/// </summary>
internal sealed class RolloutSampler(Decoder decoder, Tokenizer tokenizer, GrpoOptions options)
{
    private static readonly SamplingOptions Plain = new(); // temperature is in the head's distribution already
    private readonly HeadDistribution distribution = new(options.Temperature);

    /// <summary>Samples groups.</summary>
    /// <param name="wanted">Problems, whose stop strings end a completion, and their prompts; two groups may share a problem.</param>
    /// <param name="version">Version of the decoder's weights.</param>
    /// <param name="random">Random numbers of (group, member).</param>
    /// <param name="finished">Called with each completion as soon as it is whole, and its group's place.</param>
    /// <param name="stop">Cancels between tokens.</param>
    public IReadOnlyList<Rollout[]> Sample(
        IReadOnlyList<(Problem Problem, int[] Prompt)> wanted, long version, Func<int, int, SeededRandom> random,
        Action<int, Rollout> finished, CancellationToken stop)
    {
        var results = wanted.Select(_ => new Rollout[options.GroupSize]).ToList();
        var waiting = new Queue<Draft>(Enumerable.Range(0, wanted.Count).SelectMany(group => Enumerable.Range(0, options.GroupSize)
            .Select(member => new Draft(group, member, wanted[group].Problem.Stop, wanted[group].Prompt, random(group, member)))));
        using var batch = new DecodeBatch(
            decoder, Math.Min(options.SamplingBatch, waiting.Count), wanted.Max(item => item.Prompt.Length) + Math.Min(options.MaxNewTokens, 64));
        var running = new List<Draft>();
        while (running.Count > 0 || waiting.Count > 0)
        {
            stop.ThrowIfCancellationRequested();
            if (running.Count < batch.Slots && waiting.Count > 0)
            {
                Open(batch, running, waiting);
            }
            else
            {
                using var hidden = batch.Step([.. running.Select(draft => draft.Tokens[^1])]);
                Draw(hidden, running, i => i);
            }

            for (var slot = running.Count - 1; slot >= 0; slot--)
            {
                if (Finish(running[slot], version) is not { } rollout)
                {
                    continue;
                }

                results[running[slot].Group][running[slot].Member] = rollout;
                finished(running[slot].Group, rollout);
                if (batch.Close(slot) is var moved and >= 0)
                {
                    running[slot] = running[moved];
                }

                running.RemoveAt(running.Count - 1);
            }
        }

        return results;
    }

    /// <summary>Fills the free slots: reads each new prompt once, copies it for the other members of its group, draws first tokens.</summary>
    private void Open(DecodeBatch batch, List<Draft> running, Queue<Draft> waiting)
    {
        var fresh = new List<Draft>();
        while (running.Count + fresh.Count < batch.Slots && waiting.TryDequeue(out var draft))
        {
            fresh.Add(draft);
        }

        var leaders = fresh.DistinctBy(draft => draft.Group).ToList();
        var leaderOf = leaders.Select((draft, i) => (draft.Group, i)).ToDictionary();
        List<Draft> ordered = [.. leaders, .. fresh.Except(leaders)];
        using var hidden = batch.OpenPrompts([.. leaders.Select(draft => draft.Prompt)]);
        foreach (var follower in ordered.Skip(leaders.Count))
        {
            batch.Fork(running.Count + leaderOf[follower.Group]);
        }

        Draw(hidden, ordered, i => leaderOf[ordered[i].Group]);
        running.AddRange(ordered);
    }

    /// <summary>Draws one token for each draft from its row.</summary>
    private void Draw(Tensor hidden, List<Draft> drafts, Func<int, int> rowOf)
    {
        using var scope = NewDisposeScope();
        var rows = LanguageModelHead.LogDistribution(decoder, hidden, distribution).to_type(ScalarType.Float32).cpu();
        var values = rows.data<float>().ToArray();
        var width = (int)rows.shape[1];
        for (var i = 0; i < drafts.Count; i++)
        {
            var (token, logProb) = Sampler.Draw(values.AsSpan(rowOf(i) * width, width), Plain, drafts[i].Random.NextDouble());
            drafts[i].Tokens.Add(token);
            drafts[i].LogProbs.Add((float)logProb);
        }
    }

    private Rollout? Finish(Draft draft, long version)
    {
        var stops = draft.Stop;
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
            Prompt = draft.Prompt,
            Tokens = [.. draft.Tokens],
            LogProbs = [.. draft.LogProbs],
            Text = text,
            Truncated = truncated,
            PolicyVersion = version,
        };
    }

    private sealed record Draft(int Group, int Member, IReadOnlyList<string> Stop, int[] Prompt, SeededRandom Random)
    {
        public List<int> Tokens { get; } = [];

        public List<float> LogProbs { get; } = [];
    }
}
