using System.CommandLine;

namespace Ra3.Cli;

/// <summary>A command that does something: it shows how it is used, and hears of Ctrl-C.</summary>
internal sealed class Verb : Command
{
    /// <param name="name">The word typed.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="examples">Full command lines that work, the plainest first; help ends with them.</param>
    public Verb(string name, string description, params string[] examples) : base(name, description) =>
        Examples = examples;

    public IReadOnlyList<string> Examples { get; }

    /// <summary>
    /// Sets what the verb does. The token is cancelled by the first Ctrl-C; a long verb then saves what it has and throws
    /// <see cref="OperationCanceledException"/> with a message that says how to go on.
    /// </summary>
    public void Does(Func<ParseResult, CancellationToken, int> run) =>
        SetAction((parsed, stop) => Task.FromResult(run(parsed, stop)));
}
