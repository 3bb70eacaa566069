using System.Text;

namespace Ra3.Models.Tokenizers;

/// <summary>
/// The printable stand-ins by which byte-level BPE files write arbitrary bytes: printable Latin-1 characters stand for themselves,
/// the other 68 bytes for U+0100, U+0101, … in byte order (so a space is 'Ġ' and a newline 'Ċ').
/// </summary>
internal static class ByteAlphabet
{
    /// <summary>The stand-in of each byte.</summary>
    public static readonly char[] Char = BuildChars();

    private static readonly short[] Byte = BuildBytes();

    /// <summary>The bytes a token of the vocabulary file stands for; a token with foreign characters stands for its own UTF-8.</summary>
    public static byte[] Decode(string token)
    {
        var bytes = new byte[token.Length];
        for (var i = 0; i < token.Length; i++)
        {
            if (token[i] >= Byte.Length || Byte[token[i]] < 0)
            {
                return Encoding.UTF8.GetBytes(token);
            }

            bytes[i] = (byte)Byte[token[i]];
        }

        return bytes;
    }

    /// <summary>Writes the stand-ins of bytes; needs as many characters as bytes.</summary>
    public static void Encode(ReadOnlySpan<byte> bytes, Span<char> destination)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            destination[i] = Char[bytes[i]];
        }
    }

    private static char[] BuildChars()
    {
        var chars = new char[256];
        var next = 256;
        for (var value = 0; value < 256; value++)
        {
            var printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            chars[value] = (char)(printable ? value : next++);
        }

        return chars;
    }

    private static short[] BuildBytes()
    {
        var bytes = new short[256 + 68];
        Array.Fill(bytes, (short)-1);
        for (short value = 0; value < 256; value++)
        {
            bytes[Char[value]] = value;
        }

        return bytes;
    }
}
