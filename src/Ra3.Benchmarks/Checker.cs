using System.Globalization;

namespace Ra3.Benchmarks;

/// <summary>Named comparisons of what a program printed with what was wanted.</summary>
public static class Checker
{
    private static readonly char[] Blank = [' ', '\t', '\r', '\n', '\f', '\v'];

    // What str.strip() and str.split() of Python take for blanks.
    private static readonly char[] PythonBlank = [.. Enumerable.Range(0, char.MaxValue + 1).Select(c => (char)c)
        .Where(c => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f')];

    /// <summary>A checker by name: <c>tokens</c>, <c>lines</c>, <c>exact</c>, <c>yesno</c>, <c>unordered</c>,
    /// <c>floats</c> or <c>floats(abs, rel)</c>.</summary>
    /// <param name="name">The name.</param>
    /// <returns>Takes the wanted output, then the program's; true where the program's is right.</returns>
    /// <exception cref="ArgumentException">No such checker.</exception>
    public static Func<string, string, bool> Named(string name)
    {
        if (name.StartsWith("floats", StringComparison.Ordinal))
        {
            var (abs, rel) = (1e-6, 1e-6);
            if (name.Length > "floats".Length)
            {
                var parts = name["floats".Length..].Trim('(', ')').Split(',');
                if (parts.Length != 2 || !TryNumber(parts[0].Trim(), out abs) || !TryNumber(parts[1].Trim(), out rel))
                {
                    throw new ArgumentException($"'{name}' is no checker: write floats(ABS, REL), for example floats(1e-6, 1e-6).");
                }
            }

            return (wanted, got) => Floats(wanted, got, abs, rel);
        }

        return name switch
        {
            "tokens" => (wanted, got) => Tokens(wanted).SequenceEqual(Tokens(got), StringComparer.Ordinal),
            "lines" => Lines,
            "exact" => (wanted, got) => wanted.ReplaceLineEndings("\n") == got.ReplaceLineEndings("\n"),
            "yesno" => (wanted, got) => Tokens(wanted).SequenceEqual(Tokens(got), StringComparer.OrdinalIgnoreCase),
            "unordered" => (wanted, got) => Tokens(wanted).Order(StringComparer.Ordinal)
                .SequenceEqual(Tokens(got).Order(StringComparer.Ordinal), StringComparer.Ordinal),
            _ => throw new ArgumentException(
                $"There is no checker '{name}': use tokens, lines, exact, yesno, unordered or floats(ABS, REL)."),
        };
    }

    /// <summary>LiveCodeBench's rule: the same lines when blanks at their ends are dropped, a line of decimal numbers
    /// matching one of equal numbers.</summary>
    private static bool Lines(string wanted, string got)
    {
        var (a, b) = (TrimmedLines(wanted), TrimmedLines(got));
        return a.Length == b.Length && a.Zip(b).All(pair => pair.First == pair.Second || SameDecimals(pair.First, pair.Second));
    }

    private static string[] TrimmedLines(string text) =>
        text.Trim(PythonBlank).Split('\n').Select(line => line.Trim(PythonBlank)).ToArray();

    private static bool SameDecimals(string wanted, string got)
    {
        var (a, b) = (Parts(wanted), Parts(got));
        return a.Length == b.Length && a.Zip(b).All(pair =>
            PyDecimal.Parse(pair.First) is { } x && PyDecimal.Parse(pair.Second) is { } y && x.IsEqualTo(y));

        static string[] Parts(string line) => line.Split(PythonBlank, StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Tolerance counts only where the wanted token is no integer: counts and indices must be exact.</summary>
    private static bool Floats(string wanted, string got, double abs, double rel)
    {
        var (a, b) = (Tokens(wanted), Tokens(got));
        return a.Length == b.Length && a.Zip(b).All(pair => pair.First == pair.Second
            || (!long.TryParse(pair.First, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)
                && TryNumber(pair.First, out var x) && TryNumber(pair.Second, out var y)
                && Math.Abs(x - y) <= Math.Max(abs, rel * Math.Abs(x))));
    }

    private static bool TryNumber(string token, out double value) =>
        double.TryParse(token, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);

    private static string[] Tokens(string text) => text.Split(Blank, StringSplitOptions.RemoveEmptyEntries);
}
