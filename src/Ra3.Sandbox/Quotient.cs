using System.Numerics;

namespace Ra3.Sandbox;

/// <summary>An exact number: a Fraction or a finite Decimal. The denominator is positive; in lowest terms, if the sender is
/// honest.</summary>
internal sealed record Quotient(BigInteger Numerator, BigInteger Denominator) : IComparable<Quotient>
{
    /// <summary>A finite real number, exactly; null for anything else.</summary>
    public static Quotient? Of(object? number) => number switch
    {
        Quotient q => q,
        bool b => new Quotient(b ? 1 : 0, 1),
        long n => new Quotient(n, 1),
        BigInteger n => new Quotient(n, 1),
        double d when double.IsFinite(d) => Of(d),
        _ => null,
    };

    /// <summary>Compares |a − b| with a finite distance.</summary>
    public static int CompareDistance(Quotient a, Quotient b, double distance)
    {
        var gap = BigInteger.Abs((a.Numerator * b.Denominator) - (b.Numerator * a.Denominator));
        return new Quotient(gap, a.Denominator * b.Denominator).CompareTo(Of(distance));
    }

    /// <inheritdoc/>
    public int CompareTo(Quotient? other) =>
        other is null ? 1 : Times(Numerator, other.Denominator).CompareTo(Times(other.Numerator, Denominator));

    /// <summary>The nearest double.</summary>
    public double ToDouble()
    {
        if (Denominator.IsOne)
        {
            return (double)Numerator;
        }

        // Keeps 64 bits more than a double holds before the one rounding; a lost rest counts as a last bit.
        var shift = (int)(Denominator.GetBitLength() - Numerator.GetBitLength()) + 118;
        var (above, below) = shift >= 0 ? (Numerator << shift, Denominator) : (Numerator, Denominator << -shift);
        var whole = BigInteger.DivRem(above, below, out var rest);
        return Math.ScaleB((double)((whole << 1) + (rest.IsZero ? 0 : Numerator.Sign)), -shift - 1);
    }

    /// <summary>Takes linear time where the factor is a power of two.</summary>
    private static BigInteger Times(BigInteger number, BigInteger factor) =>
        factor.IsPowerOfTwo ? number << (int)(factor.GetBitLength() - 1) : number * factor;

    private static Quotient Of(double d)
    {
        var bits = BitConverter.DoubleToInt64Bits(d);
        var exponent = (int)((bits >> 52) & 0x7FF);
        var mantissa = (bits & 0xFFFFFFFFFFFFF) | (exponent == 0 ? 0 : 1L << 52);
        var shift = Math.Max(exponent, 1) - 1075;
        var signed = new BigInteger(bits < 0 ? -mantissa : mantissa);
        return shift >= 0 ? new Quotient(signed << shift, BigInteger.One) : new Quotient(signed, BigInteger.One << -shift);
    }
}
