using System.CommandLine;
using System.CommandLine.Parsing;
using Ra3.Cli;

namespace Ra3.Tests;

public sealed class HelpTests
{
    public static TheoryData<string> Verbs => [.. Leaves(Shell.CreateRoot(), "ra3").Select(l => l.Path)];

    [Theory]
    [MemberData(nameof(Verbs))]
    public void Every_verb_describes_itself_and_its_examples_parse(string path)
    {
        var verb = Leaves(Shell.CreateRoot(), "ra3").Single(l => l.Path == path).Command.Should().BeOfType<Verb>().Subject;
        verb.Description.Should().EndWith(".");
        verb.Options.Should().OnlyContain(o => !string.IsNullOrEmpty(o.Description));
        verb.Arguments.Should().OnlyContain(a => !string.IsNullOrEmpty(a.Description));
        verb.Examples.Should().NotBeEmpty();
        foreach (var example in verb.Examples)
        {
            example.Should().StartWith(path);
            var errors = Shell.CreateRoot().Parse([.. CommandLineParser.SplitCommandLine(example.Replace('\'', '"')).Skip(1)]).Errors.Select(e => e.Message);
            errors.Where(e => !e.Contains("does not exist", StringComparison.Ordinal)).Should().BeEmpty(example); // files are the reader's own
        }
    }

    [Fact]
    public void A_number_below_its_bound_is_wrong_usage_and_a_default_is_not()
    {
        Errors("generate", "--model", "m").Should().BeEmpty();
        Errors("generate", "--model", "m", "--n", "0").Should().Equal("--n must be at least 1.");
    }

    private static IEnumerable<string> Errors(params string[] arguments) => Shell.CreateRoot().Parse(arguments).Errors.Select(e => e.Message);

    private static IEnumerable<(string Path, Command Command)> Leaves(Command command, string path) => command.Subcommands.Count == 0
        ? [(path, command)]
        : command.Subcommands.SelectMany(c => Leaves(c, $"{path} {c.Name}"));
}
