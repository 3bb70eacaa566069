using System.Globalization;
using System.Text;

namespace Ra3.Models.Tokenizers;

/// <summary>The sets of code points that split expressions name, as Oniguruma means them.</summary>
internal static class UnicodeSets
{
    private static readonly Lazy<Dictionary<UnicodeCategory, CodePointSet>> Categories = new(ReadCategories);
    private static readonly Lazy<List<int[]>> CaseGroups = new(ReadCaseGroups);

    // Letters that are symbols by category: circled and squared Latin.
    private static readonly CodePointSet OtherAlphabetic = CodePointSet.From([(0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)]);

    // Scripts.txt of Unicode 17.
    private static readonly CodePointSet Han = CodePointSet.From(
    [
        (0x2E80, 0x2E99), (0x2E9B, 0x2EF3), (0x2F00, 0x2FD5), (0x3005, 0x3005), (0x3007, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B),
        (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFA6D), (0xFA70, 0xFAD9), (0x16FE2, 0x16FE3), (0x16FF0, 0x16FF6),
        (0x20000, 0x2A6DF), (0x2A700, 0x2B81D), (0x2B820, 0x2CEAD), (0x2CEB0, 0x2EBE0), (0x2EBF0, 0x2EE5D), (0x2F800, 0x2FA1D),
        (0x30000, 0x3134A), (0x31350, 0x33479),
    ]);

    private static readonly CodePointSet Hangul = CodePointSet.From(
    [
        (0x1100, 0x11FF), (0x302E, 0x302F), (0x3131, 0x318E), (0x3200, 0x321E), (0x3260, 0x327E), (0xA960, 0xA97C), (0xAC00, 0xD7A3),
        (0xD7B0, 0xD7C6), (0xD7CB, 0xD7FB), (0xFFA0, 0xFFBE), (0xFFC2, 0xFFC7), (0xFFCA, 0xFFCF), (0xFFD2, 0xFFD7), (0xFFDA, 0xFFDC),
    ]);

    private static readonly CodePointSet Hiragana = CodePointSet.From(
        [(0x3041, 0x3096), (0x309D, 0x309F), (0x1B001, 0x1B11F), (0x1B132, 0x1B132), (0x1B150, 0x1B152), (0x1F200, 0x1F200)]);

    private static readonly CodePointSet Katakana = CodePointSet.From(
    [
        (0x30A1, 0x30FA), (0x30FD, 0x30FF), (0x31F0, 0x31FF), (0x32D0, 0x32FE), (0x3300, 0x3357), (0xFF66, 0xFF6F), (0xFF71, 0xFF9D),
        (0x1AFF0, 0x1AFF3), (0x1AFF5, 0x1AFFB), (0x1AFFD, 0x1AFFE), (0x1B000, 0x1B000), (0x1B120, 0x1B122), (0x1B155, 0x1B155), (0x1B164, 0x1B167),
    ]);

    /// <summary>\s: Unicode's White_Space.</summary>
    public static CodePointSet Space { get; } = CodePointSet.From(
        [(0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)]);

    /// <summary>\h: hexadecimal digits.</summary>
    public static CodePointSet HexDigit { get; } = CodePointSet.From([('0', '9'), ('a', 'f'), ('A', 'F')]);

    /// <summary>\d.</summary>
    public static CodePointSet Digit => Of(UnicodeCategory.DecimalDigitNumber);

    /// <summary>\w: alphabetic, marks, decimal digits and connectors.</summary>
    public static CodePointSet Word => Property("L")!.Union(Property("M")!).Union(Property("Nl")!).Union(Digit)
        .Union(Of(UnicodeCategory.ConnectorPunctuation)).Union(OtherAlphabetic);

    /// <summary>A general category (short or long name), one of the scripts known here, or any, assigned, ascii; null for others.</summary>
    public static CodePointSet? Property(string name)
    {
        var plain = string.Concat(name.Where(c => c is not (' ' or '_' or '-'))).ToLowerInvariant();
        return plain switch
        {
            "any" => CodePointSet.All,
            "assigned" => Of(UnicodeCategory.OtherNotAssigned).Complement(),
            "ascii" => CodePointSet.Of(0, 0x7F),
            "han" => Han,
            "hangul" => Hangul,
            "hiragana" => Hiragana,
            "katakana" => Katakana,
            "l" or "letter" => Of(UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter, UnicodeCategory.ModifierLetter, UnicodeCategory.OtherLetter),
            "lc" or "casedletter" => Of(UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter),
            "lu" or "uppercaseletter" => Of(UnicodeCategory.UppercaseLetter),
            "ll" or "lowercaseletter" => Of(UnicodeCategory.LowercaseLetter),
            "lt" or "titlecaseletter" => Of(UnicodeCategory.TitlecaseLetter),
            "lm" or "modifierletter" => Of(UnicodeCategory.ModifierLetter),
            "lo" or "otherletter" => Of(UnicodeCategory.OtherLetter),
            "m" or "mark" or "combiningmark" => Of(UnicodeCategory.NonSpacingMark, UnicodeCategory.SpacingCombiningMark, UnicodeCategory.EnclosingMark),
            "mn" or "nonspacingmark" => Of(UnicodeCategory.NonSpacingMark),
            "mc" or "spacingmark" => Of(UnicodeCategory.SpacingCombiningMark),
            "me" or "enclosingmark" => Of(UnicodeCategory.EnclosingMark),
            "n" or "number" => Of(UnicodeCategory.DecimalDigitNumber, UnicodeCategory.LetterNumber, UnicodeCategory.OtherNumber),
            "nd" or "decimalnumber" => Digit,
            "nl" or "letternumber" => Of(UnicodeCategory.LetterNumber),
            "no" or "othernumber" => Of(UnicodeCategory.OtherNumber),
            "p" or "punctuation" => Of(
                UnicodeCategory.ConnectorPunctuation, UnicodeCategory.DashPunctuation, UnicodeCategory.OpenPunctuation, UnicodeCategory.ClosePunctuation,
                UnicodeCategory.InitialQuotePunctuation, UnicodeCategory.FinalQuotePunctuation, UnicodeCategory.OtherPunctuation),
            "pc" or "connectorpunctuation" => Of(UnicodeCategory.ConnectorPunctuation),
            "pd" or "dashpunctuation" => Of(UnicodeCategory.DashPunctuation),
            "ps" or "openpunctuation" => Of(UnicodeCategory.OpenPunctuation),
            "pe" or "closepunctuation" => Of(UnicodeCategory.ClosePunctuation),
            "pi" or "initialpunctuation" => Of(UnicodeCategory.InitialQuotePunctuation),
            "pf" or "finalpunctuation" => Of(UnicodeCategory.FinalQuotePunctuation),
            "po" or "otherpunctuation" => Of(UnicodeCategory.OtherPunctuation),
            "s" or "symbol" => Of(UnicodeCategory.MathSymbol, UnicodeCategory.CurrencySymbol, UnicodeCategory.ModifierSymbol, UnicodeCategory.OtherSymbol),
            "sm" or "mathsymbol" => Of(UnicodeCategory.MathSymbol),
            "sc" or "currencysymbol" => Of(UnicodeCategory.CurrencySymbol),
            "sk" or "modifiersymbol" => Of(UnicodeCategory.ModifierSymbol),
            "so" or "othersymbol" => Of(UnicodeCategory.OtherSymbol),
            "z" or "separator" => Of(UnicodeCategory.SpaceSeparator, UnicodeCategory.LineSeparator, UnicodeCategory.ParagraphSeparator),
            "zs" or "spaceseparator" => Of(UnicodeCategory.SpaceSeparator),
            "zl" or "lineseparator" => Of(UnicodeCategory.LineSeparator),
            "zp" or "paragraphseparator" => Of(UnicodeCategory.ParagraphSeparator),
            "c" or "other" => Of(
                UnicodeCategory.Control, UnicodeCategory.Format, UnicodeCategory.Surrogate, UnicodeCategory.PrivateUse, UnicodeCategory.OtherNotAssigned),
            "cc" or "control" => Of(UnicodeCategory.Control),
            "cf" or "format" => Of(UnicodeCategory.Format),
            "co" or "privateuse" => Of(UnicodeCategory.PrivateUse),
            "cn" or "unassigned" => Of(UnicodeCategory.OtherNotAssigned),
            _ => null,
        };
    }

    /// <summary>The set with all that differs from its members in case only.</summary>
    public static CodePointSet WithCases(CodePointSet set) => CodePointSet.From(
        set.Ranges.Concat(CaseGroups.Value.Where(group => Array.Exists(group, set.Contains)).SelectMany(group => group.Select(value => (value, value)))));

    private static CodePointSet Of(params ReadOnlySpan<UnicodeCategory> categories)
    {
        var set = CodePointSet.None;
        foreach (var category in categories)
        {
            set = set.Union(Categories.Value.GetValueOrDefault(category, CodePointSet.None));
        }

        return set;
    }

    private static Dictionary<UnicodeCategory, CodePointSet> ReadCategories()
    {
        var ranges = new Dictionary<UnicodeCategory, List<(int, int)>>();
        var first = 0;
        for (var next = 1; next <= CodePointSet.Last + 1; next++)
        {
            var category = CharUnicodeInfo.GetUnicodeCategory(first);
            if (next > CodePointSet.Last || CharUnicodeInfo.GetUnicodeCategory(next) != category)
            {
                ranges.TryAdd(category, []);
                ranges[category].Add((first, next - 1));
                first = next;
            }
        }

        return ranges.ToDictionary(entry => entry.Key, entry => CodePointSet.From(entry.Value));
    }

    private static List<int[]> ReadCaseGroups() =>
        [.. Enumerable.Range(0, CodePointSet.Last + 1).Where(Rune.IsValid).Select(value => (Value: value, Folded: Rune.ToLowerInvariant(Rune.ToUpperInvariant(new Rune(value))).Value))
            .Where(item => item.Folded != item.Value || Rune.ToUpperInvariant(new Rune(item.Value)).Value != item.Value)
            .GroupBy(item => item.Folded, item => item.Value).Select(group => group.Append(group.Key).Distinct().ToArray()).Where(group => group.Length > 1)];
}
