using Ra3.Models;
using Ra3.Models.Generation;
using Ra3.Models.Tokenizers;

namespace Ra3.Benchmarks;

/// <summary>How a model writes its samples.</summary>
/// <param name="Temperature">0 is greedy.</param>
/// <param name="TopP">Nucleus sampling; without effect on greedy decoding.</param>
/// <param name="MaxTokens">Most new tokens of a sample; fewer where the model's positions end.</param>
/// <param name="Seed">Of every draw.</param>
public sealed record AuthorOptions(double Temperature, double TopP, int MaxTokens, long Seed);

/// <summary>How a benchmark's prompts fit into a model's positions.</summary>
/// <param name="TooLong">Problems whose prompt leaves no room at all: they are answered with nothing.</param>
/// <param name="LittleRoom">Problems whose prompt leaves less room than <see cref="AuthorOptions.MaxTokens"/>: answers end where the
/// positions do.</param>
public sealed record PromptFit(int TooLong, int LittleRoom);

/// <summary>Lets a model write programs.</summary>
public static class Author
{
    /// <summary>How the prompts of the problems that are asked fit. No prompt is ever cut.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="config">The model's shape.</param>
    /// <param name="benchmark">The problems.</param>
    /// <param name="maxTokens">Most new tokens of a sample.</param>
    public static PromptFit Fit(Tokenizer tokenizer, ModelConfig config, Benchmark benchmark, int maxTokens)
    {
        var prompts = new PromptEncoder(tokenizer);
        var rooms = benchmark.Problems.Where(problem => problem.IsAsked)
            .Select(problem => PromptEncoder.Room(prompts.Encode(problem.Prompt), config)).ToList();
        return new PromptFit(rooms.Count(room => room == 0), rooms.Count(room => room > 0 && room < maxTokens));
    }

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
        var encoder = new PromptEncoder(tokenizer);
        var encoded = benchmark.Problems.Where(problem => problem.IsAsked).Select(problem => encoder.Encode(problem.Prompt)).ToList();
        var jobs = benchmark.Problems.Where(problem => problem.IsAsked)
            .SelectMany((problem, place) => Enumerable.Range(0, samples).Select(index => (Problem: problem, Place: place, Index: index)))
            .Where(job => !done.Contains((job.Problem.Id, job.Index))).ToLookup(job => PromptEncoder.Room(encoded[job.Place], decoder.Config) > 0);
        foreach (var (problem, _, index) in jobs[false])
        {
            yield return new Sample(problem.Id, index, problem.ProgramOf(""));
        }

        foreach (var alike in jobs[true].GroupBy(job => string.Join('\0', job.Problem.Stops), StringComparer.Ordinal).Select(group => group.ToList()))
        {
            var generation = new GenerationOptions
            {
                Sampling = new SamplingOptions { Temperature = options.Temperature, TopP = options.Temperature == 0 ? 1 : options.TopP },
                MaxNewTokens = options.MaxTokens,
                Stop = alike[0].Problem.Stops,
                BatchSize = batch,
                Random = i => new SeededRandom(options.Seed + (1_000_003L * alike[i].Place), "generate", alike[i].Index),
            };
            foreach (var completion in Generator.Generate(decoder, tokenizer, [.. alike.Select(job => encoded[job.Place])], generation, stop))
            {
                var (problem, _, index) = alike[completion.Index];
                yield return new Sample(problem.Id, index, problem.ProgramOf(completion.Text));
            }
        }
    }
}
