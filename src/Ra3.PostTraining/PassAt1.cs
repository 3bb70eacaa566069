using Ra3.Models;
using Ra3.Models.Generation;
using Ra3.Models.Tokenizers;

namespace Ra3.PostTraining;

/// <summary>How often a model's likeliest answer is right.</summary>
/// <param name="Passed">By problem, in order; null where the judge failed.</param>
/// <param name="Completions">The answers, in order.</param>
/// <param name="Tokens">Tokens generated.</param>
public sealed record PassAt1Result(IReadOnlyList<bool?> Passed, IReadOnlyList<string> Completions, long Tokens)
{
    /// <summary>Problems with a verdict.</summary>
    public int Judged => Passed.Count(passed => passed is not null);

    /// <summary>Problems that the judge failed on: in no score.</summary>
    public int Dropped => Passed.Count - Judged;

    /// <summary>Share of the judged problems whose answer passed; NaN where none was judged.</summary>
    public double Rate => Judged == 0 ? double.NaN : Passed.Count(passed => passed == true) / (double)Judged;

    /// <summary>Standard error of the rate over problems, never 0 (<see cref="Proportion"/>); NaN where none was
    /// judged.</summary>
    public double StandardError => Proportion.StandardError(Rate, Judged);
}

/// <summary>Greedy pass@1 on problems, all decoded side by side and judged while others are still being
/// written.</summary>
public static class PassAt1
{
    /// <summary>Measures a model.</summary>
    /// <param name="decoder">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="problems">At least one.</param>
    /// <param name="reward">The judge.</param>
    /// <param name="maxNewTokens">Most tokens of an answer.</param>
    /// <param name="batch">Answers decoded side by side.</param>
    /// <param name="stop">Cancels.</param>
    public static PassAt1Result Measure(
        Decoder decoder, Tokenizer tokenizer, IReadOnlyList<Problem> problems, IReward reward, int maxNewTokens, int batch = 64,
        CancellationToken stop = default)
    {
        using var spare = new SpareCore(decoder);
        var scores = new Task<Score>[problems.Count];
        var texts = new string[problems.Count];
        long tokens = 0;
        foreach (var alike in Enumerable.Range(0, problems.Count).GroupBy(i => string.Join('\0', problems[i].Stop), StringComparer.Ordinal))
        {
            int[] indices = [.. alike];
            var options = new GenerationOptions
            {
                Sampling = new SamplingOptions { Temperature = 0 },
                MaxNewTokens = maxNewTokens,
                Stop = problems[indices[0]].Stop,
                BatchSize = batch,
            };
            var prompts = indices.Select(i => problems[i].Encode(tokenizer)).ToList();
            foreach (var completion in Generator.Generate(decoder, tokenizer, prompts, options, stop))
            {
                var i = indices[completion.Index];
                tokens += completion.Tokens.Count;
                texts[i] = completion.Text;
                scores[i] = Task.Run(() => reward.ScoreAsync(problems[i], completion.Text, stop), stop);
            }
        }

        var passed = Task.WhenAll(scores).GetAwaiter().GetResult().Select(score => score.Value is null ? (bool?)null : score.Passed);
        return new PassAt1Result([.. passed], texts, tokens);
    }
}
