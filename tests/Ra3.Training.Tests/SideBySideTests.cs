using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.Training.Tests;

public sealed class SideBySideTests
{
    [Fact]
    public void Every_piece_is_done_once_with_gradients_as_the_caller_has_them()
    {
        using var decoder = Decoder.Create(TrainingTests.Config, 1, ScalarType.Float32, CPU);
        var done = new int[40];
        var before = get_num_threads();
        set_num_threads(4);
        try
        {
            using (no_grad())
            {
                SideBySide.Run(decoder, done.Length, i => done[i] += is_grad_enabled() ? 100 : 1);
            }

            get_num_threads().Should().Be(4, "the caller's threads are given back");
        }
        finally
        {
            set_num_threads(before);
        }

        done.Should().OnlyContain(count => count == 1);
    }

    [Fact]
    public void The_first_failure_by_number_reaches_the_caller()
    {
        using var decoder = Decoder.Create(TrainingTests.Config, 1, ScalarType.Float32, CPU);
        var act = () => SideBySide.Run(decoder, 10, i =>
        {
            if (i is 3 or 7)
            {
                throw new InvalidDataException($"piece {i}");
            }
        });
        act.Should().Throw<InvalidDataException>().WithMessage("piece 3");
    }
}
