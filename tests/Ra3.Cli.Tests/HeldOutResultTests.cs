using Ra3.Cli;
using Ra3.Cli.Training;

namespace Ra3.Tests;

public sealed class HeldOutResultTests
{
    [Theory]
    [InlineData(1, null)]
    [InlineData(2, 0.0008)]
    [InlineData(9, 0.0008)]
    public void A_change_measured_on_few_documents_is_not_printed_as_if_it_were_known(int documents, double? error) =>
        Printed(documents, error).Should().Contain("-0.0794, but on ").And.Contain("too few to tell a change from chance").And.NotContain("±");

    [Fact]
    public void A_change_measured_on_enough_documents_has_its_standard_error() =>
        Printed(10, 0.0008).Should().Contain("-0.0794 ± 0.0008 (standard error over 10 documents).");

    private static string Printed(int documents, double? error)
    {
        var text = new StringWriter();
        var numbers = new HeldOutNumbers { ActionCrossEntropy = 1, BitsPerByte = 1 };
        new HeldOutResult(30, documents, numbers, numbers, -0.0794, error).Print(Terminal.Create(text, redirected: true));
        return text.ToString().ReplaceLineEndings(" ");
    }
}
