using System.Text;
using Ra3.Benchmarks;

namespace Ra3.Tests;

/// <summary>Sample files as other tools write them, and as they should not.</summary>
public sealed class SamplesTests : IDisposable
{
    private const string Good = "{\"task_id\": \"X/0\", \"completion\": \"    return 1\"}";
    private readonly string folder = Directory.CreateTempSubdirectory("ra3-benchmarks").FullName;

    private static Benchmark Tiny { get; } = Named("tiny", "X/0", "X/1");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(Good)]
    [InlineData("\n\n" + Good + "\r\n \n")]
    [InlineData("\uFEFF" + Good)]
    [InlineData("[" + Good + "]")]
    [InlineData("{\"task_id\": \"X/0\", \"solution\": null, \"completion\": \"    return 1\", \"score\": NaN}")]
    [InlineData("{\"task_id\": \"X/0\", \"completion\": null, \"solution\": \"def f():\\n    return 1\"}")]
    [InlineData("{\"task_id\": 0, \"completion\": \"    return 1\"}")]
    [InlineData("{\"task_id\": \"X/0\", \"completion\": \"    return 1\", \"benchmark\": null}")]
    public void Formats_that_mean_the_same_are_read_as_the_same(string text)
    {
        var file = Samples.Read(Write(text), Tiny);
        file.Of["tiny"].Should().Equal(new Sample("X/0", 0, "def f():\n    return 1"));
        file.Notes.Should().BeEmpty();
    }

    [Fact]
    public void Samples_of_a_problem_are_counted() =>
        Samples.Read(Write($"{Good}\n{{\"task_id\": \"X/1\", \"solution\": \"\"}}\n{Good}"), Tiny).Of["tiny"]
            .Select(sample => (sample.TaskId, sample.Index)).Should().Equal(("X/0", 0), ("X/1", 0), ("X/0", 1));

    [Fact]
    public void Samples_of_problems_that_are_left_out_are_counted()
    {
        var benchmark = Tiny with { Excluded = [("X/7", "interactive")] };
        const string left = "{\"task_id\": \"X/7\", \"completion\": \"\"}";
        var file = Samples.Read(Write($"{left}\n{Good}\n{left}"), benchmark);
        file.Of["tiny"].Should().ContainSingle();
        file.Notes.Should().ContainSingle().Which.Should().Contain("2 samples are of problems of tiny that are left out");

        var nothingElse = () => Samples.Read(Write(left), benchmark);
        nothingElse.Should().Throw<InvalidDataException>().WithMessage("*such problems of tiny only as are left out.");
    }

    [Theory]
    [InlineData("{\"task_id\": \"X/9\", \"completion\": \"\"}", "line 2: there is no problem 'X/9' in tiny (ids look like X/0).")]
    [InlineData("{\"task_id\": 9, \"completion\": \"\"}", "line 2: there is no problem '9' in tiny (ids look like X/0).")]
    [InlineData("{\"task_id\": \"X/0\"}", "line 2: there is neither a completion nor a solution.")]
    [InlineData("{\"task_id\": \"X/0\", \"solution\": null}", "line 2: there is neither a completion nor a solution.")]
    [InlineData("{\"completion\": \"\"}", "line 2: there is no task_id.")]
    [InlineData("{\"task_id\": null, \"completion\": \"\"}", "line 2: there is no task_id.")]
    [InlineData("{\"task_id\": [1], \"completion\": \"\"}", "line 2: task_id must be a text, not a list.")]
    [InlineData("{\"task_id\": \"X/0\", \"completion\": 5}", "line 2: completion must be a text, not the number 5.")]
    [InlineData("{\"task_id\": \"X/0\", \"solution\": [\"a\", \"b\"]}", "line 2: solution must be a text, not a list.")]
    [InlineData("{\"task_id\": \"X/0\", \"completion\": \"x = '\\ud83d'\"}", "line 2: completion holds half of a surrogate pair *")]
    [InlineData("{\"task_id\": \"X/\\udc00\", \"completion\": \"\"}", "line 2: task_id holds half of a surrogate pair *")]
    [InlineData("null", "line 2: a sample is an object with task_id and completion or solution, not null.")]
    [InlineData("[1]", "line 2: a sample is an object *, not a list.")]
    [InlineData("17", "line 2: a sample is an object *, not the number 17.")]
    [InlineData("```json", "line 2: not valid JSON: *")]
    [InlineData("{\"task_id\": \"X/0\", \"comp", "line 2: not valid JSON: *")]
    public void An_odd_line_is_refused_with_file_and_line(string line, string message)
    {
        var path = Write(Good + "\n" + line);
        var read = () => Samples.Read(path, Tiny);
        read.Should().Throw<InvalidDataException>().WithMessage($"{path}, {message}");
    }

    [Fact]
    public void A_file_without_samples_a_folder_and_bytes_that_are_no_text_are_refused()
    {
        var (empty, bytes) = (Write(""), Path.Combine(folder, "latin"));
        File.WriteAllBytes(bytes, [.. Encoding.UTF8.GetBytes(Good), .. "\n{\""u8, 0xE9, .. "\": 1}"u8]);
        foreach (var (path, message) in new[] { (empty, "*holds no sample of tiny."), (folder, "*is a folder: give a file*"), (bytes, "*line 2: this is no UTF-8 text.") })
        {
            var read = () => Samples.Read(path, Tiny);
            read.Should().Throw<InvalidDataException>().WithMessage(message);
        }
    }

    [Fact]
    public void Markdown_fences_are_told()
    {
        var file = Samples.Read(Write(Good + "\n{\"task_id\": \"X/0\", \"solution\": \"\\n```python\\ndef f(): return 1\\n```\"}"), Tiny);
        file.Of["tiny"].Should().HaveCount(2);
        file.Notes.Should().ContainSingle().Which.Should().Contain("1 samples have a Markdown fence").And.Contain("(the first: line 2)");
    }

    [Fact]
    public void A_fence_behind_prose_and_an_emptied_solution_are_told()
    {
        var file = Samples.Read(
            Write("{\"task_id\": \"X/0\", \"solution\": \"\", \"completion\": \"    return 1\"}\n"
                + "{\"task_id\": \"X/0\", \"completion\": \"Here it is:\\n```python\\nx\\n```\"}"), Tiny);
        file.Notes.Should().HaveCount(2);
        file.Notes[0].Should().Contain("1 samples have a Markdown fence").And.Contain("(the first: line 2)");
        file.Notes[1].Should().Contain("1 samples have an empty solution beside a completion").And.Contain("(the first: line 1)");
    }

    [Fact]
    public void Generations_of_other_harnesses_are_read()
    {
        Sample[] wanted = [new("X/0", 0, "a"), new("X/0", 1, "b"), new("X/1", 0, "c")];
        Samples.Read(Write("[[\"a\", \"b\"], [\"c\"]]"), Tiny).Of["tiny"].Should().Equal(wanted);
        Samples.Read(
            Write("[{\"question_id\": \"X/0\", \"code_list\": [\"a\", \"b\"]}, {\"question_id\": \"X/1\", \"code_list\": [\"c\"]}]"),
            Tiny).Of["tiny"].Should().Equal(wanted);

        var path = Write("[[\"a\"]]");
        FluentActions.Invoking(() => Samples.Read(path, Tiny)).Should().Throw<InvalidDataException>()
            .WithMessage($"{path} is a list of 1 lists of programs*each of the 2 problems*");
        path = Write("[[\"a\"], [5]]");
        FluentActions.Invoking(() => Samples.Read(path, Tiny)).Should().Throw<InvalidDataException>()
            .WithMessage($"{path}, list 2: list 2[0] must be a text, not the number 5.");
    }

    /// <summary>As results.jsonl of several benchmarks has them.</summary>
    [Fact]
    public void Lines_that_name_their_benchmark_belong_to_it()
    {
        static string Line(string benchmark, string id) => $"{{\"benchmark\": \"{benchmark}\", \"task_id\": \"{id}\", \"solution\": \"{benchmark}\"}}";
        var path = Write(string.Join('\n', Line("tiny", "X/0"), Line("tiny+", "X/0"), Line("other", "Y/0")));
        var (plus, other, third) = (Named("tiny+", "X/0"), Named("other", "Y/0"), Named("third", "X/0"));

        var one = Samples.Read(path, Tiny);
        one.Of["tiny"].Should().Equal(new Sample("X/0", 0, "tiny"));
        one.Notes.Should().HaveCount(2).And.Contain($"{path}: 1 samples of other are left out (--benchmark does not name it).");

        var all = Samples.Read(path, Tiny, plus, other);
        all.Of.Should().HaveCount(3).And.AllSatisfy(item => item.Value.Should().ContainSingle().Which.Program.Should().Be(item.Key));
        all.Notes.Should().BeEmpty();

        Samples.Read(path, third).Of["third"].Should().HaveCount(2, "samples of a benchmark with the same problems are as good");
        var none = () => Samples.Read(path, Named("fourth", "Z/0"));
        none.Should().Throw<InvalidDataException>().WithMessage("*holds no sample of fourth.");
    }

    private static Benchmark Named(string name, params string[] ids) => new(
        name, [.. ids.Select(id => new Problem(id, "def f():\n", ["\nprint", "\ndef"], "def f():\n", null, null!))], []);

    private string Write(string text)
    {
        var path = Path.Combine(folder, "samples.jsonl");
        File.WriteAllText(path, text);
        return path;
    }
}
