using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Ra3.Benchmarks;

/// <summary>Text as LiveCodeBench's releases pack it: a pickled Python string, deflated (zlib), in base64.</summary>
internal static class PackedText
{
    /// <summary>Unpacks a text. Of pickle only what makes one string is understood: nothing in it can run.</summary>
    /// <exception cref="InvalidDataException">It is something else, or cut short.</exception>
    public static string Read(string packed)
    {
        byte[] bytes;
        try
        {
            bytes = Convert.FromBase64String(packed);
        }
        catch (FormatException e)
        {
            throw new InvalidDataException("it is no base64, or cut short", e);
        }

        using var inflated = new ZLibStream(new MemoryStream(bytes), CompressionMode.Decompress);
        using var pickle = new MemoryStream();
        try
        {
            inflated.CopyTo(pickle);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException("it is no zlib stream, or damaged", e);
        }

        return Unpickle(pickle.GetBuffer().AsSpan(0, (int)pickle.Length));
    }

    /// <summary>The string that a pickle of any protocol from 1 to 5 holds.</summary>
    internal static string Unpickle(ReadOnlySpan<byte> pickle)
    {
        const byte proto = 0x80, frame = 0x95, shortText = 0x8c, text = (byte)'X', longText = 0x8d;
        const byte memoize = 0x94, put = (byte)'q', longPut = (byte)'r', stop = (byte)'.';
        string? found = null;
        while (pickle.Length > 0)
        {
            var code = pickle[0];
            pickle = pickle[1..];
            if (code == stop)
            {
                return found ?? throw new InvalidDataException("its pickle holds nothing");
            }

            // How many bytes follow, and for a text how many more they announce.
            var size = code switch
            {
                memoize => 0,
                proto or put or shortText => 1,
                text or longPut => 4,
                longText or frame => 8,
                _ => -1,
            };
            if (size < 0 || (found is not null && code is shortText or text or longText))
            {
                throw new InvalidDataException($"its pickle holds more than a string (opcode 0x{code:x2})");
            }

            var argument = Take(ref pickle, size);
            if (code is shortText or text or longText)
            {
                var length = size switch
                {
                    1 => argument[0],
                    4 => BinaryPrimitives.ReadUInt32LittleEndian(argument),
                    _ => BinaryPrimitives.ReadUInt64LittleEndian(argument),
                };
                found = Encoding.UTF8.GetString(Take(ref pickle, length));
            }
        }

        throw new InvalidDataException("its pickle is cut short");
    }

    private static ReadOnlySpan<byte> Take(scoped ref ReadOnlySpan<byte> bytes, ulong size)
    {
        if (size > (ulong)bytes.Length)
        {
            throw new InvalidDataException("its pickle is cut short");
        }

        var taken = bytes[..(int)size];
        bytes = bytes[(int)size..];
        return taken;
    }

    private static ReadOnlySpan<byte> Take(scoped ref ReadOnlySpan<byte> bytes, int size) =>
        Take(ref bytes, (ulong)size);
}
