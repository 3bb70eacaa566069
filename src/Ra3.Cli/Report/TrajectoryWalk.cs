using Ra3.MidTraining;
using Ra3.Models;
using Ra3.Models.Tokenizers;

namespace Ra3.Cli.Report;

/// <summary>A model's own trajectory through a snippet, for people to read.</summary>
internal static class TrajectoryWalk
{
    /// <summary>Each line with its thought and its log-probability without and with all thoughts, numbered as in the file.</summary>
    public static CodeWalk Of(Decoder decoder, LatentFormat format, Tokenizer tokenizer, Trajectory trajectory)
    {
        var without = HeldOutEvaluation.LineNats(decoder, format, HeldOutEvaluation.WithoutThoughts(trajectory));
        var with = HeldOutEvaluation.LineNats(decoder, format, trajectory);
        var lines = trajectory.Steps.Select((step, i) => new WalkLine(WithoutLineEnd(tokenizer.Decode(trajectory.Snippet.TokensOf(step.Line))))
        {
            Before = without[i],
            After = with[i],
            Thought = step.Choice == StepChoice.Think
                ? tokenizer.Decode([.. trajectory.Snippet.Actions[step.Line].Opener, .. step.Latent]) : null,
        });
        var document = trajectory.Snippet.Document;
        var first = 1 + tokenizer.Decode(document.Tokens.AsSpan(0, document.Actions[trajectory.Snippet.First].Start)).Count(c => c == '\n');
        return new CodeWalk(document.Id, $"from line {first}; with the model's thoughts against without", [.. lines]) { FirstNumber = first };
    }

    /// <summary>The blank lines after an action stay with it.</summary>
    private static string WithoutLineEnd(string action) =>
        action.EndsWith("\r\n", StringComparison.Ordinal) ? action[..^2] : action.EndsWith('\n') ? action[..^1] : action;
}
