using Ra3.Models.Files;

namespace Ra3.Training.Runs;

/// <summary>One line of metrics.jsonl.</summary>
/// <param name="Step">The step.</param>
/// <param name="Values">Value by name.</param>
public sealed record MetricsLine(long Step, IReadOnlyDictionary<string, double> Values)
{
    internal static IReadOnlyList<MetricsLine> ReadAll(string path) => [.. JsonLines.ReadLog<Dictionary<string, double>>(path, RunJson.Options).Select(all =>
        all.Remove("step", out var step) ? new MetricsLine((long)step, all) : throw new InvalidDataException($"{path} holds a line without a step."))];
}
