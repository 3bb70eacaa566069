using System.Diagnostics;
using Ra3.Corpora;
using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.MidTraining.Tests;

public sealed class LatentSamplerTests
{
    private static readonly LatentOptions Options = new() { MaxTokens = 8, SnippetTokens = 120, BatchSize = 5 };

    [Fact]
    public void Removing_the_thoughts_gives_back_the_source_and_every_thought_is_one_comment_line()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts(3, 2);
        var sampler = new LatentSampler(fixture.Decoder, fixture.Format, Options with { MaxTokens = 24 });
        var trajectories = sampler.SampleWhole(fixture.Snippets, i => new SeededRandom(1, "test", i));

        LatentCounts.Of(trajectories).Thoughts.Should().BeGreaterThan(20, "else the test would say nothing");
        foreach (var group in trajectories.GroupBy(trajectory => trajectory.Snippet.Document.Id))
        {
            var joined = Bootstrap.Join(group.First().Snippet.Document, group);
            var thoughts = joined.Actions.Where(action => action.ByteLength == 0).ToList();
            thoughts.Should().OnlyContain(action => IsCommentLine(Text(fixture, joined, action)));
            var source = joined.Actions.Where(action => action.ByteLength > 0).SelectMany(action => joined.Tokens[action.Start..action.End]).ToArray();
            source.Should().Equal(group.First().Snippet.Document.Tokens);
        }
    }

    [Fact]
    public void Programs_with_thoughts_are_the_same_programs_to_the_interpreter()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts(3, 2);
        var sampler = new LatentSampler(fixture.Decoder, fixture.Format, Options with { MaxTokens = 24 });
        var trajectories = sampler.SampleWhole(fixture.Snippets, i => new SeededRandom(2, "test", i));
        LatentCounts.Of(trajectories).Thoughts.Should().BeGreaterThan(20, "else the test would say nothing");
        foreach (var group in trajectories.GroupBy(trajectory => trajectory.Snippet.Document.Id))
        {
            var joined = fixture.Tokenizer.Decode(Bootstrap.Join(group.First().Snippet.Document, group).Tokens);
            var source = fixture.Documents.Single(document => document.Id == group.Key).Text;
            SyntaxTree(joined).Should().Be(SyntaxTree(source));
        }
    }

    [Fact]
    public void Memory_for_sampling_does_not_follow_the_longest_line()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts(3, 2);
        var text = "data = (\n    " + string.Concat(Enumerable.Range(0, 3000).Select(i => $"{i}, ")) + ")\n\n\ndef after(x):\n    return data[x]\n";
        var snippets = Snippet.Cut(DocumentEncoder.Encode(new SourceDocument("long.py", text), fixture.Tokenizer), Options.SnippetTokens).ToList();
        snippets.Max(snippet => snippet.Tokens.Length).Should().BeGreaterThan(10 * Options.SnippetTokens, "else the test would say nothing");
        var sampler = new LatentSampler(fixture.Decoder, fixture.Format, Options);

        sampler.SampleWhole(snippets, i => new SeededRandom(1, "test", i)).Should().HaveCount(snippets.Count);
        sampler.LastCapacity.Should().BeLessThanOrEqualTo(2 * Options.SnippetTokens);
    }

    [Fact]
    public void Progress_counts_the_source_tokens_passed_while_a_batch_runs()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts(3, 2);
        var sampler = new LatentSampler(fixture.Decoder, fixture.Format, Options with { BatchSize = 8 });
        var (seen, finished) = (new List<long>(), 0);
        sampler.SampleWhole(
            fixture.Snippets.Select((snippet, i) => ((long)i, snippet)), i => new SeededRandom(1, "test", i), (_, _) => finished++, seen.Add);

        finished.Should().Be(fixture.Snippets.Count);
        var total = fixture.Snippets.Sum(snippet => (long)snippet.Tokens.Length);
        seen.Should().BeInAscendingOrder();
        seen[0].Should().BeLessThan(total / 10);
        seen[^1].Should().BeLessThanOrEqualTo(total).And.BeGreaterThan(total * 9 / 10);
        seen.Zip(seen.Skip(1), (a, b) => b - a).Max().Should().BeLessThan(total / 4, "it does not jump from nothing to all");
    }

    [Fact]
    public void Recorded_log_probs_are_those_of_each_trajectory_as_a_sequence_of_its_own()
    {
        using var fixture = new Fixture(ScalarType.Float64);
        fixture.FavourThoughts();
        var snippet = fixture.Snippets.MaxBy(s => s.Actions.Length)!;
        var places = Enumerable.Range(0, snippet.Actions.Length).Where(snippet.MayThink).Take(5).ToArray();
        var groups = new LatentSampler(fixture.Decoder, fixture.Format, Options).SampleGroups(
            snippet, places, groupSize: 6, horizon: 3, _ => 0.3, (place, member) => new SeededRandom(4, "test", place, member));

        var choices = groups.SelectMany(group => group).SelectMany(trajectory => trajectory.Steps).Select(step => step.Choice).ToList();
        choices.Should().Contain(StepChoice.Think).And.Contain(StepChoice.Act).And.Contain(StepChoice.Invalid);
        foreach (var trajectory in groups.SelectMany(group => group))
        {
            foreach (var step in trajectory.Steps.Where(step => step.Choice != StepChoice.None))
            {
                int[] context = [.. Trunk(fixture, snippet).Take(step.Attach), .. trajectory.Tokens.Take(step.Prefix)];
                var opener = snippet.Actions[step.Line].Opener[^1];
                var think = fixture.SequenceLogProbs(context, [opener], forbid: false)[0];
                step.DecisionLogProb.Should().BeApproximately(
                    step.Choice == StepChoice.Act ? Math.Log(1 - Math.Exp(think)) : think, 1e-5);
                var content = fixture.SequenceLogProbs([.. context, opener], step.Latent, forbid: true);
                for (var i = 0; i < content.Length; i++)
                {
                    ((double)step.LatentLogProbs[i]).Should().BeApproximately(content[i], 1e-5);
                }
            }
        }
    }

    [Fact]
    public void Lines_scored_over_the_tree_equal_lines_scored_one_trajectory_at_a_time()
    {
        using var fixture = new Fixture(ScalarType.Float64);
        fixture.FavourThoughts();
        var snippet = fixture.Snippets.MaxBy(s => s.Actions.Length)!;
        var places = Enumerable.Range(0, snippet.Actions.Length).Where(snippet.MayThink).Take(4).ToArray();
        Trajectory[] trajectories = [.. new LatentSampler(fixture.Decoder, fixture.Format, Options).SampleGroups(
            snippet, places, groupSize: 5, horizon: 3, _ => 0.3, (place, member) => new SeededRandom(5, "test", place, member)).SelectMany(g => g)];
        var scores = TrajectoryScorer.LineLogProbs(
            fixture.Decoder, new TrajectoryTree(Trunk(fixture, snippet), trajectories), trajectories);
        for (var i = 0; i < trajectories.Length; i++)
        {
            for (var step = 0; step < trajectories[i].Steps.Count; step++)
            {
                var start = trajectories[i].LineStarts[step];
                var line = trajectories[i].Steps[step].Line;
                int[] context = start < 0
                    ? [.. Trunk(fixture, snippet).Take(1 + snippet.Offset(line))]
                    : [.. Trunk(fixture, snippet).Take(trajectories[i].Attach), .. trajectories[i].Tokens.Take(start)];
                var expected = fixture.SequenceLogProbs(context, snippet.TokensOf(line).ToArray(), forbid: false);
                scores[i][step].Should().HaveCount(expected.Length);
                scores[i][step].Zip(expected, (a, b) => Math.Abs(a - b)).Max().Should().BeLessThan(1e-9);
            }
        }
    }

    [Fact]
    public void A_trajectory_depends_on_its_seed_and_not_on_its_neighbours_in_the_batch()
    {
        using var fixture = new Fixture();
        fixture.FavourThoughts();
        var alone = new LatentSampler(fixture.Decoder, fixture.Format, Options with { BatchSize = 1 })
            .SampleWhole(fixture.Snippets, i => new SeededRandom(6, "test", i));
        var together = new LatentSampler(fixture.Decoder, fixture.Format, Options with { BatchSize = 16 })
            .SampleWhole(fixture.Snippets, i => new SeededRandom(6, "test", i));
        for (var i = 0; i < alone.Count; i++)
        {
            together[i].Tokens.Should().Equal(alone[i].Tokens);
        }
    }

    private static int[] Trunk(Fixture fixture, Snippet snippet) => [fixture.Format.DocumentStart, .. snippet.Tokens];

    private static string Text(Fixture fixture, EncodedDocument document, EncodedAction action) =>
        fixture.Tokenizer.Decode(document.Tokens[action.Start..action.End]);

    private static bool IsCommentLine(string text) =>
        text.TrimStart(' ').StartsWith('#') && text.IndexOf('\n', StringComparison.Ordinal) == text.Length - 1;

    private static string SyntaxTree(string source)
    {
        var start = new ProcessStartInfo("python3", ["-c", "import ast, sys; print(ast.dump(ast.parse(sys.stdin.buffer.read())))"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        try
        {
            using var python = Process.Start(start)!;
            python.StandardInput.Write(source);
            python.StandardInput.Close();
            var tree = python.StandardOutput.ReadToEnd();
            python.WaitForExit();
            python.ExitCode.Should().Be(0, source);
            return tree;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("needs python3");
            throw;
        }
    }
}
