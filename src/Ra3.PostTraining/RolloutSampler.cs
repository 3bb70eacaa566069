using Ra3.Models;
using Ra3.Models.Generation;
using Ra3.Models.Tokenizers;

namespace Ra3.PostTraining;

/// <summary>Draws the completions of groups, with continuous batching over all of them.</summary>
internal sealed class RolloutSampler(Decoder decoder, Tokenizer tokenizer, GrpoOptions options)
{
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
        foreach (var alike in Enumerable.Range(0, wanted.Count).GroupBy(group => string.Join('\0', wanted[group].Problem.Stop), StringComparer.Ordinal))
        {
            (int Group, int Member)[] members =
                [.. alike.SelectMany(group => Enumerable.Range(0, options.GroupSize).Select(member => (group, member)))];
            var generation = new GenerationOptions
            {
                Sampling = new SamplingOptions { Temperature = options.Temperature },
                MaxNewTokens = options.MaxNewTokens,
                Stop = wanted[members[0].Group].Problem.Stop,
                BatchSize = options.SamplingBatch,
                Random = i => random(members[i].Group, members[i].Member),
            };
            int[][] prompts = [.. members.Select(member => wanted[member.Group].Prompt)];
            foreach (var completion in Generator.Generate(decoder, tokenizer, prompts, generation, stop))
            {
                var (group, member) = members[completion.Index];
                var rollout = ToRollout(completion, prompts[completion.Index], version);
                results[group][member] = rollout;
                finished(group, rollout);
            }
        }

        return results;
    }

    /// <summary>The end-of-text token is part of what the policy chose.</summary>
    private static Rollout ToRollout(Completion completion, int[] prompt, long version) => new()
    {
        Prompt = prompt,
        Tokens = completion.End is { } end ? [.. completion.Tokens, end.Token] : [.. completion.Tokens],
        LogProbs = completion.End is { } last ? [.. completion.LogProbs, last.LogProb] : [.. completion.LogProbs],
        Text = completion.Text,
        Truncated = completion.Reason == FinishReason.Length,
        PolicyVersion = version,
    };
}
