using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Ra3.Models.Tokenizers;

/// <summary>
/// Cuts text into the words that byte-pair encoding never joins: one of the well-known expressions by <see cref="WordScanner"/>, any
/// other list of split steps by regular expression.
/// </summary>
internal sealed class PreTokenizer
{
    private readonly WordScanner? scanner;
    private readonly Step[] steps;

    public PreTokenizer(IReadOnlyList<Step> steps)
    {
        this.steps = [.. steps];
        scanner = steps is [{ StretchesAreWords: true } only] ? WordScanner.For(only.Pattern) : null;
    }

    /// <summary>
    /// One split: each match is a word, and so is each stretch between matches; or, where <paramref name="StretchesAreWords"/> is false,
    /// the stretches between matches are dropped.
    /// </summary>
    public sealed record Step(string Pattern, bool StretchesAreWords = true);

    /// <summary>The split steps, in order.</summary>
    public IReadOnlyList<Step> Steps => steps;

    /// <summary>A pre-tokenizer of one expression.</summary>
    public static PreTokenizer Of(string pattern) => new([new Step(pattern)]);

    /// <summary>The words of a text, in order.</summary>
    public Words Split(ReadOnlySpan<char> text) => new(text, scanner, scanner is null ? SplitByExpressions(text) : null);

    private List<(int Start, int End)> SplitByExpressions(ReadOnlySpan<char> text)
    {
        var (shadow, starts) = Shadow(text);
        var pieces = new List<(int Start, int End)> { (0, shadow.Length) };
        foreach (var step in steps)
        {
            var expression = new Regex(step.Pattern, RegexOptions.CultureInvariant, Regex.InfiniteMatchTimeout);
            var cut = new List<(int Start, int End)>();
            foreach (var (start, end) in pieces)
            {
                // Each piece is split as if it stood alone: look-ahead must not see past its end.
                var position = start;
                foreach (var match in expression.EnumerateMatches(shadow.AsSpan(start, end - start)))
                {
                    Add(cut, position, start + match.Index, step.StretchesAreWords);
                    position = start + match.Index + match.Length;
                    Add(cut, start + match.Index, position, keep: true);
                }

                Add(cut, position, end, step.StretchesAreWords);
            }

            pieces = cut;
        }

        return pieces.ConvertAll(piece => (starts[piece.Start], starts[piece.End]));

        static void Add(List<(int, int)> list, int start, int end, bool keep)
        {
            if (keep && end > start)
            {
                list.Add((start, end));
            }
        }
    }

    /// <summary>
    /// .NET's expressions see surrogate pairs as two characters without class. The shadow text has one BMP character of the same general
    /// category in the place of each code point, and <c>Starts</c> leads back to the text.
    /// </summary>
    private static (string Shadow, int[] Starts) Shadow(ReadOnlySpan<char> text)
    {
        var shadow = new StringBuilder(text.Length);
        var starts = new List<int>(text.Length + 1);
        for (var position = 0; position < text.Length;)
        {
            Rune.DecodeFromUtf16(text[position..], out var rune, out var width);
            starts.Add(position);
            shadow.Append(rune.IsBmp ? (char)rune.Value : StandIn(Rune.GetUnicodeCategory(rune)));
            position += width;
        }

        starts.Add(text.Length);
        return (shadow.ToString(), [.. starts]);
    }

    private static char StandIn(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => '\u0416',
        UnicodeCategory.LowercaseLetter => '\u0436',
        UnicodeCategory.TitlecaseLetter => '\u01C5',
        UnicodeCategory.ModifierLetter => '\u02B0',
        UnicodeCategory.OtherLetter => '\u4E00',
        UnicodeCategory.NonSpacingMark => '\u0301',
        UnicodeCategory.SpacingCombiningMark => '\u0903',
        UnicodeCategory.EnclosingMark => '\u20DD',
        UnicodeCategory.DecimalDigitNumber => '\u0661',
        UnicodeCategory.LetterNumber => '\u2160',
        UnicodeCategory.OtherNumber => '\u00BD',
        UnicodeCategory.MathSymbol => '\u2211',
        UnicodeCategory.OtherPunctuation => '\u203B',
        UnicodeCategory.DashPunctuation => '\u2014',
        UnicodeCategory.Format => '\u200B',
        UnicodeCategory.PrivateUse => '\uE000',
        UnicodeCategory.OtherNotAssigned => '\uFFFF',
        _ => '\u2603',
    };

    /// <summary>Enumerates words without allocating where a scanner knows the expression.</summary>
    internal ref struct Words(ReadOnlySpan<char> text, WordScanner? scanner, List<(int Start, int End)>? pieces)
    {
        private readonly ReadOnlySpan<char> text = text;
        private int position;

        /// <summary>The word at hand.</summary>
        public ReadOnlySpan<char> Current { get; private set; }

        /// <summary>This, for foreach.</summary>
        public readonly Words GetEnumerator() => this;

        /// <summary>Moves to the next word.</summary>
        public bool MoveNext()
        {
            if (pieces is not null)
            {
                if (position == pieces.Count)
                {
                    return false;
                }

                var (from, to) = pieces[position++];
                Current = text[from..to];
                return true;
            }

            if (position == text.Length)
            {
                return false;
            }

            var end = scanner!.Next(text, position);
            Current = text[position..end];
            position = end;
            return true;
        }
    }
}
