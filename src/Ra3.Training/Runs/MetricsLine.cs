using System.Text.Json;

namespace Ra3.Training.Runs;

/// <summary>One line of metrics.jsonl.</summary>
/// <param name="Step">The step.</param>
/// <param name="Values">Value by name.</param>
public sealed record MetricsLine(long Step, IReadOnlyDictionary<string, double> Values)
{
    internal static IReadOnlyList<MetricsLine> ReadAll(string path)
    {
        var lines = new List<MetricsLine>();
        if (!File.Exists(path))
        {
            return lines;
        }

        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        for (var number = 1; reader.ReadLine() is { } text; number++)
        {
            try
            {
                lines.Add(Parse(text));
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
            {
                if (reader.EndOfStream)
                {
                    break; // a run that is being written, or was cut by a power failure
                }

                throw new InvalidDataException($"{path}, line {number} is not a line of metrics.", e);
            }
        }

        return lines;
    }

    private static MetricsLine Parse(string text)
    {
        var all = JsonSerializer.Deserialize<Dictionary<string, double>>(text, RunJson.Options) ?? throw new JsonException();
        if (!all.Remove("step", out var step))
        {
            throw new KeyNotFoundException();
        }

        return new MetricsLine((long)step, all);
    }
}
