using System.Text;
using System.Text.Json;

namespace Ra3.Models.Files;

/// <summary>JSON as Python's json module writes it: with the bare words NaN, Infinity and -Infinity, which JSON forbids.</summary>
public static class PythonJson
{
    /// <summary>The only key of the object that stands for such a word; its value is "nan", "inf" or "-inf".</summary>
    public const string FloatMark = "$float";

    private static readonly (byte[] Written, byte[] Marked)[] Words =
        [.. new[] { ("-Infinity", "-inf"), ("Infinity", "inf"), ("NaN", "nan") }
            .Select(word => (Encoding.ASCII.GetBytes(word.Item1), Encoding.ASCII.GetBytes($"{{\"{FloatMark}\":\"{word.Item2}\"}}")))];

    /// <summary>Parses one value.</summary>
    /// <param name="json">UTF-8 with nothing but white space around the value.</param>
    /// <exception cref="JsonException">It is not JSON, also not as Python writes it.</exception>
    public static JsonElement Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return ParseStrict(json);
        }
        catch (JsonException) when (json.IndexOf("NaN"u8) >= 0 || json.IndexOf("Infinity"u8) >= 0)
        {
            return ParseStrict(Mark(json));
        }
    }

    private static JsonElement ParseStrict(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        var value = JsonElement.ParseValue(ref reader);
        _ = reader.Read(); // throws where more follows
        return value;
    }

    /// <summary>The words outside strings, replaced by objects.</summary>
    private static ReadOnlySpan<byte> Mark(ReadOnlySpan<byte> json)
    {
        var output = new MemoryStream(json.Length + 1024);
        var isString = false;
        for (var i = 0; i < json.Length; i++)
        {
            if (!isString && WordAt(json[i..]) is { } word)
            {
                output.Write(word.Marked);
                i += word.Written.Length - 1;
                continue;
            }

            if (json[i] == (byte)'"')
            {
                isString = !isString;
            }
            else if (isString && json[i] == (byte)'\\' && i + 1 < json.Length)
            {
                output.WriteByte(json[i++]);
            }

            output.WriteByte(json[i]);
        }

        return output.GetBuffer().AsSpan(0, (int)output.Length);
    }

    private static (byte[] Written, byte[] Marked)? WordAt(ReadOnlySpan<byte> json)
    {
        if (json[0] is (byte)'-' or (byte)'I' or (byte)'N')
        {
            foreach (var word in Words)
            {
                if (json.StartsWith(word.Written))
                {
                    return word;
                }
            }
        }

        return null;
    }
}
