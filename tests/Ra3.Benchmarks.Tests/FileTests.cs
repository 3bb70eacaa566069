using Ra3.Benchmarks;
using Ra3.Sandbox;

namespace Ra3.Tests;

public sealed class FileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ra3-benchmarks").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Samples_are_read_in_both_formats()
    {
        var path = Write("samples.jsonl", """
            {"task_id": "X/0", "completion": "    return 1"}
            {"task_id": "X/0", "solution": "def f(): return 2"}
            """);

        Samples.Read(path, Small()).Should().BeEquivalentTo(
            [new Sample("X/0", 0, "def f():\n    return 1"), new Sample("X/0", 1, "def f(): return 2")]);
    }

    [Theory]
    [InlineData("{\"task_id\": \"X/9\", \"completion\": \"\"}", "*no problem 'X/9'*")]
    [InlineData("{\"task_id\": \"X/0\"}", "*neither a completion nor a solution*")]
    [InlineData("{\"completion\": \"\"}", "*no task_id*")]
    [InlineData("no json", "*samples.jsonl, line 1: not valid JSON*")]
    public void A_faulty_sample_is_refused_and_named(string line, string message)
    {
        var read = () => Samples.Read(Write("samples.jsonl", line), Small());

        read.Should().Throw<InvalidDataException>().WithMessage(message);
    }

    [Fact]
    public void Results_survive_a_kill_and_are_not_mixed_with_those_of_other_settings()
    {
        var path = Path.Combine(folder, "results.jsonl");
        var result = new Result(new Sample("X/0", 3, "def f(): return '\u2028ü'"),
            new Verdict(VerdictKind.RuntimeError, 2, "ValueError: \"x\"\n", 0.5, 0.75, 12.5, "", "", SandboxTier.Landlock));
        using (var file = new ResultFile(path, "seed 1"))
        {
            file.Append("tiny", result);
            file.Append("tiny", result with { Sample = result.Sample with { Index = 4 } });
        }

        File.WriteAllText(path, File.ReadAllText(path)[..^20]); // the second line is cut short
        using (var file = new ResultFile(path, "seed 1"))
        {
            file.Done.Should().BeEquivalentTo([("tiny", result)]);
            file.Append("tiny", result with { Sample = result.Sample with { Index = 5 } });
        }

        using (var file = new ResultFile(path, "seed 1"))
        {
            file.Done.Select(d => d.Result.Sample.Index).Should().Equal(3, 5);
        }

        var other = () => new ResultFile(path, "seed 2");
        other.Should().Throw<InvalidDataException>().WithMessage("*other settings*");
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

    [Fact]
    public void Harness_errors_are_counted_and_dropped_never_scored()
    {
        Result With(int index, VerdictKind kind) => new(new Sample("X/0", index, ""), new Verdict(kind, null, "", 0, 0, 0, "", "", SandboxTier.Landlock));

        var score = Evaluation.ScoreOf("tiny", [With(0, VerdictKind.Passed), With(1, VerdictKind.HarnessError), With(2, VerdictKind.Failed)]);

        score.PassAtK[1].Value.Should().Be(0.5);
        score.Dropped.Should().Be(1);
        score.Samples.Should().Be(2);
    }

    private static Benchmark Small() => new("tiny", [new Problem("X/0", "def f():\n", ["\nprint", "\ndef"], "def f():\n", null, null!)], []);

    private string Write(string name, string content)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllText(path, content);
        return path;
    }
}
