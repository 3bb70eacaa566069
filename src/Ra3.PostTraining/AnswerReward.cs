using System.Globalization;
using System.Text.RegularExpressions;

namespace Ra3.PostTraining;

/// <summary>Pays 1 for the right final answer: the number behind the last "####", or else the last number of the completion.</summary>
public sealed partial class AnswerReward : IReward
{
    /// <inheritdoc/>
    public Task<Score> ScoreAsync(Problem problem, string completion, CancellationToken stop)
    {
        if (problem is not AnswerProblem question)
        {
            throw new ArgumentException($"{problem.Id} is no question with an answer: its reward needs another judge.", nameof(problem));
        }

        var given = FinalAnswer(completion);
        var score = given is null ? new Score(0, "no_answer")
            : Same(given, question.Answer) ? new Score(1, Score.PassedVerdict)
            : new Score(0, "failed", $"wanted {question.Answer}, got {given}");
        return Task.FromResult(score);
    }

    /// <summary>The final answer in a text, as written; null where there is none.</summary>
    public static string? FinalAnswer(string text)
    {
        var mark = text.LastIndexOf("####", StringComparison.Ordinal);
        if (mark >= 0)
        {
            return Number().Match(text, mark + 4) is { Success: true } marked ? marked.Value : null;
        }

        return Number().Matches(text).LastOrDefault()?.Value;
    }

    /// <summary>Whether two answers are the same number: 1,000 is $1000.00. What is no number is compared as text.</summary>
    public static bool Same(string given, string wanted) =>
        Value(given) is { } number && Value(wanted) is { } other ? number == other : given.Trim() == wanted.Trim();

    private static decimal? Value(string text) =>
        decimal.TryParse(
            text.Replace(",", "", StringComparison.Ordinal).Replace("$", "", StringComparison.Ordinal).Trim().TrimEnd('%', '.'),
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            ? value : null;

    // A sign counts only where no digit or word stands before it: 5-3 ends in 3. Groups of three may have commas.
    [GeneratedRegex(@"(?<![\w.])[-+]?\$?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?|(?<=\d[-+*/×=])\d+(\.\d+)?", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Number();
}
