using System.Globalization;
using System.Text;
using System.Text.Json;
using Ra3.Models.Files;

namespace Ra3.Benchmarks;

/// <summary>Fields of rows that are what they should be, or a sentence that says what is wanted and what is there.</summary>
internal static class JsonFields
{
    /// <summary>A field of a row.</summary>
    /// <exception cref="KeyNotFoundException">It has no such field; the message names it.</exception>
    /// <exception cref="InvalidDataException">The row is no object.</exception>
    public static JsonElement Field(this JsonElement row, string key) =>
        row.ValueKind != JsonValueKind.Object ? throw new InvalidDataException($"an object is wanted, not {Kind(row)}.")
        : row.TryGetProperty(key, out var value) ? value : throw new KeyNotFoundException($"there is no field '{key}'.");

    /// <summary>A text of a row.</summary>
    /// <exception cref="KeyNotFoundException">It has no such field; the message names it.</exception>
    /// <exception cref="InvalidDataException">The field is no text.</exception>
    public static string Text(this JsonElement row, string key) => row.Field(key).AsText($"the field '{key}'");

    /// <summary>A list of a row.</summary>
    /// <exception cref="KeyNotFoundException">It has no such field; the message names it.</exception>
    /// <exception cref="InvalidDataException">The field is no list.</exception>
    public static List<JsonElement> List(this JsonElement row, string key) => row.Field(key).AsList($"the field '{key}'");

    /// <summary>A finite number of a row.</summary>
    /// <exception cref="KeyNotFoundException">It has no such field; the message names it.</exception>
    /// <exception cref="InvalidDataException">The field is no number.</exception>
    public static double Number(this JsonElement row, string key) =>
        row.Field(key) is { ValueKind: JsonValueKind.Number } value && double.IsFinite(value.GetDouble()) ? value.GetDouble()
            : throw new InvalidDataException($"the field '{key}' must be a number, not {Kind(row.Field(key))}.");

    /// <summary>A whole number of a row.</summary>
    /// <exception cref="KeyNotFoundException">It has no such field; the message names it.</exception>
    /// <exception cref="InvalidDataException">The field is no whole number.</exception>
    public static int Whole(this JsonElement row, string key) =>
        row.Field(key) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out var whole) ? whole
            : throw new InvalidDataException($"the field '{key}' must be a whole number, not {Kind(row.Field(key))}.");

    /// <summary>A text.</summary>
    /// <param name="value">The value.</param>
    /// <param name="what">What it is, for the message.</param>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static string AsText(this JsonElement value, string what)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString()!
                : throw new InvalidDataException($"{what} must be a text, not {Kind(value)}.");
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidDataException($"{what} holds half of a surrogate pair (\\ud800 to \\udfff), which is no text.", e);
        }
    }

    /// <summary>The members of a list.</summary>
    /// <param name="value">The value.</param>
    /// <param name="what">What it is, for the message.</param>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static List<JsonElement> AsList(this JsonElement value, string what) => value.ValueKind == JsonValueKind.Array
        ? [.. value.EnumerateArray()] : throw new InvalidDataException($"{what} must be a list, not {Kind(value)}.");

    /// <summary>JSON in a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="what">What it is, for the message.</param>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static JsonElement Parse(string text, string what)
    {
        try
        {
            return PythonJson.Parse(Encoding.UTF8.GetBytes(text));
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{what} is not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>What a value is, in words.</summary>
    public static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        JsonValueKind.Number => string.Create(CultureInfo.InvariantCulture, $"the number {value.GetRawText()}"),
        JsonValueKind.String => "a text",
        _ => value.GetRawText(),
    };
}
