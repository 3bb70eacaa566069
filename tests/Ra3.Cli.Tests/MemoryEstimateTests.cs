using Ra3.Cli.Training;

namespace Ra3.Tests;

public sealed class MemoryEstimateTests
{
    private static readonly Dictionary<string, long> Memory = new() { ["program"] = 10, ["weights and gradients"] = 90 };

    [Theory]
    [InlineData(106, false, true)]
    [InlineData(100, false, false)]
    [InlineData(95, true, true)] // the program itself is not on the GPU
    [InlineData(90, true, false)]
    public void A_run_is_held_against_the_memory_of_the_device_that_computes(long bytes, bool onGpu, bool fits) =>
        MemoryEstimate.Fits(Memory, (bytes, onGpu)).Should().Be(fits);
}
