using CsCheck;

namespace Ra3.PostTraining.Tests;

/// <summary>Final answers as the checkers of GSM8K, MATH and Minerva see them.</summary>
public sealed class MathAnswerTests
{
    [Theory]
    [InlineData("1/2", "0.5", true)]
    [InlineData(@"\frac{1}{2}", "1/2", true)]
    [InlineData(@"\dfrac12", "0.5", true)]
    [InlineData(@"\tfrac{2}{4}", "1/2", true)]
    [InlineData(@"-\frac{3}{4}", "-0.75", true)]
    [InlineData(@"\frac{-3}{4}", "-0.75", true)]
    [InlineData("1 1/2", "1.5", true)]
    [InlineData(@"1\frac{1}{2}", "3/2", true)]
    [InlineData("1/3", "0.333", false)]
    [InlineData("0.3333333333333333333", "1/3", false)]
    [InlineData("1/0", "1", false)]
    [InlineData("7/2", "7", false)]
    [InlineData("1,234,567.50", "1234567.5", true)]
    [InlineData("1{,}234", "1234", true)]
    [InlineData(@"1,\!234", "1234", true)]
    [InlineData(@"\$5.50", "5.5", true)]
    [InlineData("50%", "50", true)]
    [InlineData(@"50\%", "50", true)]
    [InlineData(@"90^\circ", "90", true)]
    [InlineData("−3", "-3", true)]
    [InlineData("5 cm", "5", true)]
    [InlineData(@"5 \text{ cm}^2", "5", true)]
    [InlineData("5", "5 square metres", true)]
    [InlineData(@"3 \times 10^{5}", "300000", true)]
    [InlineData("2e-3", "0.002", true)]
    [InlineData("1e999999999", "1", false)]
    [InlineData("007", "7", true)]
    [InlineData("+7.", "7", true)]
    [InlineData("x = 7", "7", true)]
    [InlineData("(1, 2)", "(1,2)", true)]
    [InlineData("(1/2, 3)", "(0.5,3)", true)]
    [InlineData("(2, 1)", "(1,2)", false)]
    [InlineData("[1, 2)", "(1, 2)", false)]
    [InlineData(@"\{2, 1\}", @"\{1, 2\}", true)]
    [InlineData(@"\{1, 1\}", @"\{1, 2\}", false)]
    [InlineData("1, 2", "1,2", true)]
    [InlineData("1, 2, 3", "1,2", false)]
    [InlineData(@"\left(3, \frac{\pi}{2}\right)", @"(3,\dfrac{\pi}{2})", true)]
    [InlineData(@"2\sqrt3", @"2\sqrt{3}", true)]
    [InlineData("x^2 + 1", "x^2+1", true)]
    [InlineData("x^2 + 1", "x^2-1", false)]
    [InlineData("\u0663", "3", false)] // digits of another script
    [InlineData("1\u0663/2", "3", false)]
    [InlineData("\\frac{\u0663}{2}", "1.5", false)]
    [InlineData("2e\u0663", "2000", false)]
    [InlineData("paris", "Paris", true)]
    [InlineData(@"\text{Paris}", "Paris", true)]
    [InlineData("New  York.", "New York", true)]
    [InlineData("Paris or London", "Paris", false)]
    [InlineData("Room 5 London", "Room 5 Paris", false)]
    [InlineData("(B)", "B", true)]
    [InlineData("B.", "(B)", true)]
    [InlineData("BC", "B", false)]
    [InlineData("", "", false)]
    [InlineData("$", "", false)]
    public void Answers_are_the_same_or_not(string given, string wanted, bool same) => MathAnswer.Same(given, wanted).Should().Be(same);

    [Theory]
    [InlineData(@"Thus $x=\boxed{\frac{1}{2}}$.", "0.5", true)]
    [InlineData(@"First \boxed{3}, then \boxed{4}", "4", true)]
    [InlineData(@"First \boxed{4}, then \boxed{3}", "4", false)]
    [InlineData(@"\boxed{3x+5}", "3", false)]
    [InlineData(@"\boxed{5 \text{ cm}}", "5", true)]
    [InlineData(@"\boxed 4", "4", true)]
    [InlineData(@"\boxed{4", "4", false)]
    [InlineData(@"\boxed{4} and so 5", "4", true)]
    [InlineData("#### 1/2", "1", false)]
    [InlineData("#### 1/2", "1/2", true)]
    [InlineData("#### 72 clips, 3 boxes", "72", true)]
    [InlineData("#### 3\nWait: \\boxed{4}", "4", true)]
    [InlineData("so it is 3/4", "0.75", true)]
    [InlineData("so it is \\frac{3}{4}.", "0.75", true)]
    [InlineData("4", @"\boxed{4}", true)]
    [InlineData("#### 18", "He has 9 + 9 = 18.\n#### 18", true)]
    [InlineData(" Paris", "Paris", true)]
    [InlineData("It lies in France.\nParis\n", "Paris", true)]
    [InlineData("The answer is Paris. I hope it is correct.", "Paris", true)]
    [InlineData("Final Answer: The final answer is $(1, 2)$. I hope it is correct.", "(1,2)", true)]
    [InlineData("The answer is: (B)", "B", true)]
    [InlineData("The answer is Rome.", "Paris", false)]
    [InlineData("Paris London", "Paris", false)]
    [InlineData("#### Paris", "Paris", true)]
    [InlineData(@"\boxed{\text{Paris}}", "Paris", true)]
    [InlineData("", "Paris", false)]
    public void The_final_answer_is_found(string text, string wanted, bool right) => MathAnswer.IsRight(text, wanted, out _).Should().Be(right);

    private static readonly string[] Pieces = ["1", "/", ".", ",", "e", "\\frac{", "}", "{", "####", "\\boxed{", "\u0663", "\n", "-", " "];

    /// <summary>What a model writes is never a defect of the checker.</summary>
    [Fact]
    public void Any_text_is_judged() =>
        Gen.Select(Gen.Char, Gen.Char, Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]))
            .Select(parts => $"{parts.Item3}{parts.Item1}{parts.Item3}{parts.Item2}").Array[0, 12]
            .Sample(parts => MathAnswer.IsRight(string.Concat(parts), "3/4", out _) | MathAnswer.IsRight("#### 3/4", string.Concat(parts), out _) | true);

    [Fact]
    public void A_fraction_is_the_same_however_it_is_written() =>
        Gen.Select(Gen.Int[-999, 999], Gen.Int[1, 99], Gen.Int[1, 9]).Sample((top, bottom, times) =>
        {
            var wanted = $"{top}/{bottom}";
            foreach (var given in new[] { $"{top * times}/{bottom * times}", $@"\frac{{{top}}}{{{bottom}}}", $@"\frac{{{-top}}}{{-{bottom}}}" })
            {
                MathAnswer.Same(given, wanted).Should().BeTrue($"{given} is {wanted}");
                MathAnswer.Same(wanted, given).Should().BeTrue();
            }

            MathAnswer.Same($"{top + 1}/{bottom}", wanted).Should().BeFalse();
        }, iter: 300);

    /// <summary>Whatever a model writes is judged, and soon.</summary>
    [Fact]
    public void Long_and_odd_texts_are_judged()
    {
        foreach (var text in new[]
        {
            new string('(', 20_000), new string('9', 20_000), "answer is " + string.Concat(Enumerable.Repeat("a. b ", 20_000)),
            string.Concat(Enumerable.Repeat(@"\boxed{", 5_000)), string.Concat(Enumerable.Repeat(@"\text{", 5_000)), @"\boxed{" + string.Concat(Enumerable.Repeat("1 a ", 2_000)) + "}",
        })
        {
            MathAnswer.IsRight(text, "(1, 2)", out _).Should().BeFalse();
            MathAnswer.IsRight(text, "7", out _).Should().BeFalse();
        }
    }
}
