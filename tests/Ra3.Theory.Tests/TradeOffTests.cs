using CsCheck;

namespace Ra3.Theory.Tests;

public sealed class TradeOffTests
{
    private static readonly Gen<int[]> Programs = Gen.Int[0, 1].Array[AbstractionTradeOff.ProgramLength];

    [Fact]
    public void The_expert_demonstrates_the_program() => Programs.Sample(
        program => AbstractionTradeOff.Demonstrate(AbstractionTradeOff.Task(program)).Should().Equal(program), iter: 20);

    [Fact]
    public void Pruning_error_is_zero_exactly_when_every_segment_was_demonstrated() =>
        Gen.Select(Programs.Array[2, 6], Programs, Gen.Int[0, 5].Select(i => AbstractionTradeOff.Granularities[i])).Sample(
            (demonstrations, program, k) =>
            {
                ActionAbstraction[] retained = AbstractionTradeOff.Retain(demonstrations, k);
                HashSet<string> known = [.. demonstrations.SelectMany(d => d.Chunk(k)).Select(segment => string.Concat(segment))];
                retained.Length.Should().Be(known.Count);
                bool covered = program.Chunk(k).All(segment => known.Contains(string.Concat(segment)));
                AbstractionTradeOff.Outcome outcome = AbstractionTradeOff.Solve(new Random(0), program, retained, k);
                outcome.PruningError.Should().BeApproximately(covered ? 0 : 1, 1e-9);
                outcome.LearningError.Should().OnlyContain(error => error >= -1e-9 && error <= 1 + 1e-9);
            },
            iter: 30);

    [Fact]
    public void One_abstraction_that_is_the_program_leaves_nothing_to_learn()
    {
        int[] program = [0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0];
        AbstractionTradeOff.Outcome outcome = AbstractionTradeOff.Solve(new Random(0), program, AbstractionTradeOff.Retain([program], 12), 12);
        outcome.LearningError.Should().OnlyContain(error => Math.Abs(error) < 1e-12);
    }

    [Fact]
    public void The_learner_learns()
    {
        int[] program = [0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0];
        ActionAbstraction[] retained = AbstractionTradeOff.Retain([program], 4);
        AbstractionTradeOff.Outcome outcome = AbstractionTradeOff.Solve(new Random(0), program, retained, 4);
        outcome.PruningError.Should().BeApproximately(0, 1e-12);
        outcome.LearningError[^1].Should().BeLessThan(0.05, "three positions with three abstractions each are 27 programs");
    }
}
