using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace Ra3.Models.Files;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">Its shape; empty for a scalar.</param>
/// <param name="Offset">Where its first byte lies, counted from the start of the file.</param>
/// <param name="Bytes">Its length in bytes.</param>
public sealed record SafetensorsEntry(string Name, ScalarType Type, IReadOnlyList<long> Shape, long Offset, long Bytes);

/// <summary>
/// The head of a safetensors file: 8 bytes of header length (little-endian), then a JSON object from tensor name to
/// dtype, shape and data_offsets [begin, end) counted from the header's end. The tensors must fill the rest of the file
/// without overlap or hole (https://github.com/huggingface/safetensors#format).
/// </summary>
internal sealed record SafetensorsHeader(
    IReadOnlyList<SafetensorsEntry> Entries, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>The limit of the reference implementation.</summary>
    public const int MaxBytes = 100_000_000;

    public static readonly IReadOnlyDictionary<string, (ScalarType Type, int Bytes)> Types =
        new Dictionary<string, (ScalarType, int)>
        {
            ["F64"] = (ScalarType.Float64, 8),
            ["F32"] = (ScalarType.Float32, 4),
            ["F16"] = (ScalarType.Float16, 2),
            ["BF16"] = (ScalarType.BFloat16, 2),
            ["I64"] = (ScalarType.Int64, 8),
            ["I32"] = (ScalarType.Int32, 4),
            ["I16"] = (ScalarType.Int16, 2),
            ["I8"] = (ScalarType.Int8, 1),
            ["U8"] = (ScalarType.Byte, 1),
            ["BOOL"] = (ScalarType.Bool, 1),
        };

    /// <summary>Reads and checks the head of an open file; <paramref name="path"/> is for messages.</summary>
    /// <exception cref="InvalidDataException">The header breaks a rule of the format.</exception>
    public static SafetensorsHeader Read(SafeFileHandle file, string path)
    {
        var fileBytes = RandomAccess.GetLength(file);
        Span<byte> prefix = stackalloc byte[8];
        if (fileBytes < 8 || RandomAccess.Read(file, prefix, 0) < 8)
        {
            throw Torn(path, $"it has {fileBytes} bytes, fewer than the 8 that give the header's length");
        }

        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxBytes)
        {
            throw Lying(path, $"its header claims {length} bytes, more than the {MaxBytes} the format allows");
        }

        if (8 + (long)length > fileBytes)
        {
            throw Torn(path, $"its header claims {length} bytes, but only {fileBytes - 8} follow");
        }

        var header = new byte[length];
        for (var read = 0; read < header.Length;)
        {
            var count = RandomAccess.Read(file, header.AsSpan(read), 8 + read);
            read += count > 0 ? count : throw Torn(path, "it shrank while its header was read");
        }

        return Parse(header, fileBytes, path);
    }

    private static SafetensorsHeader Parse(byte[] header, long fileBytes, string path)
    {
        if (header.Length == 0 || header[0] != '{' || !Utf8.IsValid(header))
        {
            throw Lying(path, "its header is no JSON object in UTF-8");
        }

        try
        {
            using var document = JsonDocument.Parse(header, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var metadata = new Dictionary<string, string>();
            var entries = new List<SafetensorsEntry>();
            var dataStart = 8L + header.Length;
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.NameEquals("__metadata__"))
                {
                    ReadMetadata(property.Value, metadata, path);
                }
                else
                {
                    entries.Add(ReadEntry(property, dataStart, fileBytes, path));
                }
            }

            // Empty tensors share an offset with their neighbour: the shorter comes first.
            entries.Sort((a, b) => a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset) : a.Bytes.CompareTo(b.Bytes));
            RequireNoHole(entries, dataStart, fileBytes, path);
            return new SafetensorsHeader(entries, metadata);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string with half a surrogate pair.
            throw Lying(path, $"its header is not valid JSON ({e.Message.TrimEnd('.')})");
        }
    }

    private static void ReadMetadata(JsonElement value, Dictionary<string, string> metadata, string path)
    {
        if (value.ValueKind != JsonValueKind.Object
            || value.EnumerateObject().Any(item => item.Value.ValueKind != JsonValueKind.String))
        {
            throw Lying(path, "its __metadata__ is no object of strings");
        }

        foreach (var item in value.EnumerateObject())
        {
            metadata[item.Name] = item.Value.GetString()!;
        }
    }

    private static SafetensorsEntry ReadEntry(JsonProperty property, long dataStart, long fileBytes, string path)
    {
        var (name, value) = (property.Name, property.Value);
        if (value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("dtype", out var type) || type.ValueKind != JsonValueKind.String
            || !value.TryGetProperty("shape", out var shape) || Integers(shape) is not { } sizes
            || !value.TryGetProperty("data_offsets", out var offsets) || Integers(offsets) is not [var begin, var end])
        {
            throw Lying(path, $"tensor {name} lacks a proper dtype, shape or data_offsets");
        }

        if (!Types.TryGetValue(type.GetString()!, out var known))
        {
            throw new InvalidDataException(
                $"{path}: tensor {name} has dtype {type.GetString()}, but only {string.Join(", ", Types.Keys)} can be read: "
                + "convert the model to one of these.");
        }

        if (begin > end)
        {
            throw Lying(path, $"tensor {name} ends at {end}, before its beginning at {begin}");
        }

        if (end > fileBytes - dataStart)
        {
            throw Torn(path, $"tensor {name} ends at byte {end} of the data, but only {fileBytes - dataStart} are there");
        }

        // An Int128 holds a long times a long: stopping at the first product above a long, nothing overflows. Sizes of 0
        // are left out at first, for torch refuses an empty tensor whose other sizes overflow.
        Int128 bytes = known.Bytes;
        foreach (var size in sizes.Where(size => size > 0))
        {
            bytes = bytes > long.MaxValue ? bytes : bytes * size;
        }

        bytes = bytes <= long.MaxValue && sizes.Contains(0) ? 0 : bytes;
        return bytes == end - begin
            ? new SafetensorsEntry(name, known.Type, sizes, dataStart + begin, end - begin)
            : throw Lying(path, $"tensor {name} of shape [{string.Join(", ", sizes)}] and dtype {type.GetString()} "
                + $"cannot have {end - begin} bytes");
    }

    /// <summary>The integers ≥ 0 of a JSON array; null where it holds anything else.</summary>
    private static long[]? Integers(JsonElement array)
    {
        if (array.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        var numbers = new List<long>();
        foreach (var item in array.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out var number) || number < 0)
            {
                return null;
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    private static void RequireNoHole(List<SafetensorsEntry> entries, long dataStart, long fileBytes, string path)
    {
        var filled = dataStart;
        foreach (var entry in entries)
        {
            if (entry.Offset != filled)
            {
                throw Lying(path, entry.Offset < filled
                    ? $"tensor {entry.Name} overlaps the one before it by {filled - entry.Offset} bytes"
                    : $"{entry.Offset - filled} bytes before tensor {entry.Name} belong to no tensor");
            }

            filled += entry.Bytes;
        }

        if (filled != fileBytes)
        {
            throw Lying(path, $"{fileBytes - filled} bytes after its last tensor belong to none");
        }
    }

    private static InvalidDataException Torn(string path, string what) =>
        new($"{path} is torn: {what}. Download or copy it again.");

    private static InvalidDataException Lying(string path, string what) =>
        new($"{path} is no valid safetensors file: {what}. Download or write it again.");
}
