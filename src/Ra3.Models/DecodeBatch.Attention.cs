using static TorchSharp.torch;

namespace Ra3.Models;

public sealed partial class DecodeBatch
{
    /// <summary>
    /// New queries of every active slot against its own cache and the trunk. The trunk meets all queries in one product; of
    /// their own keys, slots that take one token share a product over all slots, and slots that take more have one each.
    /// </summary>
    private sealed class CachedAttention : Attention
    {
        /// <summary>Where fewer than one slot in this many takes a single token, a product over all slots does not pay.</summary>
        private const int LeastSingles = 8;

        private readonly DecodeBatch batch;
        private readonly int[] counts;
        private readonly int[] firstRows;
        private readonly int total;
        private readonly Tensor writeRows;
        private readonly Tensor? trunkBias;
        private readonly Tensor? lastRows; // of each slot, where there is a product over all slots
        private readonly Tensor? singleBias;
        private readonly Tensor?[] ownBiases; // of each slot that has a product of its own
        private readonly long keyCount;

        public CachedAttention(DecodeBatch batch, int[] counts)
        {
            this.batch = batch;
            this.counts = counts;
            total = counts.Sum();
            firstRows = new int[counts.Length];
            int active = counts.Length, keyHeads = batch.decoder.Config.KeyValueHeads, group = batch.group;
            var device = batch.decoder.Device;
            var (write, seen) = (new long[total * keyHeads], new long[PartialAttention.Padded(total * group)]);
            var next = 0;
            for (var slot = 0; slot < active; slot++)
            {
                firstRows[slot] = next;
                for (var i = 0; i < counts[slot]; i++, next++)
                {
                    Array.Fill(seen, batch.attach[slot], next * group, group);
                    for (var head = 0; head < keyHeads; head++)
                    {
                        write[(next * keyHeads) + head] =
                            ((((long)slot * keyHeads) + head) * batch.Capacity) + batch.length[slot] + i;
                    }
                }
            }

            writeRows = tensor(write, ScalarType.Int64, device);
            if (batch.trunkLength > 0)
            {
                trunkBias = Unseen(batch.trunk[0].Keys.shape[1], tensor(seen, ScalarType.Int64, device)).unsqueeze(0);
            }

            var together = counts.Count(count => count == 1) * LeastSingles >= active;
            ownBiases = new Tensor?[active];
            for (var slot = 0; slot < active; slot++)
            {
                if (!together || counts[slot] > 1)
                {
                    long first = batch.length[slot] + 1;
                    var rows = PartialAttention.Padded(counts[slot] * group);
                    var limits = new long[rows];
                    for (var row = 0; row < rows; row++)
                    {
                        limits[row] = first + Math.Min(row / group, counts[slot] - 1);
                    }

                    ownBiases[slot] = Unseen(KeysOf(slot), tensor(limits, ScalarType.Int64, device)).unsqueeze(0);
                }
            }

            if (together)
            {
                var after = new long[active];
                var last = new long[active];
                for (var slot = 0; slot < active; slot++)
                {
                    after[slot] = batch.length[slot] + counts[slot];
                    last[slot] = firstRows[slot] + counts[slot] - 1;
                }

                keyCount = Enumerable.Range(0, active).Where(slot => ownBiases[slot] is null).Max(KeysOf);
                lastRows = tensor(last, ScalarType.Int64, device);
                singleBias = Unseen(keyCount, tensor(after, ScalarType.Int64, device).repeat_interleave(keyHeads)).unsqueeze(1);
            }

            Tensor Unseen(long keys, Tensor limits) => PartialAttention.BiasBefore(limits, keys, batch.decoder.ResidualType);
        }

        public override Tensor Attend(int layer, Tensor q, Tensor k, Tensor v)
        {
            using var scope = NewDisposeScope();
            long rows = q.shape[0], heads = q.shape[1], keyHeads = k.shape[1], size = q.shape[2], group = batch.group;
            var (keys, values) = batch.own[layer];
            keys.view(-1, size).index_copy_(0, writeRows, k.slice(0, 0, total, 1).reshape(-1, size));
            values.view(-1, values.shape[^1]).slice(1, 0, size, 1)
                .index_copy_(0, writeRows, v.slice(0, 0, total, 1).reshape(-1, size));
            q = (q.slice(0, 0, total, 1) / Kept.Scalar(Math.Sqrt(size))).view(total, keyHeads, group, size);

            Tensor? trunk = null, trunkMaximum = null;
            if (trunkBias is not null)
            {
                trunk = PartialAttention.Scores(HeadsOutside(q), batch.trunk[layer].Keys, trunkBias);
                trunkMaximum = HeadsInside(PartialAttention.RowMaximum(trunk));
            }

            var singles = lastRows is null ? default : Singles(q, keys, values, trunkMaximum);
            var (sums, maxima) = (new List<Tensor>(), new List<Tensor>());
            for (var slot = 0; slot < counts.Length; slot++)
            {
                var (sum, maximum) = ownBiases[slot] is null
                    ? (singles.Sum.slice(0, slot, slot + 1, 1), singles.Maximum.slice(0, slot, slot + 1, 1))
                    : Several(slot, q, keys[slot], values[slot], trunkMaximum);
                sums.Add(sum);
                maxima.Add(maximum);
            }

            // All slots single: their product is in order already.
            var all = counts.Length == total && lastRows is not null;
            var weighted = all ? singles.Sum : cat(sums, 0);
            if (trunk is not null)
            {
                var outside = HeadsOutside(all ? singles.Maximum : cat(maxima, 0));
                weighted = weighted.Plus(HeadsInside(PartialAttention.Weighted(trunk, outside, batch.trunk[layer].Values)));
            }

            var attended = PartialAttention.Normalised(weighted).reshape(total, heads, size);
            return nn.functional.pad(attended, [0, 0, 0, 0, 0, rows - total]).MoveToOuterDisposeScope();

            // [total, keyHeads, group, d] → [keyHeads, total·group padded, d]
            Tensor HeadsOutside(Tensor x) => WithRows(x.transpose(0, 1).reshape(keyHeads, total * group, -1));

            // and back
            Tensor HeadsInside(Tensor x) => x.slice(1, 0, total * group, 1).view(keyHeads, total, group, -1).transpose(0, 1);
        }

        /// <summary>The last query of every slot against the slots' caches: weighted sums and maxima, [slots, keyHeads, group, ·].</summary>
        private (Tensor Sum, Tensor Maximum) Singles(Tensor q, Tensor keys, Tensor values, Tensor? trunkMaximum)
        {
            using var scope = NewDisposeScope();
            long active = counts.Length, keyHeads = q.shape[1], group = batch.group;
            var queries = WithRows(Last(q).reshape(active * keyHeads, group, -1));
            var own = PartialAttention.Scores(queries, Cached(keys), singleBias!);
            var maximum = PartialAttention.RowMaximum(own);
            if (trunkMaximum is not null)
            {
                maximum = maximum.maximum(WithRows(Last(trunkMaximum).reshape(active * keyHeads, group, 1)));
            }

            var sum = PartialAttention.Weighted(own, maximum, Cached(values));
            return (BySlot(sum).MoveToOuterDisposeScope(), BySlot(maximum).MoveToOuterDisposeScope());

            Tensor Last(Tensor x) => counts.Length == total ? x : x.index_select(0, lastRows!);

            // [slots, keyHeads, capacity, d] → a view [active·keyHeads, keys, d]
            Tensor Cached(Tensor cache) => cache.slice(0, 0, active, 1).slice(2, 0, keyCount, 1).flatten(0, 1);

            Tensor BySlot(Tensor x) => x.slice(1, 0, group, 1).view(active, keyHeads, group, -1);
        }

        /// <summary>The queries of one slot against its cache: weighted sums and maxima, [count, keyHeads, group, ·].</summary>
        private (Tensor Sum, Tensor Maximum) Several(int slot, Tensor q, Tensor keys, Tensor values, Tensor? trunkMaximum)
        {
            using var scope = NewDisposeScope();
            long count = counts[slot], first = firstRows[slot], keyHeads = q.shape[1], group = batch.group, seen = KeysOf(slot);
            var own = PartialAttention.Scores(Mine(q), keys.slice(1, 0, seen, 1), ownBiases[slot]!);
            var maximum = PartialAttention.RowMaximum(own);
            if (trunkMaximum is not null)
            {
                maximum = maximum.maximum(Mine(trunkMaximum));
            }

            var sum = PartialAttention.Weighted(own, maximum, values.slice(1, 0, seen, 1));
            return (ByRow(sum).MoveToOuterDisposeScope(), ByRow(maximum).MoveToOuterDisposeScope());

            // rows of the slot → [keyHeads, count·group padded, d]
            Tensor Mine(Tensor x) => WithRows(x.slice(0, first, first + count, 1).transpose(0, 1).reshape(keyHeads, count * group, -1));

            Tensor ByRow(Tensor x) => x.slice(1, 0, count * group, 1).view(keyHeads, count, group, -1).transpose(0, 1);
        }

        /// <summary>Keys that a slot's product covers.</summary>
        private long KeysOf(int slot) =>
            Math.Min(batch.Capacity, (batch.length[slot] + counts[slot] + KeyMultiple - 1) / KeyMultiple * KeyMultiple);

        /// <summary>[b, rows, d] with rows padded as products need.</summary>
        private static Tensor WithRows(Tensor x)
        {
            var missing = PartialAttention.Padded((int)x.shape[1]) - x.shape[1];
            return missing == 0 ? x : nn.functional.pad(x, [0, 0, 0, missing]);
        }
    }
}
