using System.Security.Cryptography;
using Ra3.Benchmarks;

namespace Ra3.Tests;

public sealed class OwnThreadTests
{
    private bool isInUse;

    [Fact]
    public async Task What_it_makes_arrives_in_order_and_on_another_thread()
    {
        var here = Environment.CurrentManagedThreadId;
        var items = await OwnThread.Run(_ => Enumerable.Range(0, 5).Select(i => (i, Environment.CurrentManagedThreadId)))
            .ToListAsync(TestContext.Current.CancellationToken);
        items.Select(item => item.i).Should().Equal(0, 1, 2, 3, 4);
        items.Should().OnlyContain(item => item.CurrentManagedThreadId != here);
    }

    [Fact]
    public async Task A_failure_of_the_thread_is_the_readers()
    {
        var read = async () => await OwnThread.Run<int>(_ => throw new InvalidDataException("weights")).ToListAsync();
        await read.Should().ThrowAsync<InvalidDataException>().WithMessage("weights");
    }

    /// <summary>As `ra3 eval` reads it; the token is stopped in the middle, and what decodes goes on for a while.</summary>
    [Fact]
    public async Task Ctrl_C_waits_for_the_thread()
    {
        using var stop = new CancellationTokenSource();
        var read = () => Parallel.ForEachAsync(OwnThread.Run(Decoding), stop.Token, (_, _) =>
        {
            stop.Cancel();
            return ValueTask.CompletedTask;
        });
        await read.Should().ThrowAsync<OperationCanceledException>();
        isInUse.Should().BeFalse("what is decoded with is freed now");
    }

    [Fact]
    public async Task A_failing_judge_and_a_reader_that_leaves_end_the_thread()
    {
        var judge = () => Parallel.ForEachAsync(OwnThread.Run(Decoding), (_, _) => throw new IOException("The disk is full."));
        await judge.Should().ThrowAsync<IOException>();
        isInUse.Should().BeFalse();
        await foreach (var _ in OwnThread.Run(Decoding))
        {
            break;
        }

        isInUse.Should().BeFalse();
    }

    /// <summary>Gives an item, then is in the middle of a token when it is cancelled.</summary>
    private IEnumerable<int> Decoding(CancellationToken stop)
    {
        Volatile.Write(ref isInUse, true);
        yield return 1;
        stop.WaitHandle.WaitOne();
        var token = new byte[1 << 20];
        for (var i = 0; i < 30; i++)
        {
            SHA256.HashData(token, token); // a token's time
        }

        Volatile.Write(ref isInUse, false);
    }
}
