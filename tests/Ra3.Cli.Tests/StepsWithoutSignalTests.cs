using Ra3.Cli.Training;

namespace Ra3.Tests;

public sealed class StepsWithoutSignalTests
{
    [Fact]
    public void The_first_step_that_taught_nothing_is_pointed_out_and_all_are_counted_at_the_end()
    {
        var steps = new StepsWithoutSignal("step");
        steps.After(1, 0.5, "").Should().BeNull();
        steps.After(2, 1, "").Should().Be("step 2: the members of every group were rewarded alike, so it taught nothing.");
        steps.After(3, 1, "").Should().BeNull();
        foreach (var step in new[] { 4, 5, 6, 7, 8 })
        {
            steps.After(step, step % 2, "Do this.").Should().BeNull();
        }

        steps.AtEnd().Should().Be("In 4 of 8 steps no group had signal; they taught nothing.");
    }

    [Fact]
    public void A_run_that_learns_nothing_says_so_early_with_the_remedy()
    {
        var steps = new StepsWithoutSignal("step");
        var said = Enumerable.Range(1, 20).Select(step => steps.After(step, 1, "Take easier problems.")).ToList();
        said[4].Should().StartWith("Nothing has been learnt in 5 steps").And.EndWith("Take easier problems.");
        said.Count(note => note is not null).Should().Be(2);
    }

    [Fact]
    public void A_run_that_always_learns_says_nothing()
    {
        var steps = new StepsWithoutSignal("step");
        Enumerable.Range(1, 20).Select(step => steps.After(step, 0.9, "")).Should().OnlyContain(note => note == null);
        steps.AtEnd().Should().BeNull();
    }
}
