using System.Text.Json;

namespace Ra3.Sandbox;

/// <summary>An exception as a program tells of it: a claim like all it says.</summary>
/// <param name="Type">Name of its class.</param>
/// <param name="Message">Its text.</param>
/// <param name="IsMemory">Whether it says that memory ran out.</param>
internal sealed record ToldError(string Type, string Message, bool IsMemory)
{
    /// <summary>Reads <c>{"e":[type, message],"m":0 or 1}</c>; null for anything else.</summary>
    public static ToldError? Read(ReadOnlySpan<byte> json) => Read(json, told =>
        told.TryGetProperty("e", out var error) && error.ValueKind == JsonValueKind.Array && error.GetArrayLength() >= 2
            ? new ToldError(
                error[0].GetString() ?? "", error[1].GetString() ?? "",
                told.TryGetProperty("m", out var m) && m.ValueKind == JsonValueKind.Number && m.TryGetInt32(out var n) && n == 1)
            : null);

    /// <summary>Reads <c>{"b":reason}</c>; null for anything else.</summary>
    public static string? ReadTooBig(ReadOnlySpan<byte> json) =>
        Read(json, told => told.TryGetProperty("b", out var reason) ? reason.GetString() : null);

    /// <inheritdoc/>
    public override string ToString() => $"{Type}: {Message}";

    private static T? Read<T>(ReadOnlySpan<byte> json, Func<JsonElement, T?> take)
        where T : class
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            return document.RootElement.ValueKind == JsonValueKind.Object ? take(document.RootElement) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null; // no JSON, or no text where text belongs (half a surrogate pair is none)
        }
    }
}
