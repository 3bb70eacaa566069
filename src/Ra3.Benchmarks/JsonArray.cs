using System.Text.Json;
using Ra3.Models.Files;

namespace Ra3.Benchmarks;

/// <summary>Reads the members of a JSON array one at a time: the file may be larger than memory's largest block, only a
/// member may not.</summary>
internal static class JsonArray
{
    /// <summary>The members.</summary>
    /// <param name="stream">An array, from behind its opening bracket on.</param>
    /// <exception cref="JsonException">It has no end, something follows it, or a member is not JSON.</exception>
    public static IEnumerable<JsonElement> Read(Stream stream)
    {
        var member = new MemoryStream();
        var buffer = new byte[1 << 16];
        var count = 0;
        var (depth, isString, isEscaped, isClosed, isDue) = (1, false, false, false, false);
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            for (var i = 0; i < read; i++)
            {
                var b = buffer[i];
                if (isClosed)
                {
                    if (!IsBlank(b))
                    {
                        throw new JsonException("something follows the array");
                    }

                    continue;
                }

                if (depth == 1 && !isString && (b is (byte)',' or (byte)']'))
                {
                    isClosed = b == ']';
                    if (!isClosed || isDue || !IsEmpty(member))
                    {
                        yield return Parse(member, ++count);
                    }

                    isDue = true;
                    member.SetLength(0);
                    continue;
                }

                member.WriteByte(b);
                if (isString)
                {
                    (isString, isEscaped) = (isEscaped || b != '"', !isEscaped && b == '\\');
                }
                else
                {
                    isString = b == '"';
                    depth += b is (byte)'[' or (byte)'{' ? 1 : b is (byte)']' or (byte)'}' ? -1 : 0;
                }
            }
        }

        if (!isClosed)
        {
            throw new JsonException("the array has no end");
        }
    }

    private static JsonElement Parse(MemoryStream member, int number)
    {
        try
        {
            return PythonJson.Parse(member.GetBuffer().AsSpan(0, (int)member.Length));
        }
        catch (JsonException e)
        {
            throw new JsonException($"row {number} is not valid JSON: {e.Message}", e);
        }
    }

    private static bool IsEmpty(MemoryStream text) => text.GetBuffer().AsSpan(0, (int)text.Length).Trim(" \t\r\n"u8).IsEmpty;

    private static bool IsBlank(byte b) => b is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n';
}
