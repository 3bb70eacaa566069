namespace Ra3.PostTraining.Tests;

public sealed class ProblemTests
{
    [Fact]
    public void A_sample_the_judge_failed_on_has_no_reward() => new Score(null, "harness_error").Value.Should().BeNull();
}
