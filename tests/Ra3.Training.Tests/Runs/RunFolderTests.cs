using System.Buffers.Binary;
using Ra3.Training.Runs;
using Tensorboard;

namespace Ra3.Tests.Runs;

public sealed class RunFolderTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("ra3-run-").FullName;

    private string RunPath => Path.Combine(root, "run");

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void A_run_reads_back_as_it_was_logged()
    {
        using (var run = RunFolder.Create(RunPath, "steps: 3\n"))
        {
            run.Log(1, ("loss", 2.5), ("eStep.reward", -0.125));
            run.Log(2, ("loss", double.NaN), ("norm", double.PositiveInfinity));
            run.LogSample(2, new { Text = "é\n", LogProb = -1.5 });
        }

        RunFolder.ReadRecipe(RunPath).Should().Be("steps: 3\n");
        RunFolder.ReadAbout(RunPath)!.StartedAt.Should().BeCloseTo(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(1));
        File.ReadAllLines(Path.Combine(RunPath, "metrics.jsonl")).Should().Equal(
            """{"step":1,"loss":2.5,"eStep.reward":-0.125}""",
            """{"step":2,"loss":"NaN","norm":"Infinity"}""");
        File.ReadAllLines(Path.Combine(RunPath, "samples.jsonl")).Should().Equal("""{"step":2,"text":"é\n","logProb":-1.5}""");
        RunFolder.ReadMetrics(RunPath).Should().BeEquivalentTo(
            [
                new MetricsLine(1, new Dictionary<string, double> { ["loss"] = 2.5, ["eStep.reward"] = -0.125 }),
                new MetricsLine(2, new Dictionary<string, double> { ["loss"] = double.NaN, ["norm"] = double.PositiveInfinity }),
            ],
            options => options.WithStrictOrdering());
    }

    [Fact]
    public void A_resumed_run_reads_as_if_it_had_never_stopped()
    {
        using (var run = RunFolder.Create(RunPath, string.Empty))
        {
            for (var step = 1; step <= 7; step++)
            {
                run.Log(step, ("loss", step));
                run.LogSample(step, new { Text = "x" });
            }
        }

        File.AppendAllText(Path.Combine(RunPath, "metrics.jsonl"), """{"step":8,"lo""");
        using (var run = RunFolder.Resume(RunPath, 5))
        {
            run.Log(6, ("loss", 60));
        }

        RunFolder.ReadMetrics(RunPath).Select(m => (m.Step, m.Values["loss"]))
            .Should().Equal((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 60));
        File.ReadAllLines(Path.Combine(RunPath, "samples.jsonl")).Should().HaveCount(5);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(3, 4)]
    [InlineData(9, 5)]
    public void What_a_resume_keeps_is_looked_for_from_the_end(long step, int lines)
    {
        // Only the end is parsed: what stands before the last kept line may be anything.
        var path = Path.Combine(root, "log.jsonl");
        var wide = new string('x', 10_000);
        File.WriteAllText(path, "no JSON at all\n" + string.Concat(new[] { 1, 2, 2, 3, 4 }.Select(at => $$"""{"step":{{at}},"text":"{{wide}}"}""" + "\n")) + """{"step":4,"te""");

        new JsonLinesWriter(path, step).Dispose();

        var kept = File.ReadAllLines(path);
        kept.Should().HaveCount(lines == 0 ? 0 : 1 + lines);
        File.ReadAllText(path).Should().Match(text => text.Length == 0 || text.EndsWith('\n'));
    }

    [Fact]
    public void A_line_torn_by_a_power_failure_is_dropped_but_one_damaged_in_the_middle_is_reported()
    {
        RunFolder.Create(RunPath, string.Empty).Dispose();
        var metrics = Path.Combine(RunPath, "metrics.jsonl");
        File.WriteAllText(metrics, "{\"step\":1,\"loss\":1}\n{\"step\":2,\"lo");
        RunFolder.ReadMetrics(RunPath).Should().ContainSingle();

        File.WriteAllText(metrics, "{\"step\":1,\"lo\n{\"step\":2,\"loss\":1}\n");
        FluentActions.Invoking(() => RunFolder.ReadMetrics(RunPath)).Should().Throw<InvalidDataException>().WithMessage("*line 1*");
    }

    [Fact]
    public void Nothing_is_overwritten_and_two_processes_cannot_share_a_run()
    {
        using var run = RunFolder.Create(RunPath, string.Empty);
        FluentActions.Invoking(() => RunFolder.Create(RunPath, string.Empty)).Should().Throw<IOException>().WithMessage("*already holds a run*--resume*");
        FluentActions.Invoking(() => RunFolder.Resume(RunPath, 0)).Should().Throw<IOException>().WithMessage("Another process*");
        FluentActions.Invoking(() => RunFolder.Resume(root, 0)).Should().Throw<IOException>().WithMessage("*no run to resume*");
        FluentActions.Invoking(() => RunFolder.Create(root, string.Empty)).Should().Throw<IOException>().WithMessage("*not empty*");
    }

    [Theory]
    [InlineData("run.lock")]
    [InlineData("run.lock,recipe.yaml.partial")]
    [InlineData("run.lock,recipe.yaml,run.json.partial")]
    public void A_folder_of_a_run_killed_while_it_was_made_is_accepted(string names)
    {
        Directory.CreateDirectory(RunPath);
        foreach (var name in names.Split(','))
        {
            File.WriteAllText(Path.Combine(RunPath, name), "old");
        }

        FluentActions.Invoking(() => RunFolder.Resume(RunPath, 0)).Should().Throw<IOException>().WithMessage("*no run to resume*");
        using (RunFolder.Create(RunPath, "steps: 1\n"))
        {
            FluentActions.Invoking(() => RunFolder.Create(RunPath, string.Empty)).Should().Throw<IOException>();
        }

        RunFolder.ReadRecipe(RunPath).Should().Be("steps: 1\n");
        Directory.GetFiles(RunPath, "*.partial").Should().BeEmpty();
        FluentActions.Invoking(() => RunFolder.Create(RunPath, string.Empty)).Should().Throw<IOException>().WithMessage("*already holds a run*");
    }

    [Fact]
    public void A_step_that_goes_back_is_refused()
    {
        using (var run = RunFolder.Create(RunPath, string.Empty))
        {
            run.Log(2, ("loss", 1));
            FluentActions.Invoking(() => run.Log(1, ("loss", 1))).Should().Throw<ArgumentOutOfRangeException>();
        }

        using var resumed = RunFolder.Resume(RunPath, 2);
        FluentActions.Invoking(() => resumed.Log(1, ("loss", 1))).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void TensorBoard_events_parse_with_the_reference_schema_and_a_resume_purges_later_steps()
    {
        using (var run = RunFolder.Create(RunPath, string.Empty))
        {
            run.Log(300, ("loss", 2.5), ("eStep.reward", -1));
        }

        RunFolder.Resume(RunPath, 200).Dispose();

        var files = Directory.GetFiles(Path.Combine(RunPath, "tensorboard")).Order(StringComparer.Ordinal).Select(Events).ToArray();
        files.Should().HaveCount(2);
        files[0][0].FileVersion.Should().Be("brain.Event:2");
        files[0][1].Step.Should().Be(300);
        files[0][1].Summary.Value.Select(v => (v.Tag, v.SimpleValue)).Should().Equal(("loss", 2.5f), ("eStep/reward", -1f));
        files[1][1].SessionLog.Status.Should().Be(SessionLog.Types.SessionStatus.Start);
        files[1][1].Step.Should().Be(201);
    }

    [Fact]
    public void The_checksum_is_crc32c_as_TensorBoard_masks_it()
    {
        // Check value of CRC-32C over "123456789" is e3069283; the mask rotates right by 15 and adds a282ead8.
        TensorBoardWriter.MaskedCrc("123456789"u8).Should().Be(unchecked(((0xe3069283u >> 15) | (0xe3069283u << 17)) + 0xa282ead8u));
    }

    private static List<Event> Events(string file)
    {
        var bytes = File.ReadAllBytes(file).AsSpan();
        var events = new List<Event>();
        while (bytes.Length > 0)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]).Should().Be(TensorBoardWriter.MaskedCrc(bytes[..8]));
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[(12 + length)..]).Should().Be(TensorBoardWriter.MaskedCrc(bytes.Slice(12, length)));
            events.Add(Event.Parser.ParseFrom(new Google.Protobuf.CodedInputStream(bytes.Slice(12, length).ToArray())));
            bytes = bytes[(16 + length)..];
        }

        return events;
    }
}
