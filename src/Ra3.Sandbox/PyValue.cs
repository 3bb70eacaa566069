using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace Ra3.Sandbox;

/// <summary>The Python types that cross between processes.</summary>
public enum PyKind
{
    /// <summary>None.</summary>
    None,

    /// <summary>bool.</summary>
    Bool,

    /// <summary>int of any size.</summary>
    Int,

    /// <summary>float.</summary>
    Float,

    /// <summary>complex.</summary>
    Complex,

    /// <summary>Fraction or Decimal, as an exact quotient.</summary>
    Rational,

    /// <summary>str.</summary>
    Str,

    /// <summary>bytes or bytearray.</summary>
    Bytes,

    /// <summary>list.</summary>
    List,

    /// <summary>tuple.</summary>
    Tuple,

    /// <summary>set or frozenset.</summary>
    Set,

    /// <summary>dict.</summary>
    Dict,

    /// <summary>A large value of any type, known by its digest alone.</summary>
    Digest,

    /// <summary>Anything else. It equals nothing, itself included.</summary>
    Opaque,
}

/// <summary>
/// A plain Python value outside Python, with Python's equality: <c>1 == 1.0 == True</c>, lists differ from tuples,
/// NaN from everything. Read from the tagged JSON that the supervisor writes.
/// </summary>
public sealed class PyValue : IEquatable<PyValue>
{
    private const int MaxDepth = 600; // Python nests at most 100 deep, each level taking up to three JSON levels
    private readonly object? _value;
    private readonly PyValue[] _items; // dict: keys and values in turn

    private PyValue(PyKind kind, object? value, PyValue[]? items = null)
    {
        Kind = kind;
        _value = value;
        _items = items ?? [];
    }

    /// <summary>The value's type.</summary>
    public PyKind Kind { get; }

    /// <summary>Members of a list, tuple or set; of a dict, keys and values in turn.</summary>
    public IReadOnlyList<PyValue> Items => _items;

    /// <summary>Whether the value is a number other than complex (bool counts, as in Python).</summary>
    public bool IsReal => Kind is PyKind.Bool or PyKind.Int or PyKind.Float or PyKind.Rational;

    /// <summary>Python's <c>bool(value)</c>; an object is true.</summary>
    public bool IsTrue => Kind switch
    {
        PyKind.None => false,
        PyKind.Bool or PyKind.Int => Integer != 0,
        PyKind.Float => (double)_value! != 0,
        PyKind.Rational => Quotient.Numerator != 0,
        PyKind.Complex => (Complex)_value! != Complex.Zero,
        PyKind.Str => ((string)_value!).Length > 0,
        PyKind.Bytes => ((byte[])_value!).Length > 0,
        PyKind.Opaque or PyKind.Digest => true,
        _ => _items.Length > 0,
    };

    private BigInteger Integer => Kind == PyKind.Bool ? ((bool)_value! ? 1 : 0) : (BigInteger)_value!;

    private (BigInteger Numerator, BigInteger Denominator) Quotient => ((BigInteger, BigInteger))_value!;

    /// <summary>Reads tagged JSON.</summary>
    /// <exception cref="InvalidDataException">The bytes are no tagged JSON.</exception>
    public static PyValue Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
            reader.Read();
            var value = Read(ref reader);
            if (reader.Read())
            {
                throw new InvalidDataException("Something follows the value.");
            }

            return value;
        }
        catch (Exception e) when (e is not (InvalidDataException or OutOfMemoryException))
        {
            // The sender may be hostile, so every way of not being what was expected ends here.
            throw new InvalidDataException("No tagged JSON: " + e.Message, e);
        }
    }

    /// <summary>Reads tagged JSON.</summary>
    /// <exception cref="InvalidDataException">The text is no tagged JSON.</exception>
    public static PyValue Parse(string json) => Parse(Encoding.UTF8.GetBytes(json));

    /// <summary>A set of the members of a list, tuple, set or dict (its keys), as Python's <c>set(value)</c>; a string
    /// gives its characters. Null for what Python cannot make a set of.</summary>
    public PyValue? ToSet()
    {
        IEnumerable<PyValue>? members = Kind switch
        {
            PyKind.List or PyKind.Tuple or PyKind.Set => _items,
            PyKind.Dict => _items.Where((_, i) => i % 2 == 0),
            PyKind.Str => ((string)_value!).EnumerateRunes().Select(r => new PyValue(PyKind.Str, r.ToString())),
            _ => null,
        };
        return members is null || members.Any(m => !m.IsHashable)
            ? null
            : new PyValue(PyKind.Set, null, members.Distinct().ToArray());
    }

    /// <summary>The number as a double (±∞ where it does not fit); null where the value is no real number.</summary>
    public double? ToDouble() => Kind switch
    {
        PyKind.Float => (double)_value!,
        PyKind.Bool or PyKind.Int => (double)Integer,
        PyKind.Rational => Divide(Quotient.Numerator, Quotient.Denominator),
        _ => null,
    };

    /// <summary>Whether <c>|this − other| &lt; tolerance</c> (≤ where not strict), as Python's floats say; false for
    /// what is no real number, and for NaN.</summary>
    public bool IsNear(PyValue other, double tolerance, bool strict)
    {
        if (ToDouble() is not { } a || other.ToDouble() is not { } b)
        {
            return false;
        }

        var distance = Kind != PyKind.Float && other.Kind != PyKind.Float && Kind != PyKind.Rational
            && other.Kind != PyKind.Rational ? (double)BigInteger.Abs(Integer - other.Integer) : Math.Abs(a - b);
        return strict ? distance < tolerance : distance <= tolerance;
    }

    /// <inheritdoc/>
    public bool Equals(PyValue? other)
    {
        if (other is null || Kind == PyKind.Opaque || other.Kind == PyKind.Opaque)
        {
            return false;
        }

        if (IsReal && other.IsReal)
        {
            return NumbersEqual(this, other);
        }

        if (Kind == PyKind.Complex || other.Kind == PyKind.Complex)
        {
            return ToComplex() is { } a && other.ToComplex() is { } b && a == b;
        }

        if (Kind != other.Kind || _items.Length != other._items.Length)
        {
            return false;
        }

        switch (Kind)
        {
            case PyKind.None:
                return true;
            case PyKind.Str or PyKind.Digest:
                return (string)_value! == (string)other._value!;
            case PyKind.Bytes:
                return ((byte[])_value!).AsSpan().SequenceEqual((byte[])other._value!);
            case PyKind.Set:
                return new HashSet<PyValue>(_items).SetEquals(other._items);
            case PyKind.Dict:
                var mine = ToDictionary();
                return other.ToDictionary().All(p => mine.TryGetValue(p.Key, out var v) && v.Equals(p.Value));
            default:
                for (var i = 0; i < _items.Length; i++)
                {
                    if (!_items[i].Equals(other._items[i]))
                    {
                        return false;
                    }
                }

                return true;
        }
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PyValue);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        // Hostile programs choose these values: nothing they can choose may collide by the thousand.
        var hash = new HashCode();
        if (IsReal || Kind == PyKind.Complex)
        {
            return NumberHash();
        }

        hash.Add(Kind);
        switch (Kind)
        {
            case PyKind.Str or PyKind.Digest:
                hash.Add((string)_value!, StringComparer.Ordinal);
                break;
            case PyKind.Bytes:
                hash.AddBytes((byte[])_value!);
                break;
            case PyKind.Set or PyKind.Dict:
                var sum = _items.Length;
                foreach (var item in _items)
                {
                    sum += item.GetHashCode();
                }

                hash.Add(sum);
                break;
            default:
                foreach (var item in _items)
                {
                    hash.Add(item);
                }

                break;
        }

        return hash.ToHashCode();
    }

    /// <summary>The value much as Python would print it.</summary>
    public override string ToString() => Kind switch
    {
        PyKind.None => "None",
        PyKind.Bool => (bool)_value! ? "True" : "False",
        PyKind.Int => _value!.ToString()!,
        PyKind.Float => ((double)_value!).ToString("R", CultureInfo.InvariantCulture),
        PyKind.Str => "'" + (string)_value! + "'",
        PyKind.Bytes => "b'" + Convert.ToHexString((byte[])_value!) + "'",
        PyKind.Rational => $"{Quotient.Numerator}/{Quotient.Denominator}",
        PyKind.Tuple => "(" + string.Join(", ", _items.AsEnumerable()) + (_items.Length == 1 ? ",)" : ")"),
        PyKind.List => "[" + string.Join(", ", _items.AsEnumerable()) + "]",
        PyKind.Set => "{" + string.Join(", ", _items.AsEnumerable()) + "}",
        PyKind.Dict => "{" + string.Join(", ", _items.Chunk(2).Select(p => p[0] + ": " + p[1])) + "}",
        PyKind.Opaque => "<" + _value + ">",
        PyKind.Digest => "<a large value, sha256 " + _value + ">",
        _ => _value!.ToString()!,
    };

    private bool IsHashable => Kind switch
    {
        PyKind.List or PyKind.Dict => false,
        PyKind.Tuple => _items.All(i => i.IsHashable),
        _ => true,
    };

    /// <summary>The number as a complex one; null where the value is no number.</summary>
    public Complex? ToComplex() => Kind == PyKind.Complex ? (Complex)_value! : ToDouble() is { } d ? new Complex(d, 0) : null;

    private int NumberHash()
    {
        if (Kind == PyKind.Complex)
        {
            var c = (Complex)_value!;
            return c.Imaginary == 0 ? new PyValue(PyKind.Float, c.Real).NumberHash() : HashCode.Combine(c.Real, c.Imaginary);
        }

        if (AsExact() is not { } exact)
        {
            return 0;
        }

        var whole = BigInteger.DivRem(exact.Numerator, exact.Denominator, out var rest);
        return rest.IsZero ? whole.GetHashCode() : HashCode.Combine(ToDouble()!.Value.ToString("R", CultureInfo.InvariantCulture));
    }

    private Dictionary<PyValue, PyValue> ToDictionary()
    {
        var map = new Dictionary<PyValue, PyValue>(_items.Length / 2);
        for (var i = 0; i < _items.Length; i += 2)
        {
            map[_items[i]] = _items[i + 1];
        }

        return map;
    }

    private static bool NumbersEqual(PyValue a, PyValue b)
    {
        if (a.Kind == PyKind.Float && b.Kind == PyKind.Float)
        {
            return (double)a._value! == (double)b._value!;
        }

        return a.AsExact() is { } x && b.AsExact() is { } y && x.Numerator * y.Denominator == y.Numerator * x.Denominator;
    }

    /// <summary>The number as an exact quotient; null for NaN and the infinities.</summary>
    private (BigInteger Numerator, BigInteger Denominator)? AsExact()
    {
        if (Kind != PyKind.Float)
        {
            return Kind == PyKind.Rational ? Quotient : (Integer, BigInteger.One);
        }

        var d = (double)_value!;
        if (!double.IsFinite(d))
        {
            return null;
        }

        var bits = BitConverter.DoubleToInt64Bits(d);
        var exponent = (int)((bits >> 52) & 0x7FF);
        var mantissa = (bits & 0xFFFFFFFFFFFFF) | (exponent == 0 ? 0 : 1L << 52);
        var shift = Math.Max(exponent, 1) - 1075;
        var signed = new BigInteger(bits < 0 ? -mantissa : mantissa);
        return shift >= 0 ? (signed << shift, BigInteger.One) : (signed, BigInteger.One << -shift);
    }

    private static double Divide(BigInteger a, BigInteger b)
    {
        // Keeps 64 bits more than a double holds before the one rounding division.
        var shift = (int)(b.GetBitLength() - a.GetBitLength()) + 64;
        var q = shift >= 0 ? (a << shift) / b : a / (b << -shift);
        return Math.ScaleB((double)q, -shift);
    }

    private static PyValue Read(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return new PyValue(PyKind.None, null);
            case JsonTokenType.True or JsonTokenType.False:
                return new PyValue(PyKind.Bool, reader.TokenType == JsonTokenType.True);
            case JsonTokenType.String:
                return new PyValue(PyKind.Str, reader.GetString());
            case JsonTokenType.Number:
                return reader.TryGetInt64(out var small)
                    ? new PyValue(PyKind.Int, new BigInteger(small))
                    : new PyValue(PyKind.Float, reader.GetDouble());
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
                return new PyValue(PyKind.Set, null, ReadArray(ref reader).Distinct().ToArray());
            case "d":
                return new PyValue(PyKind.Dict, null, ReadArray(ref reader).SelectMany(
                    pair => pair._items.Length == 2 ? pair._items : throw new JsonException("no pair")).ToArray());
            case "i":
                return new PyValue(PyKind.Int, ReadHex(reader.GetString()!));
            case "f":
                return new PyValue(PyKind.Float, reader.GetString() switch
                {
                    "inf" => double.PositiveInfinity,
                    "-inf" => double.NegativeInfinity,
                    _ => double.NaN,
                });
            case "c":
                var parts = ReadArray(ref reader);
                return new PyValue(PyKind.Complex, new Complex(
                    parts[0].ToDouble() ?? double.NaN, parts[1].ToDouble() ?? double.NaN));
            case "b":
                return new PyValue(PyKind.Bytes, Convert.FromHexString(reader.GetString()!));
            case "u":
                return new PyValue(PyKind.Str, string.Concat(ReadArray(ref reader).Select(p => CodePoint((int)p.Integer))));
            case "q":
                var quotient = ReadArray(ref reader);
                var (a, b) = (ReadHex((string)quotient[0]._value!), ReadHex((string)quotient[1]._value!));
                return b.Sign > 0 ? new PyValue(PyKind.Rational, (a, b)) : throw new JsonException("no quotient");
            case "x":
                return new PyValue(PyKind.Digest, reader.GetString() ?? "");
            case "o" or "y":
                return new PyValue(PyKind.Opaque, reader.GetString());
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

    private static BigInteger ReadHex(string text)
    {
        var negative = text.StartsWith('-');
        var digits = text.AsSpan(negative ? 3 : 2);
        var value = BigInteger.Parse("0" + digits.ToString(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return negative ? -value : value;
    }
}
