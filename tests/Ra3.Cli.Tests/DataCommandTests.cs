using Ra3.Benchmarks;
using Ra3.Cli.Commands;

namespace Ra3.Tests;

public sealed class DataCommandTests
{
    [Fact]
    public void Every_benchmark_is_a_data_set_under_its_own_name() =>
        BenchmarkLoader.Names.Should().OnlyContain(name => DataCommand.Find(name).Exists(file => file.Name == BenchmarkLoader.FileName(name)));

    [Theory]
    [InlineData("nosuch", "There is no data set 'nosuch'. There are humaneval, humaneval-plus, *livecodebench, codeforces, *and 'all'.*")]
    [InlineData("mbp+", "There is no data set 'mbp+'; did you mean 'mbpp'?*")]
    public void An_unknown_name_is_told_with_what_there_is(string name, string message) =>
        FluentActions.Invoking(() => DataCommand.Find(name)).Should().Throw<ArgumentException>().WithMessage(message);
}
