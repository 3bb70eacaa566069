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

    [Theory]
    [InlineData("Print the sum.", "tokens")]
    [InlineData("You may print each letter in any case.", "yesno")]
    [InlineData("If there are multiple answers, print any.", null)]
    [InlineData("Your answer is accepted if its absolute or relative error does not exceed $10^{-6}$.", "floats(1e-6, 1e-6)")]
    public void The_statement_names_its_checker_and_several_answers_have_none(string statement, string? checker) =>
        ContestData.CheckerFor(statement).Should().Be(checker);
}
