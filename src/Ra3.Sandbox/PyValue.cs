using System.Globalization;
using System.Numerics;
using System.Text;

namespace Ra3.Sandbox;

/// <summary>
/// A plain Python value outside Python, with Python's equality: <c>1 == 1.0 == True</c>, lists differ from tuples,
/// NaN from everything. Read from the tagged JSON that the supervisor writes.
/// </summary>
public sealed class PyValue : IEquatable<PyValue>
{
    private readonly object? value;
    private readonly PyValue[] items; // dict: keys and values in turn

    internal PyValue(PyKind kind, object? value, PyValue[]? items = null)
    {
        Kind = kind;
        this.value = value;
        this.items = items ?? [];
    }

    /// <summary>The value's type.</summary>
    public PyKind Kind { get; }

    /// <summary>Members of a list, tuple or set; of a dict, keys and values in turn.</summary>
    public IReadOnlyList<PyValue> Items => items;

    /// <summary>Whether the value is a number other than complex (bool counts, as in Python).</summary>
    public bool IsReal => Kind is PyKind.Bool or PyKind.Int or PyKind.Float or PyKind.Rational;

    /// <summary>Python's <c>bool(value)</c>; an object is true.</summary>
    public bool IsTrue => Kind switch
    {
        PyKind.None => false,
        PyKind.Bool or PyKind.Int => Integer != 0,
        PyKind.Float => (double)value! != 0,
        PyKind.Rational => Quotient.Numerator != 0,
        PyKind.Complex => (Complex)value! != Complex.Zero,
        PyKind.Str => ((string)value!).Length > 0,
        PyKind.Bytes => ((byte[])value!).Length > 0,
        PyKind.Opaque or PyKind.Digest => true,
        _ => items.Length > 0,
    };

    /// <summary>The payload: bool, BigInteger, double, Complex, quotient, string or bytes, as the kind says.</summary>
    internal object? Payload => value;

    internal BigInteger Integer => Kind == PyKind.Bool ? ((bool)value! ? 1 : 0) : (BigInteger)value!;

    internal (BigInteger Numerator, BigInteger Denominator) Quotient => ((BigInteger, BigInteger))value!;

    /// <summary>Reads tagged JSON.</summary>
    /// <exception cref="InvalidDataException">The bytes are no tagged JSON.</exception>
    public static PyValue Parse(ReadOnlySpan<byte> json) => PyReader.Parse(json);

    /// <summary>Reads tagged JSON.</summary>
    /// <exception cref="InvalidDataException">The text is no tagged JSON.</exception>
    public static PyValue Parse(string json) => Parse(Encoding.UTF8.GetBytes(json));

    /// <summary>A set of the members of a list, tuple, set or dict (its keys), as Python's <c>set(value)</c>; a string
    /// gives its characters. Null for what Python cannot make a set of.</summary>
    public PyValue? ToSet()
    {
        IEnumerable<PyValue>? members = Kind switch
        {
            PyKind.List or PyKind.Tuple or PyKind.Set => items,
            PyKind.Dict => items.Where((_, i) => i % 2 == 0),
            PyKind.Str => ((string)value!).EnumerateRunes().Select(r => new PyValue(PyKind.Str, r.ToString())),
            _ => null,
        };
        return members is null || members.Any(m => !m.IsHashable)
            ? null
            : new PyValue(PyKind.Set, null, members.Distinct().ToArray());
    }

    /// <summary>The number as a double (±∞ where it does not fit); null where the value is no real number.</summary>
    public double? ToDouble() => Kind switch
    {
        PyKind.Float => (double)value!,
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

        if (Kind != other.Kind || items.Length != other.items.Length)
        {
            return false;
        }

        switch (Kind)
        {
            case PyKind.None:
                return true;
            case PyKind.Str or PyKind.Digest:
                return (string)value! == (string)other.value!;
            case PyKind.Bytes:
                return ((byte[])value!).AsSpan().SequenceEqual((byte[])other.value!);
            case PyKind.Set:
                return new HashSet<PyValue>(items).SetEquals(other.items);
            case PyKind.Dict:
                var mine = ToDictionary();
                return other.ToDictionary().All(p => mine.TryGetValue(p.Key, out var v) && v.Equals(p.Value));
            default:
                for (var i = 0; i < items.Length; i++)
                {
                    if (!items[i].Equals(other.items[i]))
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
                hash.Add((string)value!, StringComparer.Ordinal);
                break;
            case PyKind.Bytes:
                hash.AddBytes((byte[])value!);
                break;
            case PyKind.Set or PyKind.Dict:
                var sum = items.Length;
                foreach (var item in items)
                {
                    sum += item.GetHashCode();
                }

                hash.Add(sum);
                break;
            default:
                foreach (var item in items)
                {
                    hash.Add(item);
                }

                break;
        }

        return hash.ToHashCode();
    }

    /// <summary>The value much as Python would print it; cut after a thousand characters, since a program may answer with
    /// millions of digits.</summary>
    public override string ToString() => PyText.Of(this);

    private bool IsHashable => Kind switch
    {
        PyKind.List or PyKind.Dict => false,
        PyKind.Tuple => items.All(i => i.IsHashable),
        _ => true,
    };

    /// <summary>The number as a complex one; null where the value is no number.</summary>
    public Complex? ToComplex() => Kind == PyKind.Complex ? (Complex)value! : ToDouble() is { } d ? new Complex(d, 0) : null;

    private int NumberHash()
    {
        if (Kind == PyKind.Complex)
        {
            var c = (Complex)value!;
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
        var map = new Dictionary<PyValue, PyValue>(items.Length / 2);
        for (var i = 0; i < items.Length; i += 2)
        {
            map[items[i]] = items[i + 1];
        }

        return map;
    }

    private static bool NumbersEqual(PyValue a, PyValue b)
    {
        if (a.Kind == PyKind.Float && b.Kind == PyKind.Float)
        {
            return (double)a.value! == (double)b.value!;
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

        var d = (double)value!;
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
}
