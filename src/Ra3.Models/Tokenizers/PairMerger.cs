namespace Ra3.Models.Tokenizers;

/// <summary>
/// The heart of byte-pair encoding: joins the adjacent pair of lowest rank (the leftmost of equals) until none is left.
/// Short words by linear search, long ones with a heap: O(n log n), so a line of megabytes is no trap.
/// </summary>
internal sealed class PairMerger(int[] byteIds, Dictionary<(int Left, int Right), (int Rank, int Id)> merges)
{
    private const int LinearLimit = 48;

    /// <summary>Appends the tokens of a word's UTF-8 bytes.</summary>
    public void Append(ReadOnlySpan<byte> word, List<int> tokens)
    {
        if (word.Length <= LinearLimit)
        {
            AppendShort(word, tokens);
        }
        else
        {
            AppendLong(word, tokens);
        }
    }

    private void AppendShort(ReadOnlySpan<byte> word, List<int> tokens)
    {
        Span<int> ids = stackalloc int[LinearLimit];
        Span<(int Rank, int Id)> pairs = stackalloc (int, int)[LinearLimit];
        var count = word.Length;
        for (var i = 0; i < count; i++)
        {
            ids[i] = byteIds[word[i]];
        }

        // pairs[i] joins ids[i] and ids[i + 1].
        for (var i = 0; i + 1 < count; i++)
        {
            pairs[i] = Rank(ids[i], ids[i + 1]);
        }

        while (count > 1)
        {
            var best = 0;
            for (var i = 1; i + 1 < count; i++)
            {
                if (pairs[i].Rank < pairs[best].Rank)
                {
                    best = i;
                }
            }

            if (pairs[best].Rank == int.MaxValue)
            {
                break;
            }

            ids[best] = pairs[best].Id;
            ids[(best + 2)..count].CopyTo(ids[(best + 1)..]);
            count--;
            if (best + 1 < count)
            {
                pairs[(best + 2)..count].CopyTo(pairs[(best + 1)..]);
                pairs[best] = Rank(ids[best], ids[best + 1]);
            }

            if (best > 0)
            {
                pairs[best - 1] = Rank(ids[best - 1], ids[best]);
            }
        }

        for (var i = 0; i < count; i++)
        {
            tokens.Add(ids[i]);
        }
    }

    private void AppendLong(ReadOnlySpan<byte> word, List<int> tokens)
    {
        // A doubly linked list of symbols; a symbol that was swallowed has id -1.
        var count = word.Length;
        var ids = new int[count];
        var next = new int[count];
        var previous = new int[count];
        for (var i = 0; i < count; i++)
        {
            (ids[i], next[i], previous[i]) = (byteIds[word[i]], i + 1 < count ? i + 1 : -1, i - 1);
        }

        var queue = new PriorityQueue<(int Left, int Right, int Id), (int Rank, int Position)>();
        for (var i = 0; i + 1 < count; i++)
        {
            Enqueue(i, i + 1);
        }

        while (queue.TryDequeue(out var join, out var priority))
        {
            // Stale when either side has changed since it was queued.
            var (left, right) = (priority.Position, next[priority.Position]);
            if (right < 0 || ids[left] != join.Left || ids[right] != join.Right)
            {
                continue;
            }

            ids[left] = join.Id;
            ids[right] = -1;
            next[left] = next[right];
            if (next[left] >= 0)
            {
                previous[next[left]] = left;
                Enqueue(left, next[left]);
            }

            if (previous[left] >= 0)
            {
                Enqueue(previous[left], left);
            }
        }

        foreach (var id in ids)
        {
            if (id >= 0)
            {
                tokens.Add(id);
            }
        }

        void Enqueue(int left, int right)
        {
            var (rank, id) = Rank(ids[left], ids[right]);
            if (rank != int.MaxValue)
            {
                queue.Enqueue((ids[left], ids[right], id), (rank, left));
            }
        }
    }

    private (int Rank, int Id) Rank(int left, int right) => merges.TryGetValue((left, right), out var merge) ? merge : (int.MaxValue, -1);
}
