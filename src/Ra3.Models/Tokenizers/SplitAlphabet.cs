using System.Text;
using System.Text.RegularExpressions;

namespace Ra3.Models.Tokenizers;

/// <summary>
/// The characters that expressions are matched against. Code points that no set of the expressions tells apart are one class, and each class
/// is written as one character: so planes beyond the first, which .NET's expressions see as two characters, are matched like any other,
/// no stand-in falls into a set it does not belong to, and the expressions that .NET compiles are over a handful of characters.
/// </summary>
internal sealed class SplitAlphabet
{
    private readonly char[] basic = new char[char.MaxValue + 1];
    private readonly int[] astralStarts;
    private readonly char[] astralClasses;
    private readonly Dictionary<string, char> classes = new(StringComparer.Ordinal);
    private readonly List<CodePointSet> sets;

    /// <summary>The classes of some expressions.</summary>
    public SplitAlphabet(IEnumerable<SplitExpression> expressions)
    {
        sets = [.. expressions.SelectMany(expression => expression.Parts).Select(part => part.Set!).Where(set => set is not null).Distinct()];
        int[] starts = [.. sets.SelectMany(set => set.Ranges).SelectMany(range => new[] { range.First, range.Last + 1 })
            .Append(0).Append(char.MaxValue + 1).Where(start => start <= CodePointSet.Last).Distinct().Order()];
        var ids = Array.ConvertAll(starts, ClassOf);
        for (var i = 0; i < starts.Length && starts[i] <= char.MaxValue; i++)
        {
            basic.AsSpan(starts[i]..(i + 1 < starts.Length ? Math.Min(starts[i + 1], basic.Length) : basic.Length)).Fill(ids[i]);
        }

        var firstAstral = Array.IndexOf(starts, char.MaxValue + 1);
        (astralStarts, astralClasses) = (starts[firstAstral..], ids[firstAstral..]);
    }

    /// <summary>An expression over the classes.</summary>
    /// <exception cref="RegexParseException">It is not well-formed.</exception>
    public Regex Compile(SplitExpression expression)
    {
        var pattern = new StringBuilder();
        foreach (var (syntax, set) in expression.Parts)
        {
            if (set is null)
            {
                pattern.Append(syntax);
                continue;
            }

            var place = sets.IndexOf(set);
            var members = classes.Where(entry => entry.Key[place] == '1').Select(entry => entry.Value).Order().ToList();
            pattern.Append(members.Count == 0 ? "(?!)" : $"[{string.Concat(members.Select(member => $"\\u{(int)member:X4}"))}]");
        }

        return new Regex(pattern.ToString(), RegexOptions.Compiled | RegexOptions.CultureInvariant, Regex.InfiniteMatchTimeout);
    }

    /// <summary>Writes the class of each code point of a text; a lone surrogate is U+FFFD.</summary>
    /// <param name="text">The text.</param>
    /// <param name="written">Room for as many characters as the text has.</param>
    /// <param name="starts">Where each code point begins in the text, and its length at the end; null where each is one character.</param>
    /// <returns>The number of code points.</returns>
    public int Write(ReadOnlySpan<char> text, Span<char> written, out int[]? starts)
    {
        starts = null;
        if (text.IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
        {
            for (var i = 0; i < text.Length; i++)
            {
                written[i] = basic[text[i]];
            }

            return text.Length;
        }

        starts = new int[text.Length + 1];
        var count = 0;
        for (var position = 0; position < text.Length;)
        {
            Rune.DecodeFromUtf16(text[position..], out var rune, out var width);
            starts[count] = position;
            written[count++] = rune.IsBmp ? basic[rune.Value] : Astral(rune.Value);
            position += width;
        }

        starts[count] = text.Length;
        return count;
    }

    private char Astral(int codePoint)
    {
        var place = Array.BinarySearch(astralStarts, codePoint);
        return astralClasses[place >= 0 ? place : ~place - 1];
    }

    /// <summary>The class of a code point: which sets hold it.</summary>
    private char ClassOf(int codePoint)
    {
        var membership = string.Concat(sets.Select(set => set.Contains(codePoint) ? '1' : '0'));
        if (!classes.TryGetValue(membership, out var id))
        {
            classes.Add(membership, id = (char)(classes.Count + 1));
        }

        return id;
    }
}
