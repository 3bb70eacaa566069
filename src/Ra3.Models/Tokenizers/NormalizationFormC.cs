namespace Ra3.Models.Tokenizers;

/// <summary>
/// Unicode's normalization form C. Written here because .NET without ICU (invariant globalization, as this product runs) returns every
/// string unchanged from <see cref="string.Normalize()"/>.
/// </summary>
internal static class NormalizationFormC
{
    /// <summary>True when no character at or beyond U+0300 occurs: such text is composed already. False means that it has to be looked at.</summary>
    public static bool IsCertainlyComposed(ReadOnlySpan<char> text) => !text.ContainsAnyInRange('\u0300', char.MaxValue);

    /// <summary>The composed text.</summary>
    public static string Compose(ReadOnlySpan<char> text) => throw new NotSupportedException(text.ToString());
}
