using System.Collections;
using System.Globalization;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Ra3.Cli.Recipes;

/// <summary>Writes a configuration record as YAML that reads back as the same record.</summary>
internal static partial class RecipeWriter
{
    public static string Write(object recipe)
    {
        var text = new StringWriter { NewLine = "\n" };
        new YamlStream(new YamlDocument(Section(recipe))).Save(text, assignAnchors: false);
        var yaml = text.ToString();
        return yaml.EndsWith("...\n", StringComparison.Ordinal) ? yaml[..^4] : yaml;
    }

    private static YamlMappingNode Section(object section)
    {
        var mapping = new YamlMappingNode();
        foreach (var property in RecipeKeys.Of(section.GetType()))
        {
            mapping.Add(RecipeKeys.Key(property.Name), Node(property.GetValue(section)));
        }

        return mapping;
    }

    private static YamlNode Node(object? value) => value switch
    {
        null => new YamlScalarNode("null") { Style = ScalarStyle.Plain },
        string text => new YamlScalarNode(text) { Style = Harmless().IsMatch(text) && text is not ("null" or "true" or "false") ? ScalarStyle.Plain : ScalarStyle.DoubleQuoted },
        bool flag => Plain(flag ? "true" : "false"),
        Enum name => Plain(RecipeKeys.EnumName(name)),
        double.PositiveInfinity => Plain(".inf"), // YAML's words for them
        double.NegativeInfinity => Plain("-.inf"),
        double or float or int or long or ulong => Plain(((IFormattable)value).ToString("R", CultureInfo.InvariantCulture)),
        IEnumerable list => new YamlSequenceNode(list.Cast<object?>().Select(Node)),
        _ => Section(value),
    };

    private static YamlScalarNode Plain(string text) => new(text) { Style = ScalarStyle.Plain };

    // Text that no YAML reader takes for anything but text; all else is quoted.
    [GeneratedRegex(@"\A[A-Za-z/][A-Za-z0-9_./-]*\z", RegexOptions.None, 1000)]
    private static partial Regex Harmless();
}
