using Ra3.Models;
using Ra3.Training;

namespace Ra3.MidTraining;

/// <summary>
/// A posterior resampling: before every line where a comment is possible a group of latents is drawn from q, and the one under
/// which the line is likeliest is kept if it gains more than a thought costs. Not part of the paper's E-step; reports name it.
/// </summary>
public sealed class BestOfGroup(Decoder q, Decoder scorer, LatentFormat format, LatentOptions latents, EStepOptions options, long seed)
{
    private const int SnippetsAtOnce = 256; // that several threads take from before they wait for each other

    private readonly LatentSampler sampler = new(q, format, latents);

    /// <summary>A trajectory through each snippet.</summary>
    /// <param name="snippets">The snippets, each with a number of its own, which its random numbers depend on.</param>
    /// <param name="finished">Takes number and trajectory of one at a time, from any thread, in the order in which they finish.</param>
    /// <param name="progress">Told the source tokens passed so far, in the same way.</param>
    /// <param name="stop">Cancels between tokens; what was finished has been handed over.</param>
    public void SelectEach(
        IEnumerable<(long Number, Snippet Snippet)> snippets, Action<long, Trajectory> finished, Action<long>? progress = null,
        CancellationToken stop = default)
    {
        var (passed, gate) = (0L, new Lock());
        foreach (var some in snippets.Chunk(SnippetsAtOnce))
        {
            SideBySide.Run(q, some.Length, i =>
            {
                var selected = Select(some[i].Snippet, some[i].Number, stop);
                lock (gate)
                {
                    passed += some[i].Snippet.Tokens.Length;
                    finished(some[i].Number, selected);
                    progress?.Invoke(passed);
                }
            });
        }
    }

    /// <summary>The trajectory through one snippet.</summary>
    /// <param name="snippet">The snippet.</param>
    /// <param name="index">Its index, for the random numbers.</param>
    /// <param name="stop">Cancels between tokens.</param>
    public Trajectory Select(Snippet snippet, long index, CancellationToken stop = default)
    {
        stop.ThrowIfCancellationRequested();
        var possible = Enumerable.Range(0, snippet.Actions.Length).Where(snippet.MayThink).ToList();
        var groups = sampler.SampleGroups(
            snippet, possible, options.GroupSize, horizon: 1, exploration: _ => 1,
            (line, member) => new SeededRandom(seed, "best-of-group", index, line, member), stop);
        stop.ThrowIfCancellationRequested();
        List<(int Line, int[] Latent)> thoughts = [.. groups.SelectMany(group => group).Select(member => member.Steps[0])
            .Where(step => step.Choice == StepChoice.Think).Select(step => (step.Line, step.Latent))];
        var gains = ThoughtGains.Of(scorer, format, snippet, thoughts, options);
        var plain = Trajectory.Plain(snippet);
        var chosen = plain.Steps.ToArray();
        foreach (var line in possible)
        {
            chosen[line] = chosen[line] with { Choice = StepChoice.Act };
            var best = Enumerable.Range(0, thoughts.Count).Where(i => thoughts[i].Line == line).DefaultIfEmpty(-1)
                .MaxBy(i => i < 0 ? double.NegativeInfinity : gains[i]);
            if (best >= 0 && gains[best] > options.SwitchCost)
            {
                chosen[line] = chosen[line] with { Choice = StepChoice.Think, Latent = thoughts[best].Latent };
            }
        }

        return plain with { Steps = chosen };
    }
}
