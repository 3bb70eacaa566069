using Ra3.Benchmarks;

namespace Ra3.Tests;

public sealed class FileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ra3-benchmarks").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Special_floats_of_Python_are_read_outside_strings_only()
    {
        var path = Write("rows.jsonl", "{\"a\": [NaN, -Infinity, Infinity, \"NaN \\\" Infinity\", -1]}");

        var row = BenchmarkLoader.ReadRows(path).Single();

        TaggedJson.Of(row.GetProperty("a")).Should().Be("[{\"f\":\"nan\"},{\"f\":\"-inf\"},{\"f\":\"inf\"},\"NaN \\\" Infinity\",-1]");
    }

    [Theory]
    [InlineData("humaneval", "{\"task_id\": 3}", "*is not humaneval's file*")]
    [InlineData("humaneval", "", "*is not humaneval's file*")]
    public void A_file_that_is_not_the_benchmarks_is_refused(string name, string content, string message)
    {
        var load = () => BenchmarkLoader.Load(name, Write("data.jsonl", content));

        load.Should().Throw<InvalidDataException>().WithMessage(message);
    }

    [Fact]
    public void A_completion_is_cut_at_the_first_stop() =>
        Small().Problems[0].ProgramOf("    return 1\nprint(f())\ndef g(): pass").Should().Be("def f():\n    return 1");

    private static Benchmark Small() => new("tiny", [new Problem("X/0", "def f():\n", ["\nprint", "\ndef"], "def f():\n", null, null!)], []);

    private string Write(string name, string content)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllText(path, content);
        return path;
    }
}
