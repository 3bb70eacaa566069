using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Ra3.Sandbox;

/// <summary>Reads the tagged JSON that <c>wire.py</c> writes. The sender may be hostile.</summary>
internal static class PyReader
{
    private const int MaxDepth = 600; // Python nests at most 100 deep, each level taking up to three JSON levels
    private const int MaxDigits = (1 << 20) + 4; // the encoder's 2^22 bits, in hexadecimal, with sign and 0x
    private static readonly PyValue None = new(PyKind.None, null);
    private static readonly PyValue[] Bools = [new(PyKind.Bool, false), new(PyKind.Bool, true)];
    private static readonly PyValue[] SmallIntegers =
        Enumerable.Range(0, 256).Select(n => new PyValue(PyKind.Int, (long)n)).ToArray();

    /// <summary>Reads one value.</summary>
    /// <exception cref="InvalidDataException">The bytes are no tagged JSON.</exception>
    public static PyValue Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
            reader.Read();
            var value = Read(ref reader);
            return reader.Read() ? throw new InvalidDataException("Something follows the value.") : value;
        }
        catch (Exception e) when (e is not (InvalidDataException or OutOfMemoryException))
        {
            // Every way of not being what was expected ends here.
            throw new InvalidDataException("No tagged JSON: " + e.Message, e);
        }
    }

    private static PyValue Read(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return None;
            case JsonTokenType.True or JsonTokenType.False:
                return Bools[reader.TokenType == JsonTokenType.True ? 1 : 0];
            case JsonTokenType.String:
                return new PyValue(PyKind.Str, reader.GetString());
            case JsonTokenType.Number:
                return !reader.TryGetInt64(out var number) ? new PyValue(PyKind.Float, reader.GetDouble())
                    : number is >= 0 and < 256 ? SmallIntegers[number] : new PyValue(PyKind.Int, number);
            case JsonTokenType.StartArray:
                return new PyValue(PyKind.List, null, ReadArray(ref reader));
            case JsonTokenType.StartObject:
                reader.Read();
                var tag = reader.GetString();
                reader.Read();
                var value = ReadTagged(tag, ref reader);
                reader.Read();
                return reader.TokenType == JsonTokenType.EndObject ? value : throw new JsonException("a second key");
            default:
                throw new JsonException("unexpected " + reader.TokenType);
        }
    }

    private static PyValue ReadTagged(string? tag, ref Utf8JsonReader reader)
    {
        switch (tag)
        {
            case "t":
                return new PyValue(PyKind.Tuple, null, ReadArray(ref reader));
            case "s" or "z":
                return new PyValue(PyKind.Set, null, ReadArray(ref reader));
            case "d":
                return new PyValue(PyKind.Dict, null, ReadArray(ref reader).SelectMany(
                    pair => pair.Items.Count == 2 ? pair.Items : throw new JsonException("no pair")).ToArray());
            case "i":
                return new PyValue(PyKind.Int, ReadHex(reader.GetString()!));
            case "f":
                return new PyValue(PyKind.Float, Special(reader.GetString()));
            case "c":
                var parts = ReadArray(ref reader);
                return new PyValue(PyKind.Complex, new Complex(
                    parts[0].ToDouble() ?? double.NaN, parts[1].ToDouble() ?? double.NaN));
            case "b":
                return new PyValue(PyKind.Bytes, Convert.FromHexString(reader.GetString()!));
            case "u":
                return new PyValue(PyKind.Str, string.Concat(ReadArray(ref reader).Select(p => CodePoint((int)p.Integer))));
            case "q":
                return new PyValue(PyKind.Fraction, ReadQuotient(ReadArray(ref reader)));
            case "m":
                var written = ReadArray(ref reader);
                return new PyValue(
                    PyKind.Decimal, written.Length == 1 ? Special((string)written[0].Payload!) : ReadQuotient(written));
            case "o" or "y":
                return new PyValue(PyKind.Opaque, reader.GetString());
            case "e":
                return new PyValue(PyKind.Opaque, null); // an object whose truth is False
            default:
                throw new JsonException("unknown tag");
        }
    }

    private static PyValue[] ReadArray(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new JsonException("an array was expected");
        }

        var items = new List<PyValue>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            items.Add(Read(ref reader));
        }

        return items.ToArray();
    }

    private static string CodePoint(int code) =>
        code < 0x10000 ? ((char)code).ToString() : char.ConvertFromUtf32(code);

    private static double Special(string? name) => name switch
    {
        "inf" or "Infinity" => double.PositiveInfinity,
        "-inf" or "-Infinity" => double.NegativeInfinity,
        _ => double.NaN,
    };

    private static Quotient ReadQuotient(PyValue[] parts)
    {
        var (a, b) = (ReadHex((string)parts[0].Payload!), ReadHex((string)parts[1].Payload!));
        return b.Sign > 0 ? new Quotient(a, b) : throw new JsonException("no quotient");
    }

    private static BigInteger ReadHex(string text)
    {
        if (text.Length > MaxDigits)
        {
            throw new JsonException("a number of too many digits");
        }

        var negative = text.StartsWith('-');
        var digits = text.AsSpan(negative ? 3 : 2);
        var value = BigInteger.Parse("0" + digits.ToString(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return negative ? -value : value;
    }
}
