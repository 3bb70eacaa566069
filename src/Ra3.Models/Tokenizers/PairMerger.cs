namespace Ra3.Models.Tokenizers;

/// <summary>
/// The heart of byte-pair encoding: joins the adjacent pair of lowest rank (the leftmost of equals) until none is left.
/// Short words by linear search, long ones with a heap: O(n log n), so a line of megabytes is no trap.
/// </summary>
internal sealed class PairMerger(int[] byteIds, MergeTable merges)
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
            pairs[i] = merges.Find(ids[i], ids[i + 1]);
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
                pairs[best] = merges.Find(ids[best], ids[best + 1]);
            }

            if (best > 0)
            {
                pairs[best - 1] = merges.Find(ids[best - 1], ids[best]);
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
            var (rank, id) = merges.Find(ids[left], ids[right]);
            if (rank != int.MaxValue)
            {
                queue.Enqueue((ids[left], ids[right], id), (rank, left));
            }
        }
    }
}

/// <summary>Ranks of pairs and what they join to: open addressing, at most half full, one probe of 16 bytes for most look-ups.</summary>
internal sealed class MergeTable
{
    private readonly Slot[] slots;
    private readonly int shift;

    public MergeTable(int count)
    {
        var bits = 4;
        while (1L << bits < 2L * count)
        {
            bits++;
        }

        slots = new Slot[1 << bits];
        shift = 64 - bits;
    }

    /// <summary>Adds a pair; one that is there keeps its first rank.</summary>
    public void Add(int left, int right, int rank, int id)
    {
        var key = Key(left, right);
        ref var slot = ref At(key);
        if (slot.Key != key)
        {
            slot = new Slot { Key = key, Rank = rank, Id = id };
        }
    }

    /// <summary>A pair's rank and the token it joins to; the highest rank there is when it is none.</summary>
    public (int Rank, int Id) Find(int left, int right)
    {
        var key = Key(left, right);
        ref readonly var slot = ref At(key);
        return slot.Key == key ? (slot.Rank, slot.Id) : (int.MaxValue, -1);
    }

    private ref Slot At(ulong key)
    {
        var all = slots; // read once
        for (var index = (int)((key * 0x9E3779B97F4A7C15) >> shift); ; index = (index + 1) & (all.Length - 1))
        {
            ref var slot = ref all[index];
            if (slot.Key == key || slot.Key == 0)
            {
                return ref slot;
            }
        }
    }

    /// <summary>Never 0, which marks a free slot.</summary>
    private static ulong Key(int left, int right) => ((ulong)(left + 1) << 32) | (uint)right;

    private struct Slot
    {
        public ulong Key;
        public int Rank;
        public int Id;
    }
}
