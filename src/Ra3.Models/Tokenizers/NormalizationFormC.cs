using System.Buffers;
using System.Globalization;
using System.Text;

namespace Ra3.Models.Tokenizers;

/// <summary>
/// Unicode's normalization form C, which the Qwen tokenizers apply first. Written here because .NET without ICU (invariant
/// globalization, as this product runs) returns every string unchanged from <see cref="string.Normalize()"/>. The data (Unicode 14) is
/// embedded; Unicode promises that it never changes for characters once assigned.
/// </summary>
internal static class NormalizationFormC
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TailBase = 0x11A7;
    private const int Leads = 19, Vowels = 21, Tails = 28, Syllables = Leads * Vowels * Tails;

    private static readonly Dictionary<int, (int First, int Second)> Decompositions = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];
    private static readonly Dictionary<int, byte> Classes = [];

    /// <summary>Characters (or first halves of surrogate pairs) without which a text is composed already.</summary>
    private static readonly SearchValues<char> Suspects;

    static NormalizationFormC()
    {
        var suspects = new HashSet<int>(Enumerable.Range(VowelBase, Vowels).Concat(Enumerable.Range(TailBase + 1, Tails - 1)));
        using var stream = typeof(NormalizationFormC).Assembly.GetManifestResourceStream("NormalizationFormC.txt")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            var fields = line.Split(' ');
            switch (fields[0])
            {
                case "+":
                    Decompositions.Add(Hex(fields[1]), (Hex(fields[2]), Hex(fields[3])));
                    Compositions.Add((Hex(fields[2]), Hex(fields[3])), Hex(fields[1]));
                    suspects.Add(Hex(fields[3]));
                    break;
                case "-":
                    Decompositions.Add(Hex(fields[1]), (Hex(fields[2]), fields.Length > 3 ? Hex(fields[3]) : 0));
                    suspects.Add(Hex(fields[1]));
                    break;
                case "@":
                    foreach (var range in fields[2..])
                    {
                        var ends = range.Split('-');
                        for (var value = Hex(ends[0]); value <= Hex(ends[^1]); value++)
                        {
                            Classes.Add(value, byte.Parse(fields[1], CultureInfo.InvariantCulture));
                            suspects.Add(value);
                        }
                    }

                    break;
            }
        }

        Suspects = SearchValues.Create([.. suspects.Select(value => new Rune(value).ToString()[0]).Distinct()]);

        static int Hex(string digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    /// <summary>Whether the text is surely composed already; false means only that it has to be gone through.</summary>
    public static bool IsCertainlyComposed(ReadOnlySpan<char> text) => !text.ContainsAnyInRange('\u0300', char.MaxValue) || !text.ContainsAny(Suspects);

    /// <summary>The composed text. A lone surrogate becomes U+FFFD.</summary>
    public static string Compose(ReadOnlySpan<char> text)
    {
        var points = new List<(int Value, byte Class)>(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            Decompose(rune.Value, points);
        }

        Order(points);
        var composed = new StringBuilder(text.Length);
        foreach (var value in Join(points))
        {
            composed.Append(new Rune(value).ToString());
        }

        return composed.ToString();
    }

    private static void Decompose(int value, List<(int Value, byte Class)> points)
    {
        if (value - HangulBase is var syllable and >= 0 and < Syllables)
        {
            points.Add((LeadBase + (syllable / (Vowels * Tails)), 0));
            points.Add((VowelBase + (syllable / Tails % Vowels), 0));
            if (syllable % Tails is var tail and > 0)
            {
                points.Add((TailBase + tail, 0));
            }
        }
        else if (Decompositions.TryGetValue(value, out var parts))
        {
            Decompose(parts.First, points);
            if (parts.Second != 0)
            {
                Decompose(parts.Second, points);
            }
        }
        else
        {
            points.Add((value, Classes.GetValueOrDefault(value)));
        }
    }

    /// <summary>Sorts each run of marks (class above 0) by class, equal ones staying in place.</summary>
    private static void Order(List<(int Value, byte Class)> points)
    {
        for (var start = 0; start < points.Count; start++)
        {
            var end = start;
            while (end < points.Count && points[end].Class != 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                var sorted = points[start..end].OrderBy(point => point.Class).ToList();
                for (var i = start; i < end; i++)
                {
                    points[i] = sorted[i - start];
                }
            }

            start = Math.Max(start, end - 1);
        }
    }

    private static List<int> Join(List<(int Value, byte Class)> points)
    {
        var output = new List<int>(points.Count);
        var starter = -1;
        var lastClass = -1;
        foreach (var (value, kind) in points)
        {
            // A mark reaches its starter when no mark between them has its class or a higher one.
            if (starter >= 0 && lastClass < kind && Pair(output[starter], value) is var joined and >= 0)
            {
                output[starter] = joined;
                continue;
            }

            if (kind == 0)
            {
                starter = output.Count;
                lastClass = -1;
            }
            else
            {
                lastClass = kind;
            }

            output.Add(value);
        }

        return output;
    }

    private static int Pair(int first, int second)
    {
        if (first - LeadBase is var lead and >= 0 and < Leads && second - VowelBase is var vowel and >= 0 and < Vowels)
        {
            return HangulBase + (((lead * Vowels) + vowel) * Tails);
        }

        if (first - HangulBase is var syllable and >= 0 and < Syllables && syllable % Tails == 0 && second - TailBase is var tail and > 0 and < Tails)
        {
            return first + tail;
        }

        return Compositions.TryGetValue((first, second), out var composite) ? composite : -1;
    }
}
