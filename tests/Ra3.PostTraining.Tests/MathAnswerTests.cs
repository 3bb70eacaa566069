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
    [InlineData("7cm", "7", true)] // units
    [InlineData(@"7\ cm", "7", true)]
    [InlineData(@"7~\text{kg}", "7", true)]
    [InlineData(@"7\,\mathrm{m/s}", "7", true)]
    [InlineData("7 m/s", "7", true)]
    [InlineData("7 km/h", "7", true)]
    [InlineData("7 m^2", "7", true)]
    [InlineData(@"7\text{th}", "7", true)]
    [InlineData("7 percent", "7", true)]
    [InlineData(@"7 \text{ marbles}", "7", true)]
    [InlineData("7 million", "7", false)]
    [InlineData(@"7 \text{ million}", "7", false)]
    [InlineData(@"7 \text{ or more}", "7", false)]
    [InlineData("7 y", "7", false)]
    [InlineData("7 m", "7", false)]
    [InlineData("7 i", "7", false)]
    [InlineData("7i", "7", false)]
    [InlineData("7!", "7", false)]
    [InlineData("7 dozen", "7", false)]
    [InlineData(@"7\pi", "7", false)]
    [InlineData("7_8", "7", false)]
    [InlineData("10^{-2}", "0.01", true)] // forms
    [InlineData("10^4", "10000", true)]
    [InlineData("2^{10}", "1024", true)]
    [InlineData("0^{-1}", "0", false)]
    [InlineData("¾", "0.75", true)]
    [InlineData("2½", "5/2", true)]
    [InlineData("12 000", "12000", true)]
    [InlineData("１２", "12", true)]
    [InlineData("y^{3}-1", "y^3-1", true)]
    [InlineData("y^{10}", "y^10", true)]
    [InlineData("312_{4}", "312_4", true)]
    [InlineData("312_4", "312", false)]
    [InlineData(@"\pi/4", @"\frac{\pi}{4}", true)]
    [InlineData(@"\sqrt{5}/3", @"\frac{\sqrt5}{3}", true)]
    [InlineData("-p/q", @"\frac{-p}{q}", true)]
    [InlineData("(p+1)/q", @"\frac{p+1}{q}", true)]
    [InlineData("p+1/q", @"\frac{p+1}{q}", false)]
    [InlineData(@"1/2\pi", @"\frac{1}{2\pi}", false)]
    [InlineData(@"[2,\infty)", @"x\in[2,\infty)", true)]
    [InlineData("y = 7", "x = 7", false)]
    [InlineData("4, 9, 6", "6,4,9", true)]
    [InlineData("4, 4, 6", "6,4,6", false)]
    [InlineData("4 and 9", @"9 \text{ or } 4", true)]
    [InlineData("x = 4, 9", "4,9", true)]
    [InlineData("3, -3", @"\pm 3", true)]
    [InlineData(@"1 ± √2", @"1-\sqrt{2}, 1+\sqrt{2}", true)]
    [InlineData("3", @"\pm 3", false)]
    [InlineData(@"\begin{bmatrix}0.5\\2\end{bmatrix}", @"\begin{pmatrix} \frac12 \\ 2 \end{pmatrix}", true)]
    [InlineData(@"\begin{pmatrix}1&2\end{pmatrix}", @"\begin{pmatrix}1\\2\end{pmatrix}", false)]
    [InlineData("π", @"\pi", true)]
    [InlineData("√12", @"\sqrt{12}", true)]
    [InlineData("−∞", @"-\infty", true)]
    [InlineData("B. 40", "B", true)]
    [InlineData("(B) 40", "B", true)]
    [InlineData("A. 40", "B", false)]
    [InlineData("Be", "B", false)]
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
    [InlineData("The odds are 3/8.", "3/8", true)]
    [InlineData("The odds are 3/8.", "8", false)]
    [InlineData("It weighs 4 1/2.", "9/2", true)]
    [InlineData("It weighs 4 1/2.", "1/2", false)]
    [InlineData("It is -.25", "-1/4", true)]
    [InlineData(@"So we get \frac58", "5/8", true)]
    [InlineData("All in all 7 500.", "7500", true)]
    [InlineData("All in all 7 500.", "500", false)]
    [InlineData("y^4", "4", false)]
    [InlineData("y^{4}", "4", false)]
    [InlineData(@"\sqrt{5}", "5", false)]
    [InlineData(@"\sqrt[3]{5}", "3", false)]
    [InlineData("The circle has 6\\pi.", "6", false)]
    [InlineData("The answer is 6 \\pi.", "6", false)]
    [InlineData("The answer is 6y.", "6", false)]
    [InlineData("Since y = 6 the answer is 6y.", "6", false)]
    [InlineData("At 10:45", "45", false)]
    [InlineData("20 m^3", "3", false)]
    [InlineData("20 m^3", "20", true)]
    [InlineData("a_5", "5", false)]
    [InlineData("f(5)", "5", false)]
    [InlineData("y + 5", "5", false)]
    [InlineData("8-5", "5", false)]
    [InlineData("(4, 5)", "5", false)]
    [InlineData("(4, 5)", "4", false)]
    [InlineData(@"$\log_3 5$", "5", false)]
    [InlineData(@"$\cos 5$", "5", false)]
    [InlineData(@"y \le 5", "5", false)]
    [InlineData("y > 5", "5", false)]
    [InlineData("|-5|", "-5", false)]
    [InlineData("<b>5</b>", "5", true)]
    [InlineData(@"y \approx 5", "5", true)]
    [InlineData("2**5", "5", false)]
    [InlineData("**5**", "5", true)]
    [InlineData("It has 5 million.", "5", false)]
    [InlineData("It is 5 or more.", "5", false)]
    [InlineData("It is 4 or 5.", "5", false)]
    [InlineData("0.333...", "0.333", false)]
    [InlineData("1.2.5", "5", false)]
    [InlineData("2,4,8", "8", false)]
    [InlineData("It costs $5/hour.", "5", true)]
    [InlineData("She sold 9 * 8 = <<9*8=72>>72 clips.", "72", true)]
    [InlineData("It is 72cm long.", "72", true)]
    [InlineData("She is the 9th.", "9", true)]
    [InlineData("The answer is 72. I am sure this answer is right.", "72", true)]
    [InlineData("#### 72 thousand", "72", false)]
    [InlineData("####\n72", "72", true)]
    [InlineData(@"\fbox{72}", "72", true)]
    [InlineData(@"\boxed{}72", "72", false)]
    [InlineData("The answer is: **Rome**", "Rome", true)]
    [InlineData("**Answer: B**", "B", true)]
    [InlineData("Answer: B) 40", "B", true)]
    [InlineData(@"\boxed{B. 40}", "B", true)]
    [InlineData("The correct option is B.", "B", true)]
    [InlineData("The answer is yes, since it is even.", "yes", true)]
    [InlineData("The answer is yes or no", "yes", false)]
    [InlineData(@"So \(y+1\).", "y+1", true)]
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

    private static readonly string[] Sentences =
    [
        "The answer is {0}.", "so it is {0}", "{0}", @"\boxed{{{0}}}", "#### {0}", "That gives ${0}$, as wanted.", "**{0}**", @"x = \({0}\)",
        "First 17, then {0} apples.", "It is {0}, therefore.",
    ];

    /// <summary>However a number is written and wherever it stands, it is right for equal values only, and none of its
    /// parts is right.</summary>
    [Fact]
    public void A_number_in_a_sentence_is_right_for_equal_values_only() =>
        Gen.Select(Gen.Int[-2000, 2000], Gen.Int[2, 60], Gen.Int[0, Sentences.Length - 1]).Sample((top, bottom, sentence) =>
        {
            var (sign, size) = (top < 0 ? "-" : "", Math.Abs(top));
            var forms = new List<string> { $"{top}/{bottom}", $@"{sign}\frac{{{size}}}{{{bottom}}}", $@"\dfrac{{{top}}}{{{bottom}}}" };
            if (size > bottom && size % bottom != 0)
            {
                forms.Add($"{sign}{size / bottom} {size % bottom}/{bottom}");
                forms.Add($@"{sign}{size / bottom}\frac{{{size % bottom}}}{{{bottom}}}");
            }

            if (10_000 % bottom == 0)
            {
                forms.Add((top / (decimal)bottom).ToString(System.Globalization.CultureInfo.InvariantCulture));
                forms.Add((top * 1000 / (decimal)bottom).ToString(System.Globalization.CultureInfo.InvariantCulture) + @" \times 10^{-3}");
            }

            (int, int)[] others =
            [
                (top, 1), (bottom, 1), (top + 1, bottom), (top, bottom + 1), (-top, bottom), (bottom, top), (top / bottom, 1), (top % bottom, bottom),
                (size % bottom, 1), (top * 10, bottom), (3, 1), (10, 1), (17, 1), (top * 2, bottom * 2),
            ];
            foreach (var form in forms)
            {
                var text = string.Format(System.Globalization.CultureInfo.InvariantCulture, Sentences[sentence], form);
                MathAnswer.IsRight(text, $"{top}/{bottom}", out _).Should().BeTrue($"{text} is {top}/{bottom}");
                foreach (var (a, b) in others.Where(other => other.Item2 > 0))
                {
                    MathAnswer.IsRight(text, $"{a}/{b}", out _).Should().Be(a * bottom == top * b, $"of {text} for {a}/{b}");
                }
            }
        }, iter: 200);

    /// <summary>Whatever a model writes is judged, and soon.</summary>
    [Fact]
    public void Long_and_odd_texts_are_judged()
    {
        foreach (var text in new[]
        {
            string.Concat(Enumerable.Repeat("1,000,000,", 4_000)), string.Concat(Enumerable.Repeat("answer is ", 4_000)), new string('(', 20_000), new string('9', 20_000), "answer is " + string.Concat(Enumerable.Repeat("a. b ", 20_000)),
            string.Concat(Enumerable.Repeat(@"\boxed{", 5_000)), string.Concat(Enumerable.Repeat(@"\text{", 5_000)), @"\boxed{" + string.Concat(Enumerable.Repeat("1 a ", 2_000)) + "}",
        })
        {
            MathAnswer.IsRight(text, "(1, 2)", out _).Should().BeFalse();
            MathAnswer.IsRight(text, "7", out _).Should().BeFalse();
        }
    }
}
