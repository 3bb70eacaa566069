using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using Ra3.Models.Files;

namespace Ra3.Benchmarks;

/// <summary>Plain JSON values as the tagged JSON that the sandbox passes to functions (see <c>PyValue</c>).</summary>
internal static class TaggedJson
{
    /// <summary>Arguments of one call.</summary>
    public static string Call(IEnumerable<string> arguments) => "[[" + string.Join(',', arguments) + "],{\"d\":[]}]";

    /// <summary>A JSON value as Python's json module would read it.</summary>
    public static string Of(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => "[" + Items(value, Of) + "]",
        JsonValueKind.Object when value.TryGetProperty(PythonJson.FloatMark, out var name) => "{\"f\":\"" + name.GetString() + "\"}",
        JsonValueKind.Object => Dict(value, Of),
        JsonValueKind.Number => Number(value.GetRawText()),
        _ => value.GetRawText(),
    };

    /// <summary>A JSON array as a tuple, its members by <paramref name="item"/>; anything else as it is.</summary>
    public static string Tuple(JsonElement value, Func<JsonElement, string> item) =>
        value.ValueKind == JsonValueKind.Array ? "{\"t\":[" + Items(value, item) + "]}" : Of(value);

    /// <summary>A JSON array as a list, its members by <paramref name="item"/>.</summary>
    public static string List(JsonElement value, Func<JsonElement, string> item) => "[" + Items(value, item) + "]";

    /// <summary>A JSON object as a dict, its values by <paramref name="item"/>.</summary>
    public static string Dict(JsonElement value, Func<JsonElement, string> item) => "{\"d\":[" + string.Join(',',
        value.EnumerateObject().Select(p => "[" + JsonSerializer.Serialize(p.Name) + "," + item(p.Value) + "]")) + "]}";

    /// <summary>A tuple all the way down.</summary>
    public static string DeepTuple(JsonElement value) => Tuple(value, DeepTuple);

    private static string Items(JsonElement value, Func<JsonElement, string> item) =>
        string.Join(',', value.EnumerateArray().Select(item));

    private static string Number(string raw)
    {
        if (raw.AsSpan().IndexOfAny('.', 'e', 'E') >= 0 || long.TryParse(raw, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _))
        {
            return raw;
        }

        var n = BigInteger.Parse(raw, CultureInfo.InvariantCulture);
        var hex = new StringBuilder(n.Sign < 0 ? "-0x" : "0x").Append(BigInteger.Abs(n).ToString("x", CultureInfo.InvariantCulture));
        return "{\"i\":\"" + hex + "\"}";
    }
}
