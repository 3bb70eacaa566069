using System.Buffers;
using System.Text.RegularExpressions;

namespace Ra3.Models.Tokenizers;

/// <summary>
/// Cuts text into the words that byte-pair encoding never joins: one of the well-known expressions by <see cref="WordScanner"/>, any
/// other list of split steps by regular expression. Safe to use from several threads.
/// </summary>
internal sealed class PreTokenizer
{
    private readonly WordScanner? scanner;
    private readonly SplitAlphabet? alphabet;
    private readonly Regex[] expressions = [];
    private readonly Step[] steps;

    /// <exception cref="InvalidDataException">An expression is not supported; says which, and what of it.</exception>
    public PreTokenizer(IReadOnlyList<Step> steps)
    {
        this.steps = [.. steps];
        scanner = steps is [{ StretchesAreWords: true } only] ? WordScanner.For(only.Pattern) : null;
        if (scanner is null)
        {
            var parsed = Array.ConvertAll(this.steps, step => SplitExpression.Parse(step.Pattern));
            alphabet = new SplitAlphabet(parsed);
            expressions = Array.ConvertAll(parsed, alphabet.Compile);
        }
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
        var rented = ArrayPool<char>.Shared.Rent(text.Length);
        var shadow = rented.AsSpan(0, alphabet!.Write(text, rented, out var starts));
        var pieces = new List<(int Start, int End)>(1 + (text.Length / 4)) { (0, shadow.Length) };
        for (var i = 0; i < steps.Length; i++)
        {
            var keep = steps[i].StretchesAreWords;
            var cut = new List<(int Start, int End)>(pieces.Capacity);
            foreach (var (start, end) in pieces)
            {
                // Each piece is split as if it stood alone: look-ahead must not see past its end.
                var position = start;
                foreach (var match in expressions[i].EnumerateMatches(shadow[start..end]))
                {
                    Add(cut, position, start + match.Index, keep);
                    position = start + match.Index + match.Length;
                    Add(cut, start + match.Index, position, keep: true);
                }

                Add(cut, position, end, keep);
            }

            pieces = cut;
        }

        ArrayPool<char>.Shared.Return(rented);
        return starts is null ? pieces : pieces.ConvertAll(piece => (starts[piece.Start], starts[piece.End]));

        static void Add(List<(int, int)> list, int start, int end, bool keep)
        {
            if (keep && end > start)
            {
                list.Add((start, end));
            }
        }
    }

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
