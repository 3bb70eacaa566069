using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Ra3.Benchmarks;

/// <summary>Runs an enumeration on a thread of its own: tensors' scopes and modes belong to the thread that opened
/// them.</summary>
internal static class OwnThread
{
    /// <summary>The items as they come. However reading ends (its last item, an exception on either side, a cancelled
    /// token, a reader that leaves), the enumeration is cancelled and its thread waited for: what it uses may be freed
    /// afterwards.</summary>
    /// <param name="produce">Called once, on the thread; is to look at its token between two steps.</param>
    /// <param name="stop">Cancels.</param>
    public static async IAsyncEnumerable<T> Run<T>(
        Func<CancellationToken, IEnumerable<T>> produce, [EnumeratorCancellation] CancellationToken stop = default)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var items = Channel.CreateUnbounded<T>();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(Produce) { IsBackground = true, Name = "author" }.Start();
        try
        {
            await foreach (var item in items.Reader.ReadAllAsync(stop).ConfigureAwait(false))
            {
                yield return item;
            }
        }
        finally
        {
            await cancel.CancelAsync().ConfigureAwait(false);
            await ended.Task.ConfigureAwait(false);
        }

        void Produce()
        {
            try
            {
                foreach (var item in produce(cancel.Token))
                {
                    items.Writer.TryWrite(item);
                }

                items.Writer.Complete();
            }
            catch (Exception e)
            {
                items.Writer.Complete(e); // rethrown where the items are read
            }
            finally
            {
                ended.SetResult();
            }
        }
    }
}
