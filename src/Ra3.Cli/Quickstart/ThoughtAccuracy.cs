using Ra3.Corpora;
using Ra3.Models.Tokenizers;
using Ra3.PostTraining.Tasks;

namespace Ra3.Cli.Quickstart;

/// <summary>How the thoughts that an E-step wrote into the mid-training tasks compare with the right comments, which the family knows.</summary>
/// <param name="Right">Share of steps with the right comment before them.</param>
/// <param name="Wrong">Share of steps with another.</param>
/// <param name="None">Share of steps without one.</param>
internal sealed record ThoughtAccuracy(double Right, double Wrong, double None)
{
    /// <summary>Of a corpus with thoughts.</summary>
    /// <param name="store">Documents of the mid-training corpus with thoughts in them; others are passed over.</param>
    /// <param name="tokenizer">Theirs.</param>
    /// <param name="family">The tasks.</param>
    /// <param name="programs">Programs of the mid-training corpus.</param>
    public static ThoughtAccuracy Of(TokenStore store, Tokenizer tokenizer, TaskFamily family, int programs)
    {
        var expected = TaskCorpus.MidTraining(family, programs, oracle: true).ToDictionary(document => document.Id, document => CommentedLines(document.Text));
        int right = 0, wrong = 0, none = 0;
        for (var i = 0; i < store.Count; i++)
        {
            var document = store[i];
            if (!expected.TryGetValue(document.Id, out var lines))
            {
                continue;
            }

            foreach (var (want, have) in lines.Zip(CommentedLines(tokenizer.Decode(document.Tokens))).Where(pair => pair.First.Length > 0))
            {
                (right, wrong, none) = have.Length == 0 ? (right, wrong, none + 1) : have == want ? (right + 1, wrong, none) : (right, wrong + 1, none);
            }
        }

        double all = right + wrong + none;
        return new ThoughtAccuracy(right / all, wrong / all, none / all);
    }

    /// <summary>For each line of code, the comment before it; empty where there is none.</summary>
    private static List<string> CommentedLines(string text)
    {
        var comments = new List<string>();
        var comment = "";
        foreach (var line in text.Split('\n').Select(line => line.Trim()))
        {
            if (line.StartsWith('#'))
            {
                comment = line;
                continue;
            }

            comments.Add(comment);
            comment = "";
        }

        return comments;
    }
}
