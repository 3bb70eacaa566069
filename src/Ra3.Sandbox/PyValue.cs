using System.Numerics;
using System.Text;

namespace Ra3.Sandbox;

/// <summary>
/// A plain Python value outside Python, with Python's equality: <c>1 == 1.0 == True</c>, lists differ from tuples,
/// NaN from everything. Read from the tagged JSON that the supervisor writes.
/// </summary>
public sealed class PyValue : IEquatable<PyValue>
{
    private readonly object? value; // bool, long, BigInteger, double, Complex, a quotient, string or byte[]
    private readonly PyValue[] items; // dict: keys and values in turn; set: in the order of PyOrder, each once
    private PyValue[]? sorted;

    internal PyValue(PyKind kind, object? value, PyValue[]? items = null)
    {
        Kind = kind;
        this.value = value;
        this.items = kind == PyKind.Set ? PyOrder.Distinct(items!) : items ?? [];
    }

    /// <summary>The value's type.</summary>
    public PyKind Kind { get; }

    /// <summary>Members of a list, tuple or set; of a dict, keys and values in turn.</summary>
    public IReadOnlyList<PyValue> Items => items;

    /// <summary>Whether the value is a number other than complex (bool counts, as in Python).</summary>
    public bool IsReal => Kind is PyKind.Bool or PyKind.Int or PyKind.Float or PyKind.Fraction or PyKind.Decimal;

    /// <summary>Python's <c>bool(value)</c>; an object is true.</summary>
    public bool IsTrue => value switch
    {
        bool b => b,
        long n => n != 0,
        BigInteger n => !n.IsZero,
        double d => d != 0,
        Quotient q => !q.Numerator.IsZero,
        Complex c => c != Complex.Zero,
        string s => Kind == PyKind.Opaque || s.Length > 0,
        byte[] bytes => bytes.Length > 0,
        _ => Kind != PyKind.None && items.Length > 0,
    };

    /// <summary>The payload: bool, long, BigInteger, double, Complex, quotient, string or bytes, as the kind says.</summary>
    internal object? Payload => value;

    /// <summary>Members of a list, tuple or set; a dict's keys and values in the order of its keys.</summary>
    internal PyValue[] Ordered => Kind == PyKind.Dict ? sorted ??= PyOrder.Pairs(items) : items;

    internal BigInteger Integer => value switch
    {
        long n => n,
        bool b => b ? 1 : 0,
        _ => (BigInteger)value!,
    };

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
        return members is null || members.Any(m => !m.IsHashable) ? null : new PyValue(PyKind.Set, null, members.ToArray());
    }

    /// <summary>The number as a double (±∞ where it does not fit); null where the value is no real number.</summary>
    public double? ToDouble() => value switch
    {
        double d => d,
        Quotient q => q.ToDouble(),
        long n => n,
        bool or BigInteger => (double)Integer,
        _ => null,
    };

    /// <summary>The number as a complex one; null where the value is no number.</summary>
    public Complex? ToComplex() => value is Complex c ? c : ToDouble() is { } d ? new Complex(d, 0) : null;

    /// <summary>Python's <c>abs(this − other) &lt; tolerance</c> (≤ where not strict): exact between integers and fractions,
    /// rounded where a float or a complex number is in it. False for NaN and where Python would raise: what is no
    /// number, and a Decimal against a float, a complex number or a Fraction.</summary>
    public bool IsNear(PyValue other, double tolerance, bool strict)
    {
        if (ToComplex() is not { } a || other.ToComplex() is not { } b
            || (Kind == PyKind.Decimal && !other.CanMeetDecimal) || (other.Kind == PyKind.Decimal && !CanMeetDecimal))
        {
            return false;
        }

        if (Kind != PyKind.Complex && other.Kind != PyKind.Complex
            && Quotient.Of(value) is { } x && Quotient.Of(other.value) is { } y
            && Kind != PyKind.Float && other.Kind != PyKind.Float && double.IsFinite(tolerance))
        {
            var comparison = Quotient.CompareDistance(x, y, tolerance);
            return strict ? comparison < 0 : comparison <= 0;
        }

        var distance = Kind == PyKind.Complex || other.Kind == PyKind.Complex ? Complex.Abs(a - b) : Math.Abs(a.Real - b.Real);
        return strict ? distance < tolerance : distance <= tolerance;
    }

    /// <summary>Whether Python's <c>==</c> holds; takes time in proportion to the smaller value, whatever is in them.</summary>
    public bool Equals(PyValue? other) => other is not null && PyOrder.Compare(this, other) == 0 && PyOrder.EqualsItself(this);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PyValue);

    /// <summary>Equal values have the same; nothing here keeps values of a program in a table by it.</summary>
    public override int GetHashCode() => PyOrder.Hash(this);

    /// <summary>The value much as Python would print it; cut after a thousand characters, since a program may answer with
    /// millions of digits.</summary>
    public override string ToString() => PyText.Of(this);

    private bool CanMeetDecimal => Kind is PyKind.Decimal or PyKind.Int or PyKind.Bool;

    private bool IsHashable => Kind switch
    {
        PyKind.List or PyKind.Dict => false,
        PyKind.Tuple => items.All(i => i.IsHashable),
        _ => true,
    };
}
