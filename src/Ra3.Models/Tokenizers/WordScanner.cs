using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Ra3.Models.Tokenizers;

/// <summary>
/// The pre-tokenizers of GPT-2, Llama 3 and Qwen 2/2.5/3, written out as scanners: the same words as their regular expressions, found
/// by code point (letters and digits beyond the BMP included) and several times faster. Lone surrogates count as U+FFFD.
/// Two readings of the expressions exist at the edges; this one takes \s as the Unicode White_Space property and
/// (?i:'s) as ASCII case folding.
/// </summary>
internal sealed class WordScanner
{
    /// <summary>GPT-2's expression.</summary>
    public const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>Llama 3's expression: digits in groups of up to three.</summary>
    public const string Llama3 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Qwen 2.5's expression: each digit alone.</summary>
    public const string Qwen2 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const byte Other = 0, Letter = 1, Number = 2, Space = 3, Newline = 4, Surrogate = 5;

    private static readonly byte[] Classes = BuildClasses();

    private readonly bool isGpt2;
    private readonly int digits;

    private WordScanner(string pattern, int digits)
    {
        Pattern = pattern;
        isGpt2 = pattern == Gpt2;
        this.digits = digits;
    }

    /// <summary>The regular expression this scanner stands for.</summary>
    public string Pattern { get; }

    /// <summary>The scanner of a known expression, or null.</summary>
    public static WordScanner? For(string pattern) => pattern switch
    {
        Gpt2 => new WordScanner(Gpt2, int.MaxValue),
        Llama3 => new WordScanner(Llama3, 3),
        Qwen2 => new WordScanner(Qwen2, 1),
        _ => null,
    };

    /// <summary>Where the word that starts at <paramref name="start"/> ends. Every character belongs to exactly one word.</summary>
    public int Next(ReadOnlySpan<char> text, int start) => isGpt2 ? NextGpt2(text, start) : NextLlama3(text, start);

    private static int NextGpt2(ReadOnlySpan<char> text, int start)
    {
        var kind = Class(text, start, out var width);
        if (text[start] == '\'' && Contraction(text, start, ignoreCase: false) is var contraction and > 0)
        {
            return start + contraction;
        }

        var body = start;
        if (text[start] == ' ' && start + 1 < text.Length)
        {
            body = start + 1;
            kind = Class(text, body, out width);
        }

        return kind < Space ? Run(text, body + width, kind, int.MaxValue) : WhiteSpace(text, start, newlines: false);
    }

    private int NextLlama3(ReadOnlySpan<char> text, int start)
    {
        var kind = Class(text, start, out var width);
        if (kind == Letter)
        {
            return Run(text, start + width, Letter, int.MaxValue);
        }

        if (kind == Number)
        {
            return Run(text, start + width, Number, digits - 1);
        }

        if (text[start] == '\'' && Contraction(text, start, ignoreCase: true) is var contraction and > 0)
        {
            return start + contraction;
        }

        var second = start + width;
        byte secondKind = Newline;
        var secondWidth = 0;
        if (kind != Newline && second < text.Length)
        {
            secondKind = Class(text, second, out secondWidth);
            if (secondKind == Letter)
            {
                return Run(text, second + secondWidth, Letter, int.MaxValue);
            }
        }

        if (kind == Other || (text[start] == ' ' && secondKind == Other))
        {
            var end = Run(text, kind == Other ? second : second + secondWidth, Other, int.MaxValue);
            while (end < text.Length && text[end] is '\r' or '\n')
            {
                end++;
            }

            return end;
        }

        return WhiteSpace(text, start, newlines: true);
    }

    /// <summary>\s*[\r\n]+ (where newlines are a class of their own), then \s+(?!\S), then \s+.</summary>
    private static int WhiteSpace(ReadOnlySpan<char> text, int start, bool newlines)
    {
        var end = start;
        var afterNewline = start;
        while (end < text.Length && ClassOf(text[end]) is var kind && (kind == Space || kind == Newline))
        {
            end++;
            if (kind == Newline)
            {
                afterNewline = end;
            }
        }

        if (newlines && afterNewline > start)
        {
            return afterNewline;
        }

        return end < text.Length && end - start > 1 ? end - 1 : end;
    }

    private static int Contraction(ReadOnlySpan<char> text, int start, bool ignoreCase)
    {
        var fold = ignoreCase ? 0x20 : 0;
        var first = start + 1 < text.Length ? text[start + 1] | fold : 0;
        switch (first)
        {
            case 's' or 't' or 'm' or 'd':
                return 2;
            case 'r' or 'v' or 'l':
                var second = start + 2 < text.Length ? text[start + 2] | fold : 0;
                return second == (first == 'l' ? 'l' : 'e') ? 3 : 0;
            default:
                return 0;
        }
    }

    private static int Run(ReadOnlySpan<char> text, int position, byte kind, int most)
    {
        for (; most > 0 && (uint)position < (uint)text.Length; most--)
        {
            var here = ClassOf(text[position]);
            var width = 1;
            if (here == Surrogate)
            {
                here = AstralClass(text, position, out width);
            }

            if (here != kind)
            {
                break;
            }

            position += width;
        }

        return position;
    }

    private static byte Class(ReadOnlySpan<char> text, int position, out int width)
    {
        width = 1;
        var kind = ClassOf(text[position]);
        return kind == Surrogate ? AstralClass(text, position, out width) : kind;
    }

    private static byte AstralClass(ReadOnlySpan<char> text, int position, out int width)
    {
        Rune.DecodeFromUtf16(text[position..], out var rune, out width);
        return Class(Rune.GetUnicodeCategory(rune));
    }

    /// <summary>The table has an entry for every character.</summary>
    private static byte ClassOf(char c) => Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Classes), c);

    private static byte Class(UnicodeCategory category) => category switch
    {
        <= UnicodeCategory.OtherLetter => Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Number,
        _ => Other,
    };

    private static byte[] BuildClasses()
    {
        var classes = new byte[char.MaxValue + 1];
        for (var c = 0; c <= char.MaxValue; c++)
        {
            classes[c] = (char)c switch
            {
                '\r' or '\n' => Newline,
                var space when char.IsWhiteSpace(space) => Space,
                var half when char.IsSurrogate(half) => Surrogate,
                var other => Class(CharUnicodeInfo.GetUnicodeCategory(other)),
            };
        }

        return classes;
    }
}
