using Ra3.Models;
using Ra3.Models.Generation;
using static TorchSharp.torch;

namespace Ra3.MidTraining;

/// <summary>Draws trajectories from q: at each line where a comment is possible, whether to think, and what.</summary>
public sealed class LatentSampler(Decoder q, LatentFormat format, LatentOptions options)
{
    private static readonly SamplingOptions Plain = new();
    private readonly HeadDistribution decisions = new(options.Temperature);
    private readonly HeadDistribution contents = new(options.Temperature, format.Forbidden);

    /// <summary>Tokens that a slot had room for at the end of the last call; tests hold it against the longest line.</summary>
    internal int LastCapacity { get; private set; }

    /// <summary>Samples one trajectory through each snippet from its first line to its last, with continuous batching.</summary>
    /// <param name="snippets">The snippets.</param>
    /// <param name="random">Random numbers of snippet i.</param>
    /// <param name="stop">Cancels between tokens.</param>
    /// <returns>Trajectories in the order of the snippets; their trunk is the token before a document alone.</returns>
    public IReadOnlyList<Trajectory> SampleWhole(
        IReadOnlyList<Snippet> snippets, Func<int, SeededRandom> random, CancellationToken stop = default)
    {
        var results = new Trajectory[snippets.Count];
        if (snippets.Count > 0)
        {
            SampleWhole(
                snippets.Select((snippet, i) => ((long)i, snippet)), i => random((int)i), (i, trajectory) => results[i] = trajectory,
                Math.Min(options.BatchSize, snippets.Count), snippets.Max(snippet => snippet.Tokens.Length), progress: null, stop);
        }

        return results;
    }

    /// <summary>As above, of snippets without end: they are taken up as there is room, and handed over as they finish.</summary>
    /// <param name="snippets">The snippets, each with a number of its own.</param>
    /// <param name="random">Random numbers of a snippet, by its number.</param>
    /// <param name="finished">Takes number and trajectory, in the order in which they finish.</param>
    /// <param name="progress">Told the source tokens passed so far.</param>
    /// <param name="stop">Cancels between tokens.</param>
    public void SampleWhole(
        IEnumerable<(long Number, Snippet Snippet)> snippets, Func<long, SeededRandom> random, Action<long, Trajectory> finished,
        Action<long>? progress = null, CancellationToken stop = default) =>
        SampleWhole(snippets, random, finished, options.BatchSize, options.SnippetTokens, progress, stop);

    private void SampleWhole(
        IEnumerable<(long Number, Snippet Snippet)> snippets, Func<long, SeededRandom> random, Action<long, Trajectory> finished,
        int slots, int longest, Action<long>? progress, CancellationToken stop)
    {
        // A line longer than a snippet holds at most one choice, at its beginning, and is not decoded behind it.
        using var batch = new DecodeBatch(q, slots, Math.Min(longest, options.SnippetTokens) * 5 / 4);
        using var start = batch.ReadTrunk([format.DocumentStart]);
        using var source = snippets.GetEnumerator();
        var walks = new List<LatentWalk>();
        var numbers = new Dictionary<LatentWalk, long>();
        var (passed, more) = (0L, true);
        while (true)
        {
            stop.ThrowIfCancellationRequested();
            while (batch.Active < batch.Slots && more && (more = source.MoveNext()))
            {
                var (number, snippet) = source.Current;
                var walk = new LatentWalk(snippet, 0, snippet.Actions.Length, attach: 1, options, format, random(number));
                numbers.Add(walk, number);
                walks.Add(walk);
                batch.Open(walk.Attach);
                if (walk.AtDecision)
                {
                    walk.Decide(Choices(start, [0], [walk.OpenerToken])[0], exploration: 0);
                }
            }

            foreach (var walk in CloseFinished(batch, walks))
            {
                passed += walk.Passed;
                numbers.Remove(walk, out var number);
                finished(number, walk.ToTrajectory());
            }

            if (!more && walks.Count == 0)
            {
                LastCapacity = batch.Capacity;
                return;
            }

            progress?.Invoke(passed + walks.Sum(walk => (long)walk.Passed));
            Feed(batch, walks, _ => 0);
        }
    }

    /// <summary>
    /// Samples a group of trajectories from each of several places of one snippet, whose source is the shared trunk:
    /// choices on the trunk cost nothing, and only thoughts and what follows them are decoded.
    /// </summary>
    /// <param name="snippet">The snippet.</param>
    /// <param name="places">Lines where groups start.</param>
    /// <param name="groupSize">Trajectories of a group.</param>
    /// <param name="horizon">Lines that each runs through.</param>
    /// <param name="exploration">By line: probability of thinking whatever q says.</param>
    /// <param name="random">Random numbers of (place, member).</param>
    /// <param name="stop">Cancels between tokens.</param>
    /// <returns>For each place, its group.</returns>
    public IReadOnlyList<IReadOnlyList<Trajectory>> SampleGroups(
        Snippet snippet, IReadOnlyList<int> places, int groupSize, int horizon, Func<int, double> exploration,
        Func<int, int, SeededRandom> random, CancellationToken stop = default)
    {
        var lines = snippet.Actions.Length;
        var walks = places.SelectMany(place => Enumerable.Range(0, groupSize).Select(member => new LatentWalk(
            snippet, place, Math.Min(place + horizon, lines), attach: 0, options, format, random(place, member)))).ToList();
        using var batch = new DecodeBatch(q, walks.Count, horizon * (options.MaxTokens + 16));
        using var trunk = batch.ReadTrunk([format.DocumentStart, .. snippet.Tokens]);
        var choices = TrunkChoices(snippet, trunk);
        var active = new List<LatentWalk>();
        walks.ForEach(FollowTrunk);
        while (active.Count > 0)
        {
            stop.ThrowIfCancellationRequested();
            CloseFinished(batch, active);
            foreach (var walk in Feed(batch, active, exploration))
            {
                walk.ReturnToTrunk();
                FollowTrunk(walk);
            }
        }

        return [.. walks.Select(walk => walk.ToTrajectory()).Chunk(groupSize)];

        // A walk that begins a thought takes a slot.
        void FollowTrunk(LatentWalk walk)
        {
            while (!walk.Finished && walk.Tokens.Count == 0)
            {
                walk.PassLineOnTrunk(DecisionAt(snippet, walk.Line), choices[walk.Line], exploration(walk.Line));
            }

            if (walk.Tokens.Count > 0)
            {
                batch.Open(walk.Attach);
                active.Add(walk);
            }
        }
    }

    /// <summary>Trunk tokens (end-of-text first) before the choice at a line.</summary>
    private static int DecisionAt(Snippet snippet, int line) => 1 + snippet.Offset(line) + snippet.IndentLength(line);

    /// <summary>log q of either choice at each line of the trunk where a comment is possible; NaN elsewhere.</summary>
    private ChoiceLogProbs[] TrunkChoices(Snippet snippet, Tensor trunk)
    {
        var choices = Enumerable.Repeat(new ChoiceLogProbs(float.NaN, float.NaN), snippet.Actions.Length).ToArray();
        var lines = Enumerable.Range(0, choices.Length).Where(snippet.MayThink).ToArray();
        var values = Choices(
            trunk, [.. lines.Select(line => DecisionAt(snippet, line) - 1L)], [.. lines.Select(line => (long)snippet.Actions[line].Opener[^1])]);
        for (var i = 0; i < lines.Length; i++)
        {
            choices[lines[i]] = values[i];
        }

        return choices;
    }

    /// <summary>Closes the walks that have no choice left before them; the rest of their source needs no decoding.</summary>
    private static List<LatentWalk> CloseFinished(DecodeBatch batch, List<LatentWalk> walks)
    {
        var finished = new List<LatentWalk>();
        for (var slot = walks.Count - 1; slot >= 0; slot--)
        {
            if (walks[slot].FinishIfDecided())
            {
                finished.Add(walks[slot]);
                Close(batch, walks, slot);
            }
        }

        return finished;
    }

    private static void Close(DecodeBatch batch, List<LatentWalk> walks, int slot)
    {
        if (batch.Close(slot) is var moved and >= 0)
        {
            walks[slot] = walks[moved];
        }

        walks.RemoveAt(walks.Count - 1);
    }

    /// <summary>
    /// Feeds every walk what is known of its way: the token it drew last, or its source as far ahead as it looks. Then choices are
    /// made in order up to a walk's first thought, whose further source the cache forgets, and latents are drawn on.
    /// </summary>
    /// <returns>Walks that are back on the trunk, their slots closed.</returns>
    private List<LatentWalk> Feed(DecodeBatch batch, List<LatentWalk> walks, Func<int, double> exploration)
    {
        var returned = new List<LatentWalk>();
        if (walks.Count == 0)
        {
            return returned;
        }

        // A walk that was drawing has one token left to feed: the opener, or what it drew last.
        var ahead = walks.Select(walk => walk.AtLatent ? null : walk.Ahead()).ToArray();
        var left = walks.Select((walk, slot) => walk.Tokens.Count - batch.Length(slot)).ToArray();
        var (hidden, firstRows) = batch.Feed(
            [.. walks.Select((walk, slot) => (int[])[.. walk.Tokens.TakeLast(left[slot]), .. ahead[slot]?.Tokens ?? []])]);
        using (hidden)
        {
            Follow(walks, ahead, [.. firstRows.Zip(left, (row, count) => row + count)], hidden, exploration);
            Draw(walks, [.. Enumerable.Range(0, walks.Count).Where(slot => ahead[slot] is null)], firstRows, hidden);
        }

        for (var slot = walks.Count - 1; slot >= 0; slot--)
        {
            var walk = walks[slot];
            if (walk.IsBackOnTrunk)
            {
                returned.Add(walk);
                Close(batch, walks, slot);
            }
            else
            {
                batch.Truncate(slot, walk.AtLatent && ahead[slot] is not null ? walk.Tokens.Count - 1 : walk.Tokens.Count);
            }
        }

        return returned;
    }

    /// <summary>The choices among the source that was read ahead; a walk's source begins at its row.</summary>
    private void Follow(List<LatentWalk> walks, SourceAhead?[] ahead, int[] rows, Tensor hidden, Func<int, double> exploration)
    {
        var places = ahead.SelectMany((source, slot) => (source?.Choices ?? []).Select(choice => (Row: rows[slot] + choice.Tokens - 1L, choice.Opener))).ToList();
        var values = Choices(hidden, [.. places.Select(place => place.Row)], [.. places.Select(place => (long)place.Opener)]);
        var next = 0;
        for (var slot = 0; slot < walks.Count; slot++)
        {
            if (ahead[slot] is { } source)
            {
                walks[slot].Follow(source, values.AsSpan(next, source.Choices.Count), exploration);
                next += source.Choices.Count;
            }
        }
    }

    /// <summary>Draws the next content token of each slot's latent.</summary>
    private void Draw(List<LatentWalk> walks, int[] slots, int[] rows, Tensor hidden)
    {
        if (slots.Length == 0)
        {
            return;
        }

        using var scope = NewDisposeScope();
        var some = hidden.index_select(0, tensor([.. slots.Select(slot => (long)rows[slot])], ScalarType.Int64, q.Device));
        var log = LanguageModelHead.LogDistribution(q, some, contents).to_type(ScalarType.Float32).cpu();
        var values = log.data<float>().ToArray();
        var width = (int)log.shape[1];
        for (var i = 0; i < slots.Length; i++)
        {
            var walk = walks[slots[i]];
            var (token, logProb) = Sampler.Draw(values.AsSpan(i * width, width), Plain, walk.NextUniform());
            walk.Extend(token, logProb);
        }
    }

    private ChoiceLogProbs[] Choices(Tensor hidden, long[] rows, long[] openers)
    {
        if (rows.Length == 0)
        {
            return [];
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var think = LanguageModelHead.LogProbs(
            q, hidden.index_select(0, tensor(rows, ScalarType.Int64, q.Device)), tensor(openers, ScalarType.Int64, q.Device), decisions);
        var act = ChoiceLogProbs.Complement(think);
        return [.. Values(think).Zip(Values(act), (t, a) => new ChoiceLogProbs(t, a))];

        static float[] Values(Tensor x) => x.to_type(ScalarType.Float32).cpu().data<float>().ToArray();
    }
}
