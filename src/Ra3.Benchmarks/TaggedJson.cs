using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace Ra3.Benchmarks;

/// <summary>Plain JSON values as the tagged JSON that the sandbox passes to functions (see <c>PyValue</c>).</summary>
internal static class TaggedJson
{
    private const string FloatMark = "$float";
    private static readonly (byte[] Written, byte[] Marked)[] SpecialFloats = new[] { ("-Infinity", "-inf"), ("Infinity", "inf"), ("NaN", "nan") }
        .Select(f => (Encoding.ASCII.GetBytes(f.Item1), Encoding.ASCII.GetBytes($"{{\"{FloatMark}\":\"{f.Item2}\"}}"))).ToArray();

    /// <summary>Python writes Infinity and NaN as bare words, which JSON forbids: outside strings they become marks that
    /// <see cref="Of"/> knows.</summary>
    public static ReadOnlySpan<byte> MarkSpecialFloats(ReadOnlySpan<byte> json)
    {
        var output = new MemoryStream(json.Length);
        var isString = false;
        for (var i = 0; i < json.Length; i++)
        {
            if (!isString && json[i] is (byte)'-' or (byte)'I' or (byte)'N')
            {
                var rest = json[i..];
                var found = false;
                foreach (var (written, marked) in SpecialFloats)
                {
                    if (!isString && rest.StartsWith(written))
                    {
                        output.Write(marked);
                        i += written.Length - 1;
                        found = true;
                        break;
                    }
                }

                if (found)
                {
                    continue;
                }
            }

            if (json[i] == (byte)'"')
            {
                isString = !isString;
            }
            else if (isString && json[i] == (byte)'\\')
            {
                output.WriteByte(json[i++]);
            }

            output.WriteByte(json[i]);
        }

        return output.GetBuffer().AsSpan(0, (int)output.Length);
    }

    /// <summary>Arguments of one call.</summary>
    public static string Call(IEnumerable<string> arguments) => "[[" + string.Join(',', arguments) + "],{\"d\":[]}]";

    /// <summary>A JSON value as Python's json module would read it.</summary>
    public static string Of(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => "[" + Items(value, Of) + "]",
        JsonValueKind.Object when value.TryGetProperty(FloatMark, out var name) => "{\"f\":\"" + name.GetString() + "\"}",
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
