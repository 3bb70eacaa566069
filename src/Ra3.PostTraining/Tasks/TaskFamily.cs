using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Ra3.Models;

namespace Ra3.PostTraining.Tasks;

/// <summary>Which tasks there are.</summary>
public sealed record TaskOptions : IValidatableObject
{
    /// <summary>Fewest steps of a task.</summary>
    public int MinSteps { get; init; } = 2;

    /// <summary>Most steps of a task: the difficulty dial.</summary>
    public int MaxSteps { get; init; } = 4;

    /// <summary>Operations of each kind in use.</summary>
    public int OperationsPerKind { get; init; } = 16;

    /// <summary>Share of the operations whose jargon is never shown beside code.</summary>
    public double NeverBridged { get; init; } = 0.4;

    /// <summary>Hidden tests of a task.</summary>
    public int Tests { get; init; } = 6;

    /// <summary>Every value out of range.</summary>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (MinSteps < 1 || MaxSteps < MinSteps)
        {
            yield return new ValidationResult($"needs 1 ≤ minSteps ≤ maxSteps, not {MinSteps} and {MaxSteps}", ["minSteps"]);
        }

        if (OperationsPerKind < 4)
        {
            yield return new ValidationResult($"must be at least 4, not {OperationsPerKind}", ["operationsPerKind"]);
        }

        if (!(NeverBridged > 0 && NeverBridged < 1))
        {
            yield return new ValidationResult($"must lie between 0 and 1, not {NeverBridged}", ["neverBridged"]);
        }

        if (Tests < 1)
        {
            yield return new ValidationResult($"must be at least 1, not {Tests}", ["tests"]);
        }
    }
}

/// <summary>A part of the tasks; no task is in two of them.</summary>
public enum TaskPart
{
    /// <summary>For training: seven tenths.</summary>
    Train,

    /// <summary>For choosing hyper-parameters: one tenth.</summary>
    Tune,

    /// <summary>For results: two tenths.</summary>
    Test,
}

/// <summary>Which operations a task may use.</summary>
public enum OperationUse
{
    /// <summary>Any.</summary>
    Any,

    /// <summary>Only those whose jargon is shown beside code in mid-training.</summary>
    Bridged,

    /// <summary>At least one whose jargon never is.</summary>
    NeverBridged,
}

/// <summary>
/// Verifiable Python tasks made on the spot. The family is built so that reasoning can pay: programs documented in English
/// teach English → code, stubs documented in jargon teach jargon → English, and mid-training shows jargon → code for some
/// operations only. For the others the way from jargon to code leads through a comment in English (C).
/// </summary>
public sealed class TaskFamily
{
    private const long LargestNumber = 1_000_000_000_000;
    private static readonly string[] Names = ["task", "convert", "process", "transform", "prepare", "handle"];
    private static readonly string[] Connectors = [", then ", "; then ", ", and then "];

    private readonly TaskOptions options;
    private readonly HashSet<Operation> never = [];
    private readonly ILookup<TaskKind, Operation> byKind;

    /// <summary>The family of a seed.</summary>
    public TaskFamily(TaskOptions options, long seed)
    {
        (this.options, Seed) = (options, seed);
        byKind = Tasks.Operations.All.GroupBy(operation => operation.Kind).SelectMany(kind => kind.Take(options.OperationsPerKind))
            .ToLookup(operation => operation.Kind);
        foreach (var kind in byKind)
        {
            var shuffled = kind.ToArray();
            new SeededRandom(seed, "tasks/never-bridged", (long)kind.Key).Shuffle<Operation>(shuffled);
            never.UnionWith(shuffled.Take((int)Math.Round(options.NeverBridged * shuffled.Length)));
        }
    }

    /// <summary>Decides the never-bridged operations and every task.</summary>
    public long Seed { get; }

    /// <summary>Operations in use.</summary>
    public IReadOnlyCollection<Operation> Operations => [.. byKind.SelectMany(kind => kind)];

    /// <summary>Operations whose jargon is never shown beside code.</summary>
    public IReadOnlyCollection<Operation> NeverBridged => never;

    /// <summary>Distinct tasks in a seeded order.</summary>
    /// <param name="part">From which part.</param>
    /// <param name="use">Over which operations.</param>
    /// <param name="count">How many.</param>
    /// <param name="stream">Sets of different streams are drawn independently of each other.</param>
    /// <exception cref="InvalidOperationException">There are not so many: the options leave too few operations or steps.</exception>
    public IReadOnlyList<GeneratedTask> Draw(TaskPart part, OperationUse use, int count, string stream)
    {
        var tasks = new List<GeneratedTask>();
        var known = new HashSet<string>();
        for (var attempt = 0L; tasks.Count < count; attempt++)
        {
            if (attempt > 1000 + (200L * count))
            {
                throw new InvalidOperationException($"The options leave only {tasks.Count} of {count} tasks: allow more steps or operations.");
            }

            var random = new SeededRandom(Seed, "tasks/" + stream, (long)part, (long)use, attempt);
            var steps = DrawSteps(random, use);
            if (PartOf(steps) == part && !(use == OperationUse.NeverBridged && !steps.Any(step => never.Contains(step.Operation)))
                && DrawCases(random, steps) is { } cases)
            {
                var task = new GeneratedTask(
                    steps, Names[random.NextInt(Names.Length)], Connectors[random.NextInt(Connectors.Length)], cases);
                if (known.Add(task.Signature))
                {
                    tasks.Add(task);
                }
            }
        }

        return tasks;
    }

    /// <summary>The part of a task follows from its steps alone, so no split can leak into another.</summary>
    private static TaskPart PartOf(IEnumerable<Step> steps)
    {
        var tenth = new SeededRandom(0, string.Join(' ', steps.Select(step => step.Jargon))).NextInt(10);
        return tenth < 7 ? TaskPart.Train : tenth < 8 ? TaskPart.Tune : TaskPart.Test;
    }

    private List<Step> DrawSteps(SeededRandom random, OperationUse use)
    {
        var all = byKind[(TaskKind)random.NextInt(3)].Where(operation => use != OperationUse.Bridged || !never.Contains(operation)).ToArray();
        random.Shuffle<Operation>(all);
        return [.. all.Take(options.MinSteps + random.NextInt(options.MaxSteps - options.MinSteps + 1))
            .Select(operation => new Step(operation, operation.HasParameter ? 2 + random.NextInt(8) : 0))];
    }

    /// <summary>Inputs that tell the task from itself with any one step left out; null where none are found.</summary>
    private List<(string, string)>? DrawCases(SeededRandom random, List<Step> steps)
    {
        var inputs = Enumerable.Range(0, options.Tests).Select(_ => DrawInput(random, steps[0].Operation.Kind)).ToList();
        var outputs = inputs.ConvertAll(input => Run(input, steps));
        for (var left = 0; left < steps.Count; left++)
        {
            var without = steps.Where((_, i) => i != left).ToList();
            if (inputs.Select(input => Run(input, without)).SequenceEqual(outputs))
            {
                return null;
            }
        }

        return outputs.Distinct().Count() > options.Tests / 2 && !outputs.Contains(null)
            ? [.. inputs.Zip(outputs, (input, output) => (Literal(input), output!))]
            : null;
    }

    /// <summary>The result as a Python literal; null where a number grows too large.</summary>
    private static string? Run(object input, List<Step> steps)
    {
        var value = steps.Aggregate(input, (value, step) => IsSmall(value) ? step.Operation.Apply(value, step.Parameter) : value);
        return IsSmall(value) ? Literal(value) : null;
    }

    private static bool IsSmall(object value) => value switch
    {
        long[] list => list.All(x => Math.Abs(x) < LargestNumber),
        Dictionary<string, long> table => table.Values.All(x => Math.Abs(x) < LargestNumber),
        _ => true,
    };

    private static object DrawInput(SeededRandom random, TaskKind kind)
    {
        return kind switch
        {
            TaskKind.List => Enumerable.Range(0, 5 + random.NextInt(6)).Select(_ => random.NextInt(30) - 9L).ToArray(),
            TaskKind.Text => Word(5 + random.NextInt(7)),
            _ => Enumerable.Range(0, 3 + random.NextInt(4)).Select(_ => (Key: Word(2 + random.NextInt(5)), Value: random.NextInt(20) - 4L))
                .DistinctBy(entry => entry.Key).ToDictionary(entry => entry.Key, entry => entry.Value, StringComparer.Ordinal),
        };

        string Word(int length) => string.Concat(Enumerable.Range(0, length).Select(_ => (char)('a' + random.NextInt(26))));
    }

    /// <summary>A value as Python writes it.</summary>
    private static string Literal(object value) => value switch
    {
        long[] list => "[" + string.Join(", ", list.Select(Number)) + "]",
        string text => "\"" + text + "\"",
        Dictionary<string, long> table => "{" + string.Join(", ", table.Select(entry => $"\"{entry.Key}\": {Number(entry.Value)}")) + "}",
        _ => throw new ArgumentException("No such value: " + value.GetType().Name, nameof(value)),
    };

    private static string Number(long x) => x.ToString(CultureInfo.InvariantCulture);
}
