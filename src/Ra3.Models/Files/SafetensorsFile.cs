using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace Ra3.Models.Files;

/// <summary>
/// A safetensors file, read tensor by tensor straight into tensor memory: one copy, no conversion, any size. It is read
/// rather than memory-mapped, so that a file cut short under a running program gives an exception and not a dead process.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    // A span holds at most 2 GiB, so larger tensors pass in pieces.
    private const long PieceBytes = 1 << 28;

    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly SafeFileHandle handle;

    private SafetensorsFile(string path, SafeFileHandle handle, SafetensorsHeader header)
    {
        this.handle = handle;
        Path = path;
        Metadata = header.Metadata;
        Entries = header.Entries.ToDictionary(entry => entry.Name);
    }

    /// <summary>The file, as it was named when opened.</summary>
    public string Path { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries { get; }

    /// <summary>The free strings of the header, such as format = pt.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file and checks its whole header; no tensor is read yet.</summary>
    /// <exception cref="InvalidDataException">The file is torn or its header breaks a rule of the format; the message
    /// names the file, the tensor and what to do.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static SafetensorsFile Open(string path)
    {
        var opened = File.OpenHandle(path);
        try
        {
            return new SafetensorsFile(path, opened, SafetensorsHeader.Read(opened, path));
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Reads one tensor into new memory on the CPU, in the file's own type.</summary>
    /// <exception cref="ArgumentException">There is no such tensor.</exception>
    /// <exception cref="InvalidDataException">The file shrank since it was opened, or a BOOL is neither 0 nor 1.</exception>
    public Tensor Read(string name)
    {
        if (!Entries.TryGetValue(name, out var entry))
        {
            throw new ArgumentException($"{Path} holds no tensor {name}.");
        }

        var tensor = empty([.. entry.Shape], entry.Type);
        try
        {
            var offset = entry.Offset;
            foreach (var piece in Pieces(tensor))
            {
                using (piece)
                {
                    var bytes = piece.bytes;
                    Fill(bytes, offset, entry);
                    offset += bytes.Length;
                }
            }

            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Writes tensors to a file that is whole or not there. The order (larger elements first, then by name) and the
    /// header depend on the tensors alone: equal tensors give equal files.
    /// </summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="tensors">Tensors by name, on any device, of any layout.</param>
    /// <param name="storeAs">Type to store floating-point tensors as; null keeps each tensor's own.</param>
    /// <exception cref="ArgumentException">A tensor's type has no place in the format.</exception>
    /// <exception cref="IOException">Writing failed (a full disk, say); an older file is untouched.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, ScalarType? storeAs = null)
    {
        var rows = tensors.Select(item => Describe(item.Key, item.Value, storeAs))
            .OrderByDescending(row => row.ElementBytes).ThenBy(row => row.Name, StringComparer.Ordinal).ToList();
        var header = Header(rows);
        AtomicWrite.File(
            path,
            stream =>
            {
                Span<byte> length = stackalloc byte[8];
                BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
                stream.Write(length);
                stream.Write(header);
                foreach (var row in rows)
                {
                    WriteTensor(stream, tensors[row.Name], row.Type);
                }
            },
            8 + header.Length + rows.Sum(row => row.Bytes));
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();

    private void Fill(Span<byte> bytes, long offset, SafetensorsEntry entry)
    {
        var rest = bytes;
        while (rest.Length > 0)
        {
            var count = RandomAccess.Read(handle, rest, offset);
            if (count == 0)
            {
                throw new InvalidDataException(
                    $"{Path} is torn: it ended inside tensor {entry.Name} though it was longer when opened. "
                    + "Download or copy it again.");
            }

            rest = rest[count..];
            offset += count;
        }

        if (entry.Type == ScalarType.Bool && bytes.ContainsAnyExceptInRange((byte)0, (byte)1))
        {
            throw new InvalidDataException(
                $"{Path}: BOOL tensor {entry.Name} holds bytes other than 0 and 1. Download or write the file again.");
        }
    }

    /// <summary>Views of a contiguous CPU tensor, in order, each small enough for a span.</summary>
    internal static IEnumerable<Tensor> Pieces(Tensor tensor)
    {
        long elements = tensor.numel(), step = PieceBytes / tensor.element_size();
        using var flat = tensor.view(-1);
        for (var start = 0L; start < elements; start += step)
        {
            yield return flat.narrow(0, start, Math.Min(step, elements - start));
        }
    }

    private static Row Describe(string name, Tensor tensor, ScalarType? storeAs)
    {
        var type = storeAs is { } wanted && tensor.is_floating_point() ? wanted : tensor.dtype;
        var (code, known) = SafetensorsHeader.Types.FirstOrDefault(item => item.Value.Type == type);
        return code is null
            ? throw new ArgumentException($"Tensor {name} has type {type}, which safetensors cannot hold.")
            : new Row(name, code, type, tensor.shape, known.Bytes, tensor.numel() * known.Bytes);
    }

    private static byte[] Header(List<Row> rows)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Plain))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            json.WriteString("format", "pt");
            json.WriteEndObject();
            var offset = 0L;
            foreach (var row in rows)
            {
                json.WriteStartObject(row.Name);
                json.WriteString("dtype", row.Code);
                WriteNumbers(json, "shape", row.Shape);
                WriteNumbers(json, "data_offsets", [offset, offset + row.Bytes]);
                json.WriteEndObject();
                offset += row.Bytes;
            }

            json.WriteEndObject();
        }

        // Padded with spaces, so that the data begins on a multiple of 8.
        while (buffer.Length % 8 != 0)
        {
            buffer.WriteByte((byte)' ');
        }

        return buffer.Length <= SafetensorsHeader.MaxBytes
            ? buffer.ToArray()
            : throw new ArgumentException($"{rows.Count} tensors need a header above the format's 100 MB.");
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, long[] numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }

    private static void WriteTensor(Stream stream, Tensor tensor, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var stored = tensor.detach().cpu().to(type).contiguous();
        foreach (var piece in Pieces(stored))
        {
            using (piece)
            {
                stream.Write(piece.bytes);
            }
        }
    }

    private sealed record Row(string Name, string Code, ScalarType Type, long[] Shape, int ElementBytes, long Bytes);
}
