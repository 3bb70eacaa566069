using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Ra3.Cli.Recipes;

/// <summary>
/// A recipe is a YAML mapping bound to a configuration record: keys are the record's properties in camelCase, what is
/// left out keeps the record's default. Anything unknown, of the wrong type, out of range or in conflict is reported, all
/// at once, before anything runs. Ranges are `[Range]` and other validation attributes on the properties; conflicts are
/// what the record's <see cref="System.ComponentModel.DataAnnotations.IValidatableObject"/> says; `required` members must be given.
/// </summary>
internal static class Recipe
{
    /// <summary>Reads a recipe file, or the defaults where <paramref name="path"/> is null, and lays the assignments over it.</summary>
    /// <param name="path">YAML file.</param>
    /// <param name="sets">Assignments `key.path=value`; the value is YAML; later ones win.</param>
    /// <exception cref="InvalidDataException">Every error found, one a line.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static T Load<T>(string? path, IReadOnlyList<string> sets)
        where T : class
    {
        if (path is not null && !File.Exists(path))
        {
            throw new FileNotFoundException($"There is no recipe {path}.", path);
        }

        return Parse<T>(path is null ? string.Empty : File.ReadAllText(path), path ?? "the recipe", sets);
    }

    /// <summary>As <see cref="Load{T}"/>, from text; <paramref name="name"/> heads the error report.</summary>
    public static T Parse<T>(string yaml, string name, IReadOnlyList<string> sets)
        where T : class
    {
        var binder = new RecipeBinder(typeof(T));
        YamlMappingNode root;
        try
        {
            root = ReadMapping(yaml);
        }
        catch (YamlException e)
        {
            throw new InvalidDataException($"{name}, line {e.Start.Line}: not valid YAML: {(e.InnerException ?? e).Message}", e);
        }

        foreach (var set in sets)
        {
            Assign(root, set, binder);
        }

        var recipe = (T)binder.Bind(root);
        if (binder.Errors.Count == 0)
        {
            return recipe;
        }

        var head = binder.Errors.Count == 1 ? $"{name} has an error:" : $"{name} has {binder.Errors.Count} errors:";
        throw new InvalidDataException(string.Join("\n  ", binder.Errors.Order(RecipeError.ByPlace).Select(e => e.ToString()).Prepend(head)));
    }

    /// <summary>The whole recipe as YAML, defaults included; <see cref="Parse{T}"/> gives it back.</summary>
    public static string Write<T>(T recipe)
        where T : class => RecipeWriter.Write(recipe);

    private static YamlMappingNode ReadMapping(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        return stream.Documents switch
        {
            [] => [],
            [{ RootNode: YamlMappingNode mapping }] => mapping,
            [{ RootNode: YamlScalarNode { Value: null or "" } }] => [],
            [var only] => throw new YamlException(only.RootNode.Start, only.RootNode.End, "a recipe is a mapping of keys to values"),
            [_, var second, ..] => throw new YamlException(second.RootNode.Start, second.RootNode.End, "a recipe is one document"),
        };
    }

    /// <summary>Writes one `a.b=c` into the tree and notes on its nodes where they come from.</summary>
    private static void Assign(YamlMappingNode root, string set, RecipeBinder binder)
    {
        var argument = $"--set {set}";
        var equals = set.IndexOf('=');
        var keys = equals < 0 ? [] : set[..equals].Split('.', StringSplitOptions.TrimEntries);
        if (keys.Length == 0 || keys.Any(k => k.Length == 0))
        {
            binder.Errors.Add(new RecipeError(int.MaxValue, argument, "an assignment looks like optimizer.learningRate=3e-4"));
            return;
        }

        YamlNode value;
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(set[(equals + 1)..]));
            value = stream.Documents.Count == 0 ? new YamlScalarNode(string.Empty) : stream.Documents[0].RootNode;
        }
        catch (YamlException e)
        {
            binder.Errors.Add(new RecipeError(int.MaxValue, argument, $"the value is not valid YAML: {e.Message}"));
            return;
        }

        foreach (var node in value.AllNodes)
        {
            binder.Arguments[node] = argument;
        }

        var at = root;
        foreach (var key in keys[..^1])
        {
            if (Find(at, key) is { } found && at.Children[found] is YamlMappingNode section)
            {
                at = section;
                continue;
            }

            var created = new YamlMappingNode();
            binder.Arguments[created] = argument;
            Put(at, key, created, binder, argument);
            at = created;
        }

        Put(at, keys[^1], value, binder, argument);
    }

    private static void Put(YamlMappingNode section, string key, YamlNode value, RecipeBinder binder, string argument)
    {
        if (Find(section, key) is { } old)
        {
            section.Children.Remove(old);
        }

        var node = new YamlScalarNode(key);
        binder.Arguments[node] = argument;
        section.Children[node] = value;
    }

    private static YamlNode? Find(YamlMappingNode section, string key) =>
        section.Children.Keys.FirstOrDefault(k => k is YamlScalarNode { Value: { } name } && name == key);
}
