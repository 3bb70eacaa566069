namespace Ra3.Models;

/// <summary>A continuation of the trunk: it sees the trunk's first <paramref name="Attach"/> tokens and itself.</summary>
/// <param name="Attach">Number of trunk tokens before it, 0 to the trunk's length.</param>
/// <param name="Tokens">Its own tokens, at positions Attach, Attach + 1, …</param>
public sealed record TreeBranch(int Attach, IReadOnlyList<int> Tokens)
{
    /// <summary>Whether both continue the trunk at the same place by the same tokens.</summary>
    public bool Equals(TreeBranch? other) =>
        other is not null && Attach == other.Attach && Tokens.SequenceEqual(other.Tokens);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(Attach);
        foreach (var token in Tokens)
        {
            hash.Add(token);
        }

        return hash.ToHashCode();
    }
}

/// <summary>
/// A shared trunk and its branches laid out in one flat row for <see cref="Decoder.Hidden"/>: the trunk first, then the
/// branches in runs of (nearly) equal length. A plain sequence is a trunk without branches or a branch without trunk.
/// Rows added to fill a run carry token 0 and are seen by nobody.
/// </summary>
public sealed class TreeLayout
{
    /// <summary>Branches are padded to a multiple of this; see <see cref="PartialAttention"/> on why not to less.</summary>
    private const int LengthMultiple = 4;

    /// <summary>Rows of a run, where its branches allow it: its scores against the trunk then stay in the processor's cache.</summary>
    private const int RunRows = 384;

    private readonly int[] startOfBranch;

    /// <summary>Lays out a tree.</summary>
    /// <exception cref="ArgumentException">A branch attaches outside the trunk, is empty, or there are no tokens at all.</exception>
    public TreeLayout(IReadOnlyList<int> trunk, IReadOnlyList<TreeBranch> branches)
    {
        TrunkLength = trunk.Count;
        TrunkRows = trunk.Count == 0 ? 0 : Math.Max(PartialAttention.LeastKeys, PartialAttention.Padded(trunk.Count));
        startOfBranch = new int[branches.Count];
        var tokens = new List<long>(TrunkRows);
        var positions = new List<long>(TrunkRows);
        Append(trunk, 0, TrunkRows);
        foreach (var run in branches.Select((branch, index) => (branch, index, Length: PaddedLength(branch, TrunkLength)))
            .GroupBy(item => item.Length).OrderBy(run => run.Key)
            .SelectMany(run => run.OrderBy(item => item.branch.Attach).Chunk(BranchesOf(run.Key))))
        {
            var (start, length) = (tokens.Count, run[0].Length);
            var attach = new List<int>();
            foreach (var (branch, index, _) in run)
            {
                startOfBranch[index] = tokens.Count;
                attach.Add(branch.Attach);
                Append(branch.Tokens, branch.Attach, length);
            }

            while ((tokens.Count - start) % PartialAttention.RowMultiple != 0)
            {
                attach.Add(attach[0]);
                Append([], 0, length);
            }

            var seen = Math.Max(PartialAttention.LeastKeys, PartialAttention.Padded(run[^1].branch.Attach));
            Runs.Add(new BranchRun(start, length, attach, Math.Min(seen, TrunkRows)));
        }

        Tokens = [.. tokens];
        Positions = [.. positions];
        if (Tokens.Length == 0)
        {
            throw new ArgumentException("A tree needs at least one token.");
        }

        void Append(IReadOnlyList<int> content, int firstPosition, int rows)
        {
            for (var i = 0; i < rows; i++)
            {
                tokens.Add(i < content.Count ? content[i] : 0);
                positions.Add(i < content.Count ? firstPosition + i : 0);
            }
        }
    }

    /// <summary>Tokens in the trunk.</summary>
    public int TrunkLength { get; }

    /// <summary>Rows the trunk occupies, fill included.</summary>
    public int TrunkRows { get; }

    /// <summary>Token ids of all rows.</summary>
    public long[] Tokens { get; }

    /// <summary>Positions of all rows.</summary>
    public long[] Positions { get; }

    internal List<BranchRun> Runs { get; } = [];

    /// <summary>Row of a branch's token.</summary>
    public int Row(int branch, int offset) => startOfBranch[branch] + offset;

    /// <summary>Row whose hidden state predicts a branch's token; for its first token that is a row of the trunk.</summary>
    /// <exception cref="ArgumentException">Nothing precedes the token.</exception>
    public int PredictorRow(int branch, int attach, int offset) => offset > 0 ? Row(branch, offset - 1)
        : attach > 0 ? attach - 1
        : throw new ArgumentException("The first token of a sequence is predicted by no row.");

    private static int PaddedLength(TreeBranch branch, int trunk) =>
        branch.Tokens.Count > 0 && branch.Attach >= 0 && branch.Attach <= trunk
            ? (branch.Tokens.Count + LengthMultiple - 1) / LengthMultiple * LengthMultiple
            : throw new ArgumentException(
                $"A branch of {branch.Tokens.Count} tokens at {branch.Attach} does not fit a trunk of {trunk} tokens.");

    /// <summary>Branches in a run: as many as fill up <see cref="PartialAttention.RowMultiple"/> rows without fill.</summary>
    private static int BranchesOf(int length)
    {
        const int Multiple = PartialAttention.RowMultiple / LengthMultiple;
        return Math.Max(1, RunRows / (length * Multiple)) * Multiple;
    }

    /// <summary>Branches of equal padded length and rising attachment, one after another from row <paramref name="Start"/>; none sees more than the
    /// trunk's first <paramref name="TrunkKeys"/> rows.</summary>
    internal sealed record BranchRun(int Start, int Length, List<int> Attach, int TrunkKeys);
}
