using System.Runtime.InteropServices;
using Ra3.Cli;

namespace Ra3.Tests;

public sealed class FailureTests
{
    [Fact]
    public void A_full_disk_comes_with_a_remedy() =>
        Failure.Sentence(new IOException("No space left on device : '/data/run/model.safetensors'", 28))
            .Should().StartWith("No space left on device").And.Contain("Free some space");

    [Fact]
    public void An_argument_error_does_not_name_the_parameter_in_the_source() =>
        Failure.Sentence(new ArgumentException("The context must be at least 16 tokens.", "context"))
            .Should().Be("The context must be at least 16 tokens.");

    [Fact]
    public void Exhausted_tensor_memory_comes_with_a_remedy() =>
        Failure.Sentence(new ExternalException("DefaultCPUAllocator: not enough memory: you tried to allocate 99999999 bytes."))
            .Should().Contain("smaller batch");

    [Fact]
    public void What_only_a_defect_throws_is_not_passed_off_as_the_users_mistake()
    {
        Failure.Sentence(new InvalidOperationException("x")).Should().BeNull();
        Failure.Sentence(new ArgumentNullException("x")).Should().BeNull();
    }
}
