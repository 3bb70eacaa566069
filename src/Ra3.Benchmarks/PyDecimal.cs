using System.Globalization;

namespace Ra3.Benchmarks;

/// <summary>A number as Python's <c>Decimal</c> reads it: exact, of any size, or not finite.</summary>
/// <param name="Digits">Digits without zeros at either end; empty is zero; <c>inf</c> and <c>nan</c> are
/// themselves.</param>
/// <param name="IsNegative">The sign.</param>
/// <param name="Exponent">Power of ten of the last digit.</param>
internal sealed record PyDecimal(string Digits, bool IsNegative, long Exponent)
{
    private const int MostExponentDigits = 18; // Python refuses larger ones too

    /// <summary>Reads a number without blanks around it; null where Python's Decimal raises.</summary>
    public static PyDecimal? Parse(string text)
    {
        // Underscores are dropped wherever they stand, and digits of any script count.
        var rest = string.Concat(text.Where(c => c != '_').Select(ToAscii)).AsSpan();
        var isNegative = rest.StartsWith("-");
        rest = rest[(isNegative || rest.StartsWith("+") ? 1 : 0)..];
        if (IsOneOf(rest, "inf", "infinity"))
        {
            return new PyDecimal("inf", isNegative, 0);
        }

        if (IsOneOf(rest.TrimEnd("0123456789"), "nan", "snan"))
        {
            return new PyDecimal("nan", isNegative, 0);
        }

        var whole = TakeDigits(ref rest);
        var part = ReadOnlySpan<char>.Empty;
        if (rest.StartsWith("."))
        {
            rest = rest[1..];
            part = TakeDigits(ref rest);
        }

        long power = 0;
        if (rest.StartsWith("e", StringComparison.OrdinalIgnoreCase))
        {
            rest = rest[1..];
            var isSmall = rest.StartsWith("-");
            rest = rest[(isSmall || rest.StartsWith("+") ? 1 : 0)..];
            var digitsOfPower = TakeDigits(ref rest);
            if (digitsOfPower.IsEmpty || digitsOfPower.TrimStart('0').Length > MostExponentDigits)
            {
                return null;
            }

            power = (isSmall ? -1 : 1) * long.Parse(digitsOfPower, CultureInfo.InvariantCulture);
        }

        if (!rest.IsEmpty || whole.Length + part.Length == 0)
        {
            return null;
        }

        var digits = string.Concat(whole, part).TrimStart('0');
        var shortened = digits.TrimEnd('0');
        return shortened.Length == 0
            ? new PyDecimal("", false, 0)
            : new PyDecimal(shortened, isNegative, power - part.Length + (digits.Length - shortened.Length));
    }

    /// <summary>Whether two numbers are equal as <c>==</c> has it: a NaN equals nothing.</summary>
    public bool IsEqualTo(PyDecimal other) => Digits != "nan" && this == other;

    private static char ToAscii(char c) => char.IsDigit(c) ? (char)('0' + (int)char.GetNumericValue(c)) : c;

    private static bool IsOneOf(ReadOnlySpan<char> word, string one, string other) =>
        word.Equals(one, StringComparison.OrdinalIgnoreCase) || word.Equals(other, StringComparison.OrdinalIgnoreCase);

    private static ReadOnlySpan<char> TakeDigits(scoped ref ReadOnlySpan<char> text)
    {
        var end = text.IndexOfAnyExceptInRange('0', '9');
        var digits = end < 0 ? text : text[..end];
        text = text[digits.Length..];
        return digits;
    }
}
