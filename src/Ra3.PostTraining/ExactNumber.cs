using System.Numerics;

namespace Ra3.PostTraining;

/// <summary>
/// Numbers in texts by their exact value: 5, -1,000.50, 1 000, .5, 3/4, 1 3/4, \frac{3}{4}, 1\frac{3}{4}, 2e5,
/// 10^{-3}, 2\times10^{5}. All methods read what <see cref="Latex.Plain"/> gives.
/// </summary>
internal static class ExactNumber
{
    private const int Longest = 300; // digits, and the largest exponent: longer numbers are compared as text

    // What a number may have behind it without becoming another one.
    private static readonly HashSet<string> Units = Words("""
        mm cm dm km nm um in ft yd mi mile miles inch inches foot feet yard yards meter meters metre metres millimeter millimeters
        centimeter centimeters kilometer kilometers centimetre centimetres millimetre millimetres kilometre kilometres
        ms sec secs second seconds min mins minute minutes hr hrs hour hours day days week weeks month months year years
        mg kg gram grams kilogram kilograms milligram milligrams lb lbs pound pounds oz ounce ounces ton tons tonne tonnes
        ml mL cl dl liter liters litre litres milliliter milliliters gallon gallons quart quarts pint pints cup cups
        dollar dollars cent cents euro euros penny pennies usd USD eur EUR yen rupee rupees
        degree degrees radian radians rad percent mph kph kmh rpm Hz kHz kW kWh kJ Pa kPa mol unit units
        square cubic sq cu squared cubed per st nd rd th
        """);

    private static readonly HashSet<string> Symbols = Words("m s g h l L N J W V A C F K");

    private static readonly HashSet<string> Magnitudes = Words(
        "hundred hundreds thousand thousands million millions billion billions trillion trillions lakh crore dozen dozens");

    private static readonly HashSet<string> Others = Words("""
        half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths eighth eighths tenth tenths
        hundredth hundredths thousandth thousandths pair pairs score factorial times more less fewer or and plus minus over
        to the power mod modulo base k bn mn i e
        """);

    /// <summary>The value of a text that is a number, perhaps with its unit or as x = 5; null for any other.</summary>
    public static (BigInteger Top, BigInteger Bottom)? Of(string text)
    {
        var (plain, at) = (Latex.Unassigned(Latex.Plain(text)).Value, 0);
        return Read(plain, ref at) is { } value && IsUnit(plain[at..]) ? value : null;
    }

    /// <summary>Whether words and symbols behind a number are its unit: known ones, or anything inside \text{} that
    /// makes no other number of it, as million, i and x do.</summary>
    public static bool IsUnit(string rest)
    {
        var texts = Latex.TextCommand().Matches(rest);
        if (rest.AsSpan().TrimStart() is ['.' or '-', ..]
            || texts.SelectMany(one => Split(one.Groups["inner"].Value)).Any(word =>
                !word.All(char.IsLetter) || IsMagnitude(word) || Others.Contains(word.ToLowerInvariant())))
        {
            return false;
        }

        // One letter alone could be a variable: it is a unit in m/s and m^2 only.
        var plain = Latex.TextCommand().Replace(rest, " ");
        var isCompound = texts.Count > 0 || plain.AsSpan().ContainsAny('/', '^');
        return (texts.Count > 0 || plain.AsSpan().Trim() is not ['/' or '^', ..])
            && Split(Latex.SmallPower().Replace(plain, " ")).All(word => Units.Contains(word) || (isCompound && Symbols.Contains(word)));
    }

    /// <summary>Whether a word behind a number makes a multiple of it.</summary>
    public static bool IsMagnitude(string word) => Magnitudes.Contains(word.ToLowerInvariant());

    /// <summary>Whether letters that touch a number are a unit or the end of an ordinal.</summary>
    public static bool IsUnitWord(string word) => Units.Contains(word);

    /// <summary>Whether a single letter is the symbol of a unit.</summary>
    public static bool IsSymbol(string word) => Symbols.Contains(word);

    /// <summary>Reads the longest number that begins at a place.</summary>
    /// <param name="text">The text.</param>
    /// <param name="at">Where it begins; behind it on return, untouched where there is none.</param>
    /// <returns>Numerator and positive denominator without common factors; null where no number begins there.</returns>
    public static (BigInteger Top, BigInteger Bottom)? Read(string text, ref int at)
    {
        var i = at;
        var isNegative = Skip(text, ref i, "-");
        _ = isNegative || Skip(text, ref i, "+");
        var start = i;
        var read = Fraction(text, ref i) ?? Decimal(text, ref i);
        if (read is not { } value)
        {
            return null;
        }

        var isInteger = text[start] != '\\' && !text.AsSpan(start, i - start).Contains('.');
        var next = Spaces(text, i);
        if (isInteger && (Fraction(text, ref next) ?? Ratio(text, ref next)) is { } part && part.Top < part.Bottom && part.Top.Sign >= 0)
        {
            (value, i) = ((value.Top * part.Bottom + part.Top, part.Bottom), next);
        }
        else if (text[start] != '\\')
        {
            next = Spaces(text, i);
            if (Skip(text, ref next, "/") && Spaces(text, next) is var below && Decimal(text, ref below) is { Top.IsZero: false } divisor)
            {
                (value, i) = ((value.Top * divisor.Bottom, value.Bottom * divisor.Top), below);
            }
            else if (Power(text, ref i, value) is { } power)
            {
                value = power;
            }
            else if (PowerOfTen(text, ref i) is { } scale)
            {
                value = (value.Top * scale.Top, value.Bottom * scale.Bottom);
            }
        }

        at = i;
        var common = BigInteger.GreatestCommonDivisor(value.Top, value.Bottom) * value.Bottom.Sign;
        return (value.Top / common * (isNegative ? -1 : 1), value.Bottom / common);
    }

    /// <summary>Digits with an optional point, in groups of three with commas or spaces or without.</summary>
    private static (BigInteger Top, BigInteger Bottom)? Decimal(string text, ref int at)
    {
        var end = Digits(text, at);
        if (end - at > Longest)
        {
            return null;
        }

        var digits = text[at..end];
        if (digits.Length is >= 1 and <= 3 && end < text.Length && text[end] is var separator and (',' or ' '))
        {
            while (digits.Length <= Longest && end < text.Length && text[end] == separator && Digits(text, end + 1) == end + 4)
            {
                digits += text.Substring(end + 1, 3);
                end += 4;
            }
        }

        var places = end < text.Length && text[end] == '.' ? Digits(text, end + 1) - end - 1 : 0;
        digits += places > 0 ? text.Substring(end + 1, places) : "";
        if (digits.Length is 0 or > Longest)
        {
            return null;
        }

        at = places > 0 ? end + 1 + places : end;
        return (BigInteger.Parse(digits, System.Globalization.CultureInfo.InvariantCulture), BigInteger.Pow(10, places));
    }

    private static (BigInteger Top, BigInteger Bottom)? Ratio(string text, ref int at)
    {
        var (slash, end) = (Digits(text, at), 0);
        if (slash == at || slash >= text.Length || text[slash] != '/' || (end = Digits(text, slash + 1)) == slash + 1 || end - at > Longest)
        {
            return null;
        }

        var bottom = BigInteger.Parse(text.AsSpan(slash + 1, end - slash - 1), provider: null);
        if (bottom.IsZero)
        {
            return null;
        }

        var top = BigInteger.Parse(text.AsSpan(at, slash - at), provider: null);
        at = end;
        return (top, bottom);
    }

    private static (BigInteger Top, BigInteger Bottom)? Fraction(string text, ref int at)
    {
        var i = at;
        if (!Skip(text, ref i, @"\frac") || Braced(text, ref i) is not { } top || Braced(text, ref i) is not { Top.IsZero: false } bottom)
        {
            return null;
        }

        at = i;
        return bottom.Top.Sign < 0
            ? (-top.Top * bottom.Bottom, -top.Bottom * bottom.Top) : (top.Top * bottom.Bottom, top.Bottom * bottom.Top);
    }

    private static (BigInteger Top, BigInteger Bottom)? Braced(string text, ref int at)
    {
        var i = Spaces(text, at);
        if (!Skip(text, ref i, "{"))
        {
            return null;
        }

        i = Spaces(text, i);
        var isNegative = Skip(text, ref i, "-");
        var value = Decimal(text, ref i);
        i = Spaces(text, i);
        if (value is not { } number || !Skip(text, ref i, "}"))
        {
            return null;
        }

        at = i;
        return (isNegative ? -number.Top : number.Top, number.Bottom);
    }

    /// <summary>A power with a whole exponent: 10^3, 10^{-3}.</summary>
    private static (BigInteger Top, BigInteger Bottom)? Power(string text, ref int at, (BigInteger Top, BigInteger Bottom) value)
    {
        var i = at;
        if (!Skip(text, ref i, "^") || Exponent(text, ref i) is not { } n || (n <= 0 && value.Top.IsZero)
            || (value.Top.GetBitLength() + value.Bottom.GetBitLength()) * Math.Abs(n) > 10 * Longest)
        {
            return null;
        }

        at = i;
        var power = (BigInteger.Pow(value.Top, Math.Abs(n)), BigInteger.Pow(value.Bottom, Math.Abs(n)));
        return n >= 0 ? power : (power.Item2, power.Item1);
    }

    private static (BigInteger Top, BigInteger Bottom)? PowerOfTen(string text, ref int at)
    {
        var i = at;
        if (!Skip(text, ref i, "e") && !Skip(text, ref i, "E"))
        {
            i = Spaces(text, i);
            var isProduct = Skip(text, ref i, @"\times") || Skip(text, ref i, @"\cdot") || Skip(text, ref i, "*");
            i = Spaces(text, i);
            var isTen = Skip(text, ref i, "10");
            i = Spaces(text, i);
            if (!isProduct || !isTen || !Skip(text, ref i, "^"))
            {
                return null;
            }
        }

        if (Exponent(text, ref i) is not { } n)
        {
            return null;
        }

        at = i;
        return n >= 0 ? (BigInteger.Pow(10, n), 1) : (1, BigInteger.Pow(10, -n));
    }

    private static int? Exponent(string text, ref int at)
    {
        var i = Spaces(text, at);
        var isBraced = Skip(text, ref i, "{");
        i = Spaces(text, i);
        var isNegative = Skip(text, ref i, "-");
        _ = isNegative || Skip(text, ref i, "+");
        var end = Digits(text, i);
        if (end - i is < 1 or > 3 || int.Parse(text.AsSpan(i, end - i), provider: null) is var n && n > Longest)
        {
            return null;
        }

        var close = Spaces(text, end);
        if (isBraced && !Skip(text, ref close, "}"))
        {
            return null;
        }

        at = isBraced ? close : end;
        return isNegative ? -n : n;
    }

    // 0 to 9: other scripts' digits are no numbers here.
    private static int Digits(string text, int at)
    {
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at++;
        }

        return at;
    }

    private static int Spaces(string text, int at)
    {
        while (at < text.Length && text[at] == ' ')
        {
            at++;
        }

        return at;
    }

    private static bool Skip(string text, ref int at, string token)
    {
        var isThere = string.CompareOrdinal(text, at, token, 0, token.Length) == 0;
        at += isThere ? token.Length : 0;
        return isThere;
    }

    private static string[] Split(string text) =>
        text.Split([' ', '/', '-', '.', '^', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static HashSet<string> Words(string text) =>
        [.. text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)];
}
