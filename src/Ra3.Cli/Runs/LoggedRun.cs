using Ra3.Training.Runs;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Ra3.Cli.Runs;

/// <summary>A run folder as read back.</summary>
/// <param name="Name">Its path as the user would type it.</param>
/// <param name="Path">Full path.</param>
/// <param name="About">How it began.</param>
/// <param name="Lines">Its metrics.</param>
/// <param name="Recipe">Its resolved recipe, as text.</param>
internal sealed record LoggedRun(string Name, string Path, RunAbout About, IReadOnlyList<MetricsLine> Lines, string Recipe)
{
    /// <summary>A metric's last value is the mean of this many, or of all where there are fewer: one step alone is noise.</summary>
    public const int LastCount = 10;

    private const int Depth = 4; // runs/NAME/ARM/seed

    /// <summary>The last step logged; 0 before the first.</summary>
    public long Steps => Lines.Count == 0 ? 0 : Lines[^1].Step;

    /// <summary>Names of what was logged, in order of appearance.</summary>
    public IReadOnlyList<string> Metrics { get; } = [.. Lines.SelectMany(l => l.Values.Keys).Distinct()];

    /// <summary>Mean of the last values of a metric.</summary>
    public double Last(string metric) => Curve(metric).TakeLast(LastCount).Average(p => p.Y);

    /// <summary>A metric over steps.</summary>
    public IReadOnlyList<(double X, double Y)> Curve(string metric) =>
        [.. Lines.Where(l => l.Values.ContainsKey(metric)).Select(l => ((double)l.Step, l.Values[metric]))];

    /// <summary>Reads a run.</summary>
    /// <exception cref="IOException">The folder holds none.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static LoggedRun Read(string path)
    {
        var about = RunFolder.ReadAbout(path)
            ?? throw new DirectoryNotFoundException($"{path} holds no run. 'ra3 runs list DIR' shows the runs below a folder.");
        return new LoggedRun(System.IO.Path.TrimEndingDirectorySeparator(path), System.IO.Path.GetFullPath(path), about, RunFolder.ReadMetrics(path), RunFolder.ReadRecipe(path));
    }

    /// <summary>The runs in and below a folder, oldest first, named relative to it.</summary>
    public static IReadOnlyList<LoggedRun> FindAll(string root)
    {
        if (!Directory.Exists(root))
        {
            throw new DirectoryNotFoundException($"There is no folder {root}.");
        }

        var below = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = Depth, IgnoreInaccessible = true };
        return [.. Directory.EnumerateDirectories(root, "*", below)
            .Prepend(root)
            .Where(d => RunFolder.ReadAbout(d) is not null)
            .Select(d => Read(d) with { Name = System.IO.Path.GetRelativePath(root, d) })
            .OrderBy(r => r.About.StartedAt)];
    }

    /// <summary>Recipe keys on which the runs do not agree, with each run's value (null where it has none).</summary>
    public static IReadOnlyList<(string Key, IReadOnlyList<string?> Values)> RecipeDifferences(IReadOnlyList<LoggedRun> runs) =>
        Differences(runs.Select(r => Flatten(r.Recipe, r.Path)));

    /// <summary>The same for recipes as YAML text; the path is for the message of a damaged one.</summary>
    public static IReadOnlyList<(string Key, IReadOnlyList<string?> Values)> Differences(IReadOnlyList<string> recipes, string path) =>
        Differences(recipes.Select(recipe => Flatten(recipe, path)));

    private static List<(string Key, IReadOnlyList<string?> Values)> Differences(IEnumerable<Dictionary<string, string>> flat)
    {
        var recipes = flat.ToList();
        return [.. recipes.SelectMany(r => r.Keys).Distinct()
            .Select(key => (Key: key, Values: (IReadOnlyList<string?>)[.. recipes.Select(r => r.GetValueOrDefault(key))]))
            .Where(row => row.Values.Distinct().Count() > 1)];
    }

    private static Dictionary<string, string> Flatten(string yaml, string path)
    {
        var values = new Dictionary<string, string>();
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(yaml));
            if (stream.Documents.Count > 0)
            {
                Collect(stream.Documents[0].RootNode, string.Empty);
            }
        }
        catch (YamlException e)
        {
            throw new InvalidDataException($"The recipe in {path} is damaged: {e.Message}", e);
        }

        return values;

        void Collect(YamlNode node, string key)
        {
            switch (node)
            {
                case YamlMappingNode mapping:
                    foreach (var (name, child) in mapping.Children)
                    {
                        Collect(child, key.Length == 0 ? name.ToString() : $"{key}.{name}");
                    }

                    break;
                case YamlSequenceNode list:
                    values[key] = $"[{string.Join(", ", list.Children)}]";
                    break;
                default:
                    values[key] = node.ToString();
                    break;
            }
        }
    }
}
