using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Ra3.Cli.Recipes;

/// <summary>Binds a YAML mapping to a record and collects everything that is wrong with it.</summary>
internal sealed class RecipeBinder(Type rootType)
{
    private static readonly object Invalid = new();

    private readonly HashSet<string> faulty = []; // key paths that already have an error

    public List<RecipeError> Errors { get; } = [];

    /// <summary>Nodes that a --set argument brought, with that argument as the user wrote it.</summary>
    public Dictionary<YamlNode, string> Arguments { get; } = new(ReferenceEqualityComparer.Instance);

    public object Bind(YamlMappingNode root) => BindSection(Activator.CreateInstance(rootType)!, root, string.Empty);

    private object BindSection(object section, YamlMappingNode mapping, string path)
    {
        var properties = RecipeKeys.Of(section.GetType());
        var places = new Dictionary<string, YamlNode>();
        foreach (var (keyNode, node) in mapping.Children)
        {
            var key = (keyNode as YamlScalarNode)?.Value ?? keyNode.ToString();
            var property = Array.Find(properties, p => RecipeKeys.Key(p.Name) == key);
            if (property is null)
            {
                Unknown(keyNode, path, key, properties);
                continue;
            }

            places[key] = node;
            var value = BindValue(property.PropertyType, IsNullable(property), node, path + key, property.GetValue(section));
            if (value != Invalid)
            {
                property.SetValue(section, value);
            }
        }

        foreach (var property in properties)
        {
            var at = places.GetValueOrDefault(RecipeKeys.Key(property.Name));
            if (at is null && property.IsDefined(typeof(RequiredMemberAttribute)))
            {
                Add(mapping, path + RecipeKeys.Key(property.Name), "is missing");
            }

            CheckValue(section, property, at ?? mapping, path);
        }

        CheckConflicts(section, mapping, places, path);
        return section;
    }

    private object? BindValue(Type type, bool nullable, YamlNode node, string path, object? current)
    {
        if (node is YamlScalarNode { Style: ScalarStyle.Plain or ScalarStyle.Any, Value: null or "" or "~" or "null" })
        {
            if (nullable)
            {
                return null;
            }

            Add(node, path, "needs a value");
            return Invalid;
        }

        type = Nullable.GetUnderlyingType(type) ?? type;
        if (RecipeKeys.ElementType(type) is { } element)
        {
            return BindList(type, element, node, path);
        }

        if (RecipeKeys.IsSection(type))
        {
            if (node is YamlMappingNode mapping)
            {
                return BindSection(current is null ? Activator.CreateInstance(type)! : Copy(current), mapping, path + ".");
            }

            Add(node, path, "is a section: keys and values go under it");
            return Invalid;
        }

        if (node is YamlScalarNode { Value: { } text } && Scalar(type, text) is { } value)
        {
            return value;
        }

        var given = node is YamlScalarNode scalar ? $"\"{scalar.Value}\"" : node is YamlMappingNode ? "a section" : "a list";
        Add(node, path, $"must be {Wanted(type)}, not {given}");
        return Invalid;
    }

    private object BindList(Type type, Type element, YamlNode node, string path)
    {
        if (node is not YamlSequenceNode sequence)
        {
            Add(node, path, $"must be a list such as [{(element == typeof(string) ? "a, b" : "1, 2")}]");
            return Invalid;
        }

        var items = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(element))!;
        var sound = true;
        for (var i = 0; i < sequence.Children.Count; i++)
        {
            var item = BindValue(element, nullable: false, sequence.Children[i], $"{path}[{i}]", current: null);
            sound &= item != Invalid;
            items.Add(item == Invalid ? null : item);
        }

        if (!sound || !type.IsArray)
        {
            return sound ? items : Invalid;
        }

        var array = Array.CreateInstance(element, items.Count);
        items.CopyTo(array, 0);
        return array;
    }

    private static object? Scalar(Type type, string text)
    {
        var invariant = CultureInfo.InvariantCulture;
        if (type == typeof(string))
        {
            return text;
        }

        if (type == typeof(bool))
        {
            return text switch { "true" => true, "false" => false, _ => null };
        }

        if (type.IsEnum)
        {
            return Enum.GetValues(type).Cast<object>().FirstOrDefault(v => RecipeKeys.Plain(v.ToString()!) == RecipeKeys.Plain(text));
        }

        var digits = text.Replace("_", string.Empty, StringComparison.Ordinal); // 1_000_000
        return Type.GetTypeCode(type) switch
        {
            TypeCode.Int32 => int.TryParse(digits, NumberStyles.AllowLeadingSign, invariant, out var i) ? i : null,
            TypeCode.Int64 => long.TryParse(digits, NumberStyles.AllowLeadingSign, invariant, out var l) ? l : null,
            TypeCode.UInt64 => ulong.TryParse(digits, NumberStyles.None, invariant, out var u) ? u : null,
            TypeCode.Double when text is ".inf" or "-.inf" => text == ".inf" ? double.PositiveInfinity : double.NegativeInfinity,
            TypeCode.Double => double.TryParse(digits, NumberStyles.Float, invariant, out var d) && double.IsFinite(d) ? d : null,
            TypeCode.Single => float.TryParse(digits, NumberStyles.Float, invariant, out var f) && float.IsFinite(f) ? f : null,
            _ => throw new NotSupportedException($"A recipe cannot hold a {type}."),
        };
    }

    private static string Wanted(Type type) =>
        type == typeof(bool) ? "true or false"
        : type == typeof(string) ? "text"
        : type.IsEnum ? "one of " + string.Join(", ", Enum.GetValues(type).Cast<object>().Select(RecipeKeys.EnumName))
        : type == typeof(double) || type == typeof(float) ? "a number"
        : type == typeof(int) ? $"a whole number up to {int.MaxValue}"
        : "a whole number";

    private void CheckValue(object section, PropertyInfo property, YamlNode place, string path)
    {
        var key = path + RecipeKeys.Key(property.Name);
        var value = property.GetValue(section);
        if (faulty.Contains(key))
        {
            return;
        }

        foreach (var rule in property.GetCustomAttributes<ValidationAttribute>())
        {
            var message = rule is RangeAttribute range
                ? OutOfRange(range, value)
                : rule.GetValidationResult(value, new ValidationContext(section) { DisplayName = RecipeKeys.Key(property.Name) })?.ErrorMessage;
            if (message is not null)
            {
                Add(place, key, message);
            }
        }
    }

    /// <summary>Compares as doubles: the attribute itself would round 1.4 to 1 under [Range(0, 1)].</summary>
    private static string? OutOfRange(RangeAttribute range, object? value)
    {
        if (value is null)
        {
            return null;
        }

        var (low, high, x) = (Number(range.Minimum), Number(range.Maximum), Number(value));
        var aboveLow = range.MinimumIsExclusive ? x > low : x >= low;
        var belowHigh = range.MaximumIsExclusive ? x < high : x <= high;
        if (aboveLow && belowHigh)
        {
            return null;
        }

        var bounds = new List<string>(2);
        if (low > int.MinValue)
        {
            bounds.Add((range.MinimumIsExclusive ? "greater than " : "at least ") + Text(low));
        }

        if (high < int.MaxValue)
        {
            bounds.Add((range.MaximumIsExclusive ? "less than " : "at most ") + Text(high));
        }

        return $"must be {string.Join(" and ", bounds)}, not {Text(x)}";

        static double Number(object number) => Convert.ToDouble(number, CultureInfo.InvariantCulture);
        static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
    }

    private void CheckConflicts(object section, YamlMappingNode mapping, Dictionary<string, YamlNode> places, string path)
    {
        if (section is not IValidatableObject validatable)
        {
            return;
        }

        foreach (var conflict in validatable.Validate(new ValidationContext(section)))
        {
            var members = conflict.MemberNames.ToArray();
            if (members.Any(m => faulty.Contains(path + RecipeKeys.Key(m))))
            {
                continue; // its value is already known to be wrong
            }

            var given = members.Select(RecipeKeys.Key).FirstOrDefault(places.ContainsKey);
            var subject = members.Length == 0 ? path.TrimEnd('.') : string.Join(", ", members.Select(m => path + RecipeKeys.Key(m)));
            Add(given is null ? mapping : places[given], subject, conflict.ErrorMessage ?? "is not valid", separator: ": ");
        }
    }

    private void Unknown(YamlNode place, string path, string key, PropertyInfo[] properties)
    {
        var near = RecipeKeys.Nearest(key, properties.Select(p => RecipeKeys.Key(p.Name)));
        var elsewhere = AllKeys(rootType, string.Empty).FirstOrDefault(k => RecipeKeys.Plain(k.Split('.')[^1]) == RecipeKeys.Plain(key));
        var meant = near is not null ? path + near : elsewhere;
        var hint = meant is not null
            ? $"did you mean {meant}?"
            : "known here: " + string.Join(", ", properties.Select(p => RecipeKeys.Key(p.Name)));
        Add(place, path + key, $"is not a key; {hint}");
    }

    private static IEnumerable<string> AllKeys(Type type, string path) => RecipeKeys.Of(type).SelectMany(p =>
        RecipeKeys.IsSection(p.PropertyType)
            ? AllKeys(p.PropertyType, path + RecipeKeys.Key(p.Name) + ".").Prepend(path + RecipeKeys.Key(p.Name))
            : [path + RecipeKeys.Key(p.Name)]);

    private void Add(YamlNode node, string path, string message, string separator = " ")
    {
        faulty.Add(path);
        var text = path.Length == 0 ? message : path + separator + message;
        Errors.Add(Arguments.TryGetValue(node, out var argument) ? new RecipeError(int.MaxValue, argument, text)
            : node.Start.Line > 0 ? new RecipeError(node.Start.Line, $"line {node.Start.Line}", text)
            : new RecipeError(int.MaxValue, string.Empty, text));
    }

    private static bool IsNullable(PropertyInfo property) =>
        Nullable.GetUnderlyingType(property.PropertyType) is not null
        || (!property.PropertyType.IsValueType && new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable);

    /// <summary>Section defaults may be shared between instances, so they are copied before keys are laid over them.</summary>
    private static object Copy(object section) =>
        section.GetType().GetMethod("<Clone>$")?.Invoke(section, null)
        ?? throw new NotSupportedException($"{section.GetType()} must be a record to be a recipe section.");
}
