using Ra3.Benchmarks;

namespace Ra3.Tests;

public sealed class CheckerTests
{
    [Theory]
    [InlineData("tokens", "1 2\n3", "1  2 3\n", true)]
    [InlineData("tokens", "YES", "yes", false)]
    [InlineData("tokens", "1", "1 1", false)]
    [InlineData("tokens", "1", "01", false)]
    [InlineData("lines", "1 2\n3", "1 2 \n 3\n\n", true)]
    [InlineData("lines", "1 2\n3", "1 2 3", false)]
    [InlineData("lines", "1.50 2", "1.5 2.0", true)]
    [InlineData("lines", "1.50", "1.5000001", false)]
    [InlineData("lines", "1.50", "1.50e0", true)]
    [InlineData("lines", "1000000000000000000000000000000000000000", "1e39", true)] // larger than .NET's decimal
    [InlineData("lines", "1000000000000000000000000000000000000000", "1000000000000000000000000000000000000001.0", false)]
    [InlineData("lines", "0.1", "0.1000000000000000000000000000000000001", false)]
    [InlineData("lines", "0", "-0.00", true)]
    [InlineData("lines", "5", "+5.", true)]
    [InlineData("lines", "5", ".5e1", true)]
    [InlineData("lines", "5", "5e", false)]
    [InlineData("lines", "5", ".", false)]
    [InlineData("lines", "1000", "1_000", true)]
    [InlineData("lines", "12", "\u0661\u0662", true)]
    [InlineData("lines", "inf", "Infinity", true)]
    [InlineData("lines", "inf", "-inf", false)]
    [InlineData("lines", "nan", "NaN", false)]
    [InlineData("lines", "nan", "nan", true)] // the same text
    [InlineData("lines", "1 yes", "1.0 yes", false)] // one word in the line, and no number counts
    [InlineData("lines", "1", "1,0", false)]
    [InlineData("lines", "1\n2", "\u001f1\u00a0\n2\u3000", true)] // blanks are Python's
    [InlineData("lines", "1\n\n2", "1\n2", false)]
    [InlineData("lines", "1", "1e999999999999999999999", false)]
    [InlineData("exact", "a b\n", "a b\r\n", true)]
    [InlineData("exact", "a b\n", "a b", false)]
    [InlineData("yesno", "YES\nNo", "yes nO", true)]
    [InlineData("yesno", "YES", "Y", false)]
    [InlineData("unordered", "1 2 2", "2 1 2", true)]
    [InlineData("unordered", "1 2 2", "1 1 2", false)]
    [InlineData("floats(1e-6, 1e-6)", "0.5", "0.5000004", true)]
    [InlineData("floats(1e-6, 1e-6)", "0.5", "0.500002", false)]
    [InlineData("floats(1e-6, 1e-6)", "1000000.5", "1000001.0", true)]
    [InlineData("floats(1e-6, 1e-6)", "3", "3.0000000001", false)]
    [InlineData("floats(1e-6, 1e-6)", "0.5", "nan", false)]
    [InlineData("floats(1e-6, 1e-6)", "nan", "NaN", false)]
    [InlineData("floats", "2.5 x", "2.5000001 x", true)]
    public void Checkers_compare_as_their_names_say(string checker, string wanted, string got, bool right) =>
        Checker.Named(checker)(wanted, got).Should().Be(right);

    [Theory]
    [InlineData("token")]
    [InlineData("floats(1e-6)")]
    public void An_unknown_checker_is_refused_with_the_known_ones(string name)
    {
        var find = () => Checker.Named(name);

        find.Should().Throw<ArgumentException>().WithMessage("*floats(*");
    }
}
