namespace Ra3.Sandbox;

/// <summary>Tests that can judge no program: they do not parse, need what is not there, raise by themselves, or assert nothing.</summary>
/// <param name="line">The line of the tests, from 1; null where no single line is at fault.</param>
/// <param name="reason">What is wrong, to be read behind "the tests: ".</param>
public sealed class FaultyTestsException(int? line, string reason) : ArgumentException(Say("the tests", line, reason))
{
    /// <summary>The sentence, with the place of the tests in it.</summary>
    /// <param name="tests">What the tests are called where they are read, such as the name of their file.</param>
    public string In(string tests) => Say(tests, line, reason);

    private static string Say(string tests, int? line, string reason) =>
        tests + (line is null ? "" : $", line {line}") + $": {reason.ReplaceLineEndings(" ").TrimEnd('.')}.";
}
