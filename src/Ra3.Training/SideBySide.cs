using System.Runtime.ExceptionServices;
using Ra3.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Ra3.Training;

/// <summary>
/// Independent pieces of sampling or scoring with a small decoder, one a core. The operations of decoding are too short to be divided
/// among threads, which wait for each other at the end of every one of them; whole pieces side by side have nothing to wait for
/// (measured: an E-step samples in 0.6 of the time on two cores). What is computed does not depend on how many run at once.
/// Training steps gain nothing from it: their operations are long enough.
/// </summary>
public static class SideBySide
{
    private const long MostParameters = 20_000_000; // larger ones keep all cores busy with one piece, and need the memory

    /// <summary>Pieces that run at once for a decoder: its threads on a CPU if it is small, else 1.</summary>
    private static int Workers(Decoder decoder) =>
        decoder.Device.type == DeviceType.CPU && decoder.Config.ParameterCount() <= MostParameters ? get_num_threads() : 1;

    /// <summary>Does each piece once; the first exception by number of piece is thrown when all are done.</summary>
    /// <param name="decoder">What the pieces compute with.</param>
    /// <param name="pieces">How many.</param>
    /// <param name="work">Given the number of a piece; may run on any thread, with gradients on or off as here.</param>
    public static void Run(Decoder decoder, int pieces, Action<int> work)
    {
        var workers = Math.Min(Workers(decoder), pieces);
        if (workers < 2)
        {
            for (var piece = 0; piece < pieces; piece++)
            {
                work(piece);
            }

            return;
        }

        var threads = get_num_threads();
        var gradients = is_grad_enabled();
        var failures = new Exception?[pieces];
        var next = -1;
        var others = Enumerable.Range(1, workers - 1).Select(_ => new Thread(Work) { IsBackground = true }).ToList();
        others.ForEach(thread => thread.Start());
        Work();
        others.ForEach(thread => thread.Join());
        set_num_threads(threads);
        if (Array.Find(failures, failure => failure is not null) is { } first)
        {
            ExceptionDispatchInfo.Throw(first);
        }

        void Work()
        {
            using var mode = set_grad_enabled(gradients);
            set_num_threads(threads / workers);
            while (Interlocked.Increment(ref next) is var piece && piece < pieces)
            {
                try
                {
                    work(piece);
                }
                catch (Exception e)
                {
                    failures[piece] = e;
                }
            }
        }
    }
}
