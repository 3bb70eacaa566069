using System.Numerics;

namespace Ra3.Sandbox;

/// <summary>
/// A total order of values in which equal ones meet. Programs choose these values, so sets and dicts are compared in this
/// order and never through a hash table, whose collisions they could choose too.
/// </summary>
internal static class PyOrder
{
    private enum Rank
    {
        None,
        Integer,
        Dyadic, // floats and quotients by a power of two, and the infinities
        Fraction,
        Complex,
        Text,
        Bytes,
        List,
        Tuple,
        Set,
        Dict,
        Nothing, // what equals nothing: NaN and opaque objects
    }

    /// <summary>Below, at or above 0 as <paramref name="a"/> comes before, with or after <paramref name="b"/>.</summary>
    public static int Compare(PyValue a, PyValue b)
    {
        (a, b) = (Real(a), Real(b));
        var rank = RankOf(a);
        if (rank != RankOf(b))
        {
            return rank - RankOf(b);
        }

        switch (rank)
        {
            case Rank.Integer:
                return a.Payload is long x && b.Payload is long y ? x.CompareTo(y)
                    : a.Payload is double u && b.Payload is double v ? u.CompareTo(v)
                    : Whole(a).CompareTo(Whole(b));
            case Rank.Dyadic:
                return CompareDyadic(a.Payload!, b.Payload!);
            case Rank.Fraction:
                var (p, q) = ((Quotient)a.Payload!, (Quotient)b.Payload!);
                return p.Numerator.CompareTo(q.Numerator) is not 0 and var order ? order : p.Denominator.CompareTo(q.Denominator);
            case Rank.Complex:
                var (c, d) = ((Complex)a.Payload!, (Complex)b.Payload!);
                return c.Real.CompareTo(d.Real) is not 0 and var real ? real : c.Imaginary.CompareTo(d.Imaginary);
            case Rank.Text:
                return string.CompareOrdinal((string)a.Payload!, (string)b.Payload!);
            case Rank.Bytes:
                return ((byte[])a.Payload!).AsSpan().SequenceCompareTo((byte[])b.Payload!);
            case Rank.None or Rank.Nothing:
                return 0;
            default:
                return CompareItems(a.Ordered, b.Ordered);
        }
    }

    /// <summary>Whether the value equals itself: false where a NaN or an opaque object is in it.</summary>
    public static bool EqualsItself(PyValue value)
    {
        if (value.Items.Count == 0)
        {
            return RankOf(Real(value)) != Rank.Nothing
                && !(value.Payload is Complex c && (double.IsNaN(c.Real) || double.IsNaN(c.Imaginary)));
        }

        foreach (var item in value.Items)
        {
            if (!EqualsItself(item))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The members of a set in this order, equal ones once.</summary>
    public static PyValue[] Distinct(PyValue[] members)
    {
        var all = (PyValue[])members.Clone();
        Array.Sort(all, Compare);
        var count = 0;
        foreach (var member in all)
        {
            if (count == 0 || Compare(all[count - 1], member) != 0 || !EqualsItself(member))
            {
                all[count++] = member;
            }
        }

        return all[..count];
    }

    /// <summary>Keys and values of a dict in the order of the keys; of equal keys the last counts.</summary>
    public static PyValue[] Pairs(PyValue[] items)
    {
        var order = Enumerable.Range(0, items.Length / 2).ToArray();
        Array.Sort(order, (i, j) => Compare(items[2 * i], items[2 * j]) is not 0 and var keys ? keys : i.CompareTo(j));
        var pairs = new List<PyValue>(items.Length);
        foreach (var i in order)
        {
            if (pairs.Count > 0 && Compare(pairs[^2], items[2 * i]) == 0 && EqualsItself(items[2 * i]))
            {
                pairs[^1] = items[(2 * i) + 1];
            }
            else
            {
                pairs.AddRange([items[2 * i], items[(2 * i) + 1]]);
            }
        }

        return pairs.ToArray();
    }

    /// <summary>A hash that equal values share; cheap, and not spread well over containers.</summary>
    public static int Hash(PyValue value)
    {
        value = Real(value);
        var rank = RankOf(value);
        return rank switch
        {
            Rank.Integer => Whole(value).GetHashCode(),
            Rank.Dyadic => value.ToDouble().GetHashCode(),
            Rank.Text => ((string)value.Payload!).GetHashCode(StringComparison.Ordinal),
            _ => HashCode.Combine(rank, value.Ordered.Length),
        };
    }

    private static int CompareItems(PyValue[] a, PyValue[] b)
    {
        if (a.Length != b.Length)
        {
            return a.Length - b.Length;
        }

        for (var i = 0; i < a.Length; i++)
        {
            if (Compare(a[i], b[i]) is not 0 and var order)
            {
                return order;
            }
        }

        return 0;
    }

    private static int CompareDyadic(object a, object b)
    {
        if (a is double x && b is double y)
        {
            return x.CompareTo(y);
        }

        if (Quotient.Of(a) is { } p && Quotient.Of(b) is { } q)
        {
            return p.CompareTo(q);
        }

        // One is infinite, and its sign decides.
        return (a is double i && !double.IsFinite(i) ? i : 0.0).CompareTo(b is double j && !double.IsFinite(j) ? j : 0.0);
    }

    /// <summary>A complex number without an imaginary part is the real one.</summary>
    private static PyValue Real(PyValue value) =>
        value.Payload is Complex { Imaginary: 0 } c ? new PyValue(PyKind.Float, c.Real) : value;

    private static BigInteger Whole(PyValue value) => value.Payload switch
    {
        double d => new BigInteger(d),
        Quotient q => q.Numerator,
        _ => value.Integer,
    };

    private static Rank RankOf(PyValue value) => value.Payload switch
    {
        long or bool or BigInteger => Rank.Integer,
        double.NaN => Rank.Nothing,
        double d => double.IsInteger(d) ? Rank.Integer : Rank.Dyadic,
        Quotient q => q.Denominator.IsOne ? Rank.Integer : q.Denominator.IsPowerOfTwo ? Rank.Dyadic : Rank.Fraction,
        Complex => Rank.Complex,
        byte[] => Rank.Bytes,
        _ => value.Kind switch
        {
            PyKind.None => Rank.None,
            PyKind.Str => Rank.Text,
            PyKind.List => Rank.List,
            PyKind.Tuple => Rank.Tuple,
            PyKind.Set => Rank.Set,
            PyKind.Dict => Rank.Dict,
            _ => Rank.Nothing,
        },
    };
}
