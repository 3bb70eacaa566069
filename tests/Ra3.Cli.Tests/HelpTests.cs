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

    [Theory]
    [InlineData("--limit -1", "--limit must be at least 0.")]
    [InlineData("--workers -1", "--workers must be at least 0.")]
    [InlineData("--n 0", "--n must be at least 1.")]
    [InlineData("--max-tokens 0", "--max-tokens must be at least 1.")]
    [InlineData("--batch 0", "--batch must be at least 1.")]
    [InlineData("--top-p 2", "--top-p must be 0.001 to 1: 2.")]
    [InlineData("--temperature NaN", "--temperature must be 0 to 100: NaN.")]
    public void An_option_of_eval_out_of_its_range_is_wrong_usage(string option, string message) =>
        Errors(["eval", "--benchmark", "mbpp", "--model", "m", .. option.Split(' ')]).Should().Equal(message);

    [Theory]
    [InlineData("--n 2")]
    [InlineData("--temperature 0.5")]
    [InlineData("--top-p 0.5")]
    [InlineData("--max-tokens 5")]
    [InlineData("--batch 5")]
    [InlineData("--seed 5")]
    [InlineData("--precision Fp32")]
    public void How_a_model_writes_is_not_asked_of_samples(string option)
    {
        Errors(["eval", "--benchmark", "mbpp", "--samples", "s", .. option.Split(' ')]).Should().ContainSingle().Which.Should().StartWith(option.Split(' ')[0]);
        Errors(["eval", "--benchmark", "mbpp", "--samples", "s", "--limit", "1"]).Should().BeEmpty();
    }

    private static IEnumerable<string> Errors(params string[] arguments) => Shell.CreateRoot().Parse(arguments).Errors.Select(e => e.Message);

    private static IEnumerable<(string Path, Command Command)> Leaves(Command command, string path) => command.Subcommands.Count == 0
        ? [(path, command)]
        : command.Subcommands.SelectMany(c => Leaves(c, $"{path} {c.Name}"));
}
