using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.PostTraining;

/// <summary>
/// Samples the batches of coming steps on a thread of its own, with a copy of the policy whose weights are renewed before
/// each batch. The batch of step s is begun only once the learner has done s − MaxStaleness steps. Which weights a batch
/// meets depends on the clock, so runs are not reproducible.
/// </summary>
internal sealed class AsyncRollouts : IDisposable
{
    private readonly Grpo grpo;
    private readonly Decoder policy;
    private readonly GrpoOptions options;
    private readonly BlockingCollection<RolloutBatch> ready = [];
    private readonly CancellationTokenSource cancel;
    private readonly Thread thread;
    private readonly object gate = new();
    private long version;
    private Exception? failure;

    public AsyncRollouts(Grpo grpo, Decoder policy, GrpoOptions options, long firstStep, CancellationToken stop)
    {
        (this.grpo, this.policy, this.options, version) = (grpo, policy, options, firstStep);
        cancel = CancellationTokenSource.CreateLinkedTokenSource(stop);
        // A thread, not a task: tensors' scopes and modes belong to the thread that opened them.
        thread = new Thread(() => Produce(firstStep)) { IsBackground = true, Name = "rollouts" };
        thread.Start();
    }

    /// <summary>The batch of the next step, when it is ready.</summary>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public RolloutBatch Next()
    {
        if (ready.TryTake(out var batch, Timeout.Infinite))
        {
            return batch;
        }

        cancel.Token.ThrowIfCancellationRequested();
        ExceptionDispatchInfo.Throw(failure ?? new InvalidOperationException("There are no more steps."));
        return batch!;
    }

    /// <summary>The learner has done so many steps.</summary>
    public void Learnt(long steps)
    {
        lock (gate)
        {
            version = steps;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Ends the thread.</summary>
    public void Dispose()
    {
        cancel.Cancel();
        lock (gate)
        {
            Monitor.PulseAll(gate);
        }

        thread.Join();
        ready.Dispose();
        cancel.Dispose();
    }

    private void Produce(long firstStep)
    {
        try
        {
            using var sampler = policy.Copy(trainable: false);
            for (var step = firstStep; step < options.Steps; step++)
            {
                WaitFor(step - options.MaxStaleness);
                var learnt = Renew(sampler);
                ready.Add(grpo.Collect(sampler, step, learnt, cancel.Token));
            }
        }
        catch (Exception e)
        {
            failure = e;
        }
        finally
        {
            ready.CompleteAdding();
        }
    }

    private void WaitFor(long steps)
    {
        using var registration = cancel.Token.Register(() =>
        {
            lock (gate)
            {
                Monitor.PulseAll(gate);
            }
        });
        lock (gate)
        {
            while (version < steps && !cancel.IsCancellationRequested)
            {
                Monitor.Wait(gate);
            }
        }

        cancel.Token.ThrowIfCancellationRequested();
    }

    /// <summary>Takes over the policy's weights. In a step of several updates they may be those between two of them: newer than
    /// the version says, and what is sampled carries its own log-probabilities.</summary>
    private long Renew(Decoder sampler)
    {
        using var noGrad = no_grad();
        lock (grpo.Weights)
        {
            var learnt = Interlocked.Read(ref version);
            foreach (var (name, weight) in policy.Parameters)
            {
                sampler.Parameters[name].copy_(weight);
            }

            sampler.Changed();
            return learnt;
        }
    }
}
