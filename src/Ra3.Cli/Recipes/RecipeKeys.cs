using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;

namespace Ra3.Cli.Recipes;

/// <summary>How configuration records and YAML names correspond; shared by reading and writing.</summary>
internal static class RecipeKeys
{
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> Known = new();

    /// <summary>The properties of a record that a recipe sets, in the order of declaration.</summary>
    public static PropertyInfo[] Of(Type record) => Known.GetOrAdd(record, static type => [.. type
        .GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(p => p.SetMethod is { IsPublic: true } && p.GetIndexParameters().Length == 0)]);

    public static string Key(string property) => JsonNamingPolicy.CamelCase.ConvertName(property);

    public static string EnumName(object value) => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString()!);

    /// <summary>Spelling without case, dashes and underscores: learning_rate and learningRate are the same word.</summary>
    public static string Plain(string name) =>
        string.Concat(name.Where(c => c is not ('-' or '_'))).ToLowerInvariant();

    public static bool IsSection(Type type) =>
        type.IsClass && type != typeof(string) && ElementType(type) is null;

    /// <summary>T of an array, List or read-only list of T; null for other types.</summary>
    public static Type? ElementType(Type type) =>
        type.IsArray ? type.GetElementType()
        : type.IsGenericType && type.IsAssignableFrom(typeof(List<>).MakeGenericType(type.GenericTypeArguments[0])) ? type.GenericTypeArguments[0]
        : null;

    /// <summary>The key among <paramref name="candidates"/> that was most likely meant; null when none is near.</summary>
    public static string? Nearest(string given, IEnumerable<string> candidates)
    {
        var plain = Plain(given);
        var best = candidates
            .Select(c => (Key: c, Distance: EditDistance(plain, Plain(c))))
            .OrderBy(c => c.Distance)
            .FirstOrDefault((Key: string.Empty, Distance: int.MaxValue));
        return best.Distance <= Math.Max(1, plain.Length / 3) ? best.Key : null;
    }

    private static int EditDistance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
