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

    private const string He = """{"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f", "canonical_solution": "    return 1\n", "test": "def check(c):\n    assert c() == 1\n"}""";
    private const string Mb = """{"task_id": 11, "text": "t", "code": "def f(x):\n    return x", "test_list": ["assert f(1)==1"], "test_setup_code": ""}""";
    private const string Lcb = """{"question_id": "a", "question_content": "c", "starter_code": "", "public_test_cases": "[{\"input\": \"1\", \"output\": \"1\"}]"}""";
    private const string Cf = """{"problem": "P", "checker": "tokens", "tests": [{"input": "1", "output": "1"}]}""";

    [Theory]
    [InlineData("humaneval", He, "\"def f():\\n\"", "null", "the field 'prompt' must be a text, not null.")]
    [InlineData("humaneval", He, "\"f\"", "[1]", "the field 'entry_point' must be a text, not a list.")]
    [InlineData("humaneval", He, "\"HumanEval/0\"", "7", "the field 'task_id' must be a text, not the number 7.")]
    [InlineData("humaneval", He, "HumanEval/0", "\\ud800", "the field 'task_id' holds half of a surrogate pair *")]
    [InlineData("mbpp", Mb, "\"def f(x):\\n    return x\"", "null", "the field 'code' must be a text, not null.")]
    [InlineData("mbpp", Mb, "11", "\"11\"", "the field 'task_id' must be a whole number, not a text.")]
    [InlineData("mbpp", Mb, "\"assert f(1)==1\"", "5", "test_list[0] must be a text, not the number 5.")]
    [InlineData("mbpp", Mb, "[\"assert f(1)==1\"]", "null", "the field 'test_list' must be a list, not null.")]
    [InlineData("livecodebench", Lcb, "\"a\"", "5", "the field 'question_id' must be a text, not the number 5.")]
    [InlineData("livecodebench", Lcb, "}]\"}", "}]\", \"private_test_cases\": null}", "*the field 'private_test_cases' must be a text, not null*")]
    [InlineData("livecodebench", Lcb, "\\\"1\\\"", "1", "test 0 of the field 'public_test_cases' must be an object with the texts input and output: {*")]
    [InlineData("livecodebench", Lcb, "\"output\\\"", "\"testtype\\\": \\\"functional\\\", \\\"output\\\"", "neither its metadata nor its starter code names a method.")]
    [InlineData("codeforces", Cf, "\"P\"", "null", "the field 'problem' must be a text, not null.")]
    [InlineData("codeforces", Cf, "\"tokens\"", "5", "the field 'checker' must be a text, not the number 5.")]
    [InlineData("codeforces", Cf, "[{\"input\": \"1\", \"output\": \"1\"}]", "null", "the field 'tests' must be a list, not null.")]
    [InlineData("codeforces", Cf, "[{\"input\": \"1\", \"output\": \"1\"}]", "\"[\"", "the field 'tests' is not valid JSON: *")]
    public void A_field_of_another_kind_is_refused_with_file_and_row(string name, string row, string what, string by, string message)
    {
        row.Should().Contain(what);
        var path = Write("data.jsonl", $"{row.Replace(what, by, StringComparison.Ordinal)}\n");

        FluentActions.Invoking(() => BenchmarkLoader.Load(name, Write("good.jsonl", row))).Should().NotThrow();
        FluentActions.Invoking(() => BenchmarkLoader.Load(name, path)).Should().Throw<InvalidDataException>()
            .WithMessage($"{path}, row 1*: {message}");
    }

    [Theory]
    [InlineData("humaneval", He)]
    [InlineData("mbpp", Mb)]
    [InlineData("livecodebench", Lcb)]
    public void An_id_that_comes_twice_and_a_row_that_is_no_object_are_refused_with_file_and_row(string name, string row)
    {
        var path = Write("data.json", $"[{row}, {row}]");
        FluentActions.Invoking(() => BenchmarkLoader.Load(name, path)).Should().Throw<InvalidDataException>()
            .WithMessage($"{path}, row 2 (*): the id * is that of row 1 already*");
        path = Write("data.json", $"[{row}, null]");
        FluentActions.Invoking(() => BenchmarkLoader.Load(name, path)).Should().Throw<InvalidDataException>()
            .WithMessage($"{path}, row 2: a problem is an object, not null.");
        path = Write("data.json", $"[{row}, {{\"a\": x}}]");
        FluentActions.Invoking(() => BenchmarkLoader.Load(name, path)).Should().Throw<InvalidDataException>()
            .WithMessage($"{path} is not {name}'s file *: row 2 is not valid JSON: *");
    }

    [Fact]
    public async Task Rows_of_the_sanitized_MBPP_are_read()
    {
        var row = """{"task_id": 11, "prompt": "Double it.", "code": "def f(x):\n    return 2 * x", "test_imports": ["import math"], "test_list": ["assert f(math.floor(1.5)) == 2"]}""";
        var problem = BenchmarkLoader.Load("mbpp", Write("data.jsonl", row)).Problems.Single();

        problem.Prompt.Should().Contain("Double it.");
        (await problem.Grader.JudgeAsync(pool.Sandbox, problem.Reference!, TestContext.Current.CancellationToken)).Passed.Should().BeTrue();
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
