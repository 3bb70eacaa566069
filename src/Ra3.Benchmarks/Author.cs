using Ra3.Models;
using Ra3.Models.Generation;
using Ra3.Models.Tokenizers;

namespace Ra3.Benchmarks;

/// <summary>How a model writes its samples.</summary>
/// <param name="Temperature">0 is greedy.</param>
/// <param name="TopP">Nucleus sampling; without effect on greedy decoding.</param>
/// <param name="MaxTokens">Most new tokens of a sample.</param>
/// <param name="Seed">Of every draw.</param>
public sealed record AuthorOptions(double Temperature, double TopP, int MaxTokens, long Seed);

/// <summary>Lets a model write programs.</summary>
public static class Author
{
    /// <summary>The samples of a benchmark's problems that are asked, in the order in which they are finished. A sample depends on the
    /// model, the options, its problem's place and its index alone: neither the batch nor what is done already changes it (on a CPU, bit
    /// for bit).</summary>
    /// <param name="decoder">The model; in use until the enumeration has been disposed of, whatever ends it.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="benchmark">The problems.</param>
    /// <param name="samples">Samples a problem.</param>
    /// <param name="options">How.</param>
    /// <param name="batch">Samples written side by side, of whatever problems.</param>
    /// <param name="done">Id and index of samples that are not wanted.</param>
    /// <param name="stop">Cancels between tokens.</param>
    public static IAsyncEnumerable<Sample> WriteAsync(
        Decoder decoder, Tokenizer tokenizer, Benchmark benchmark, int samples, AuthorOptions options, int batch,
        IReadOnlySet<(string TaskId, int Index)> done, CancellationToken stop = default) =>
        OwnThread.Run(token => Write(decoder, tokenizer, benchmark, samples, options, batch, done, token), stop);

    private static IEnumerable<Sample> Write(
        Decoder decoder, Tokenizer tokenizer, Benchmark benchmark, int samples, AuthorOptions options, int batch,
        IReadOnlySet<(string TaskId, int Index)> done, CancellationToken stop)
    {
        var jobs = benchmark.Problems.Where(problem => problem.IsAsked)
            .SelectMany((problem, place) => Enumerable.Range(0, samples).Select(index => (Problem: problem, Place: place, Index: index)))
            .Where(job => !done.Contains((job.Problem.Id, job.Index)));
        foreach (var alike in jobs.GroupBy(job => string.Join('\0', job.Problem.Stops), StringComparer.Ordinal).Select(group => group.ToList()))
        {
            var generation = new GenerationOptions
            {
                Sampling = new SamplingOptions { Temperature = options.Temperature, TopP = options.Temperature == 0 ? 1 : options.TopP },
                MaxNewTokens = options.MaxTokens,
                Stop = alike[0].Problem.Stops,
                BatchSize = batch,
                Random = i => new SeededRandom(options.Seed + (1_000_003L * alike[i].Place), "generate", alike[i].Index),
            };
            var room = decoder.Config.MaxPositions - options.MaxTokens;
            var prompts = alike.GroupBy(job => job.Place).SelectMany(group =>
            {
                var prompt = Fit(tokenizer, group.First().Problem.Prompt, room);
                return group.Select(_ => prompt);
            }).ToList();
            foreach (var completion in Generator.Generate(decoder, tokenizer, prompts, generation, stop))
            {
                var (problem, _, index) = alike[completion.Index];
                yield return new Sample(problem.Id, index, problem.ProgramOf(completion.Text));
            }
        }
    }

    /// <summary>A prompt behind what the original harnesses' tokenizer puts first; of one that is too long for the model the end, where its
    /// task is stated.</summary>
    private static int[] Fit(Tokenizer tokenizer, string text, int room)
    {
        int[] first = tokenizer.BeginOfText is { } begin ? [begin] : [], prompt = tokenizer.Encode(text);
        room -= first.Length;
        return [.. first, .. room > 0 && prompt.Length > room ? prompt[^room..] : prompt];
    }
}
