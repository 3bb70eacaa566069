using Ra3.Models;
using Ra3.Models.Tokenizers;

namespace Ra3.PostTraining;

/// <summary>
/// Which problems a step samples: epoch after epoch in a fresh order. A function of the step and the seed alone, so a
/// resumed run needs nothing stored.
/// </summary>
internal sealed class ProblemOrder
{
    private readonly List<(Problem Problem, int[] Prompt)> problems;
    private readonly long seed;
    private (long Epoch, int[] Order) current = (-1, []);

    /// <summary>Encodes the prompts; problems whose prompt leaves no room for a completion are left out and counted.</summary>
    /// <exception cref="ArgumentException">None is left.</exception>
    public ProblemOrder(IReadOnlyList<Problem> problems, Tokenizer tokenizer, ModelConfig config, int maxNewTokens, long seed)
    {
        this.seed = seed;
        this.problems = [.. problems.Select(problem => (problem, problem.Encode(tokenizer)))
            .Where(problem => PromptEncoder.Room(problem.Item2, config) >= maxNewTokens)];
        LeftOut = problems.Count - this.problems.Count;
        if (this.problems.Count == 0)
        {
            throw new ArgumentException(problems.Count == 0
                ? "There are no problems to train on."
                : $"No prompt leaves room for {maxNewTokens} new tokens in the model's {config.MaxPositions} positions: lower maxNewTokens.");
        }
    }

    /// <summary>Problems whose prompt is too long.</summary>
    public int LeftOut { get; }

    /// <summary>Problems in the order.</summary>
    public int Count => problems.Count;

    /// <summary>The problem at a position that counts on through the epochs. Not for several threads at once.</summary>
    public (Problem Problem, int[] Prompt) At(long position)
    {
        var (epoch, place) = (position / problems.Count, (int)(position % problems.Count));
        if (current.Epoch != epoch)
        {
            int[] order = [.. Enumerable.Range(0, problems.Count)];
            new SeededRandom(seed, "rlvr/problems", epoch).Shuffle<int>(order);
            current = (epoch, order);
        }

        return problems[current.Order[place]];
    }

    /// <summary>The problem that takes the place of one without signal.</summary>
    public (Problem Problem, int[] Prompt) Replacement(long step, int number) =>
        problems[new SeededRandom(seed, "rlvr/replacements", step, number).NextInt(problems.Count)];
}
