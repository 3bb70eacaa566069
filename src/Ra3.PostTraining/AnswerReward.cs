namespace Ra3.PostTraining;

/// <summary>Pays 1 for the right final answer (<see cref="MathAnswer"/>).</summary>
public sealed class AnswerReward : IReward
{
    private const int MostWords = 20; // of an answer: nobody writes longer ones the same way twice

    /// <inheritdoc/>
    public Task<Score> ScoreAsync(Problem problem, string completion, CancellationToken stop)
    {
        if (problem is not AnswerProblem question)
        {
            throw new ArgumentException($"{problem.Id} is no question with an answer: its reward needs another judge.", nameof(problem));
        }

        var isRight = MathAnswer.IsRight(completion, question.Answer, out var given);
        return Task.FromResult(
            isRight ? new Score(1, Score.PassedVerdict)
            : given is null ? new Score(0, "no_answer")
            : new Score(0, "failed", $"wanted {question.Answer}, got {given}"));
    }

    /// <summary>Why no completion can be right; null where one can.</summary>
    internal static string? Unanswerable(AnswerProblem question)
    {
        var answer = MathAnswer.Marked(question.Answer) ?? question.Answer;
        return question.Stop.FirstOrDefault(text => answer.Contains(text, StringComparison.Ordinal)) is { } stop
            ? $"no completion can hold the answer: it has the stop text {System.Text.Json.JsonSerializer.Serialize(stop)} in it"
            : !new[] { answer, $@"\boxed{{{answer}}}", $"#### {answer}" }.Any(text => MathAnswer.IsRight(text, question.Answer, out _))
                ? "the answer is one that the checker can never match: give a number, an expression or a text on one line"
            : answer.Trim().Contains('\n', StringComparison.Ordinal) || answer.Split(' ').Length > MostWords
                ? "the answer would have to be repeated word for word: mark what is final in it (#### 4, \\boxed{4}) or give that alone"
            : answer.Trim().Split(' ') is [var number, var word] && ExactNumber.Of(number) is not null && ExactNumber.IsMagnitude(word)
                ? $"the answer is matched in these words only: write it as a number, without {word}"
            : null;
    }
}
