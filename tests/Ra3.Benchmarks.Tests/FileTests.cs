using Ra3.Benchmarks;

namespace Ra3.Tests;

public sealed class FileTests(Pool pool) : IClassFixture<Pool>, IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ra3-benchmarks").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("livecodebench", """{"problem": "x", "starter_code": "", "tests": []}""", "*it has no tests*")]
    [InlineData("codeforces", """{"problem": "x", "checker": "tokens", "tests": "[]"}""", "*CF/0 has no tests, so every program would pass.")]
    [InlineData("mbpp", """{"task_id": 1, "text": "x", "code": "def f(): pass", "test_setup_code": "", "test_list": []}""", "*The tests call nothing that the reference defines*")]
    [InlineData("mbpp", "", "*it is empty.")]
    [InlineData("codeforces", """{"problem": "x", "tests": "[]"}""", "*no problem of codeforces is left to judge; 1 are left out (the first: *")]
    public void A_problem_without_tests_is_refused(string name, string row, string message)
    {
        var load = () => BenchmarkLoader.Load(name, Write("data.jsonl", row));

        load.Should().Throw<InvalidDataException>().WithMessage(message);
    }

    [Fact]
    public async Task Tests_that_assert_nothing_are_refused_by_the_problems_name()
    {
        var row = """{"task_id": "HumanEval/7", "prompt": "def one():\n", "entry_point": "one", "canonical_solution": "    return 1\n", "test": "def check(c):\n    pass\n"}""";
        var benchmark = BenchmarkLoader.Load("humaneval", Write("data.jsonl", row));

        var judge = () => benchmark.Problems[0].Grader.JudgeAsync(pool.Sandbox, "def one(): return 1", TestContext.Current.CancellationToken);

        (await judge.Should().ThrowAsync<InvalidDataException>()).WithMessage("The tests of HumanEval/7: nothing calls one.");
    }

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
