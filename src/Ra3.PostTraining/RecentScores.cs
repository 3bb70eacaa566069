using Ra3.Sandbox;

namespace Ra3.PostTraining;

/// <summary>
/// Scores of the programs judged last: late in a run most of a group's completions are equal, and judging one costs more
/// than sampling it. What can change from one run of a program to the next (a timeout, a failure of the judge) is not kept.
/// </summary>
/// <param name="capacity">Scores kept at least, where there are so many; twice as many at most.</param>
internal sealed class RecentScores(int capacity)
{
    private static readonly string Timeout = Verdict.NameOf(VerdictKind.Timeout);

    private readonly Lock gate = new();
    private Dictionary<string, Task<Score>> recent = new(StringComparer.Ordinal);
    private Dictionary<string, Task<Score>> older = new(StringComparer.Ordinal);

    /// <summary>The score of a program, judged now if it is not known or being judged.</summary>
    /// <param name="key">Equal for equal programs under equal tests alone.</param>
    /// <param name="judge">Judges it.</param>
    public async Task<Score> OfAsync(string key, Func<Task<Score>> judge)
    {
        Task<Score>? score;
        lock (gate)
        {
            if (!recent.TryGetValue(key, out score))
            {
                score = older.GetValueOrDefault(key) ?? judge();
                if (recent.Count >= capacity)
                {
                    (older, recent) = (recent, new Dictionary<string, Task<Score>>(StringComparer.Ordinal));
                }

                recent[key] = score;
            }
        }

        var lasts = false;
        try
        {
            var known = await score.ConfigureAwait(false);
            lasts = known.Value is not null && known.Verdict != Timeout;
            return known;
        }
        finally
        {
            if (!lasts)
            {
                lock (gate)
                {
                    recent.Remove(key);
                    older.Remove(key);
                }
            }
        }
    }
}
