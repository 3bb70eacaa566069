using Ra3.Benchmarks;
using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>What of an earlier evaluation still holds.</summary>
public sealed class ResultFileTests : IDisposable
{
    private static readonly Provenance Model = Of(("weights", "a"), ("precision", "BFloat16"));
    private static readonly Provenance Judge = Of(("data", "d"), ("tier", "landlock"));

    private readonly string folder = Directory.CreateTempSubdirectory("ra3-benchmarks").FullName;

    private string Results => Path.Combine(folder, "results.jsonl");

    private string Old => Path.Combine(folder, "results-old.jsonl");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Results_survive_a_kill()
    {
        var result = With(3, VerdictKind.RuntimeError);
        using (var file = new ResultFile(Results))
        {
            file.Append(new StoredResult("tiny", result, Model, Judge));
            file.Append(new StoredResult("tiny", With(4), Model, Judge));
        }

        File.WriteAllText(Results, File.ReadAllText(Results)[..^20]); // the second line is cut short
        using (var file = new ResultFile(Results))
        {
            Find(file, Model).Judged.Should().BeEquivalentTo([result]);
            file.Append(new StoredResult("tiny", With(5), Model, Judge));
        }

        using (var file = new ResultFile(Results))
        {
            var found = Find(file, Model);
            found.Judged.Select(r => r.Sample.Index).Should().Equal(3, 5);
            (found.Unjudged.Count, found.Notes.Count).Should().Be((0, 0));
        }
    }

    [Fact]
    public void Programs_of_other_weights_or_precision_count_no_more_and_are_kept_aside()
    {
        Write(("tiny", With(0), Model, Judge), ("other", With(0), Model, Judge), ("tiny", With(1), Of(("weights", "b"), ("precision", "BFloat16")), Judge));
        var lines = File.ReadAllLines(Results);
        using (var file = new ResultFile(Results))
        {
            var found = Find(file, Of(("weights", "b"), ("precision", "BFloat16")));
            found.Judged.Select(r => r.Sample.Index).Should().Equal(1);
            found.Notes.Should().Equal($"tiny: 1 results in {Results} are of other weights: they count no more, and are kept in {Old}.");
            file.Append(new StoredResult("tiny", With(2), Model, Judge));
        }

        File.ReadAllLines(Results)[..2].Should().Equal(lines[1..]);
        File.ReadAllLines(Old).Should().Equal(lines[..1]);
        using (var file = new ResultFile(Results))
        {
            Find(file, Of(("weights", "c"), ("precision", "Float32"))).Notes.Should().ContainSingle().Which.Should().Contain("2 results").And.Contain("weights, precision");
        }

        File.ReadAllLines(Old).Should().HaveCount(3);
    }

    [Fact]
    public void A_verdict_of_another_judge_is_found_anew_and_its_program_is_not()
    {
        Write(("tiny", With(0), Model, Judge), ("tiny", With(1), Model, Of(("data", "e"), ("tier", "landlock"))), ("tiny", With(2, VerdictKind.HarnessError), Model, Judge));
        using var file = new ResultFile(Results);
        var found = Find(file, Model);
        found.Judged.Select(r => r.Sample.Index).Should().Equal(0);
        found.Unjudged.Select(s => s.Index).Should().Equal(1, 2);
        found.Notes.Should().Equal($"tiny: 2 programs in {Results} are judged again: their verdicts are of other data.");

        file.Append(new StoredResult("tiny", With(1), Model, Judge));
        file.Append(new StoredResult("tiny", With(2, VerdictKind.Failed), Model, Judge));
        file.Settle("tiny");
        var settled = Find(file, Model);
        settled.Judged.Select(r => (r.Sample.Index, r.Verdict.Kind)).Should().Equal((0, VerdictKind.Passed), (1, VerdictKind.Passed), (2, VerdictKind.Failed));
        (settled.Unjudged.Count, settled.Notes.Count).Should().Be((0, 0));
        File.ReadAllLines(Results).Should().HaveCount(3);
        File.ReadAllLines(Old).Should().HaveCount(2);
    }

    [Fact]
    public void Of_given_programs_only_those_that_are_still_given_hold()
    {
        Write(("tiny", With(0), Provenance.None, Judge), ("tiny", With(1), Provenance.None, Judge));
        using var file = new ResultFile(Results);
        var found = file.Find("tiny", null, new HashSet<Sample> { With(0).Sample, With(1).Sample with { Program = "another" } }, Judge);
        found.Judged.Select(r => r.Sample.Index).Should().Equal(0);
        found.Notes.Should().ContainSingle().Which.Should().Contain("1 results").And.Contain("of other samples");
    }

    [Fact]
    public void Lines_of_earlier_versions_hold_no_more_and_other_files_are_refused()
    {
        Write(("tiny", With(0), Model, Judge));
        var line = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Results))!.AsObject();
        line.Remove("written_by");
        line.Remove("judged_by");
        line["settings"] = "model /a/folder, seed 1";
        File.WriteAllText(Results, line.ToJsonString() + "\n");
        using (var file = new ResultFile(Results))
        {
            Find(file, Model).Judged.Should().BeEmpty();
        }

        File.WriteAllText(Results, "{\"loss\": 2}\n");
        var open = () => new ResultFile(Results);
        open.Should().Throw<InvalidDataException>().WithMessage($"{Results}, line 1: no result (*); choose another --out.");
    }

    private static Found Find(ResultFile file, Provenance writtenBy) => file.Find("tiny", writtenBy, new HashSet<Sample>(), Judge);

    private static Provenance Of(params (string Name, string Value)[] parts) => new(parts.ToDictionary(part => part.Name, part => part.Value));

    private static Result With(int index, VerdictKind kind = VerdictKind.Passed) => new(
        new Sample("X/0", index, "def f(): return '\u2028ü'"),
        new Verdict(kind, 2, "ValueError: \"x\"\n", 0.5, 0.75, 12.5, "", "", SandboxTier.Landlock));

    private void Write(params (string Benchmark, Result Result, Provenance WrittenBy, Provenance JudgedBy)[] results)
    {
        using var file = new ResultFile(Results);
        foreach (var (benchmark, result, writtenBy, judgedBy) in results)
        {
            file.Append(new StoredResult(benchmark, result, writtenBy, judgedBy));
        }
    }
}
