using System.Diagnostics;
using System.Globalization;
using Ra3.Models;
using Ra3.Training;
using static TorchSharp.torch;

namespace Ra3.Bench.Engine;

/// <summary>
/// What is left of the speed beside another busy process, and what each way of waiting costs alone. How threads wait is settled when
/// the tensor library is loaded, so each measurement is a process of its own; the ways take turns, so that a busy minute of the machine
/// meets all of them.
/// </summary>
internal static class NeighbourBench
{
    public const string Child = "neighbour-child";
    private const int Rounds = 5;
    private static readonly (string Name, string? Variable, string? Value)[] Ways =
        [("spinning", null, null), ("passive", "OMP_WAIT_POLICY", "passive"), ("spin 1000", "GOMP_SPINCOUNT", "1000"), ("spin 10000", "GOMP_SPINCOUNT", "10000")];

    public static object Run()
    {
        var rates = Ways.ToDictionary(way => way.Name, _ => (Alone: new List<double[]>(), Beside: new List<double[]>()));
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var way in Ways)
            {
                rates[way.Name].Alone.Add(Measure(way.Variable, way.Value));
            }

            using var burner = Burner.Start();
            foreach (var way in Ways)
            {
                rates[way.Name].Beside.Add(Measure(way.Variable, way.Value));
            }
        }

        var best = Median(rates["spinning"].Alone);
        return Ways.Select(way =>
        {
            var (alone, beside) = (Median(rates[way.Name].Alone), Median(rates[way.Name].Beside));
            Console.WriteLine($"{way.Name,-11} alone: training {alone[0] / best[0],5:P0}, decoding {alone[1] / best[1],5:P0} of spinning;"
                + $" beside a burner {beside[0] / alone[0],4:P0}, {beside[1] / alone[1],4:P0} of its own speed alone");
            return new { way = way.Name, alone, beside };
        }).ToArray();
    }

    /// <summary>Steps of training the 4M shape, and stretches of decoding 8 sequences of it, a second: what the child prints.</summary>
    public static int RunChild()
    {
        var config = Shapes.Of("4M");
        using var decoder = Decoder.Create(config, 1, ScalarType.BFloat16, CPU);
        using var optimizer = new AdamW(decoder, new OptimizerOptions());
        var random = new Random(1);
        List<int[]> data = [.. Enumerable.Range(0, 8).Select(_ => Shapes.Tokens(random, 257, config.VocabularySize))];
        var training = PerSecond(() =>
        {
            NextTokenLoss.Backward(decoder, data, 8, 2048);
            optimizer.Step(1e-4);
        });
        var decoding = PerSecond(() =>
        {
            var (batch, decode) = GenerationBench.Prepare(decoder, 8, 128);
            using (batch)
            {
                decode();
            }
        });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{training} {decoding}"));
        return 0;
    }

    /// <summary>Times a second over two seconds, after a warm start.</summary>
    private static double PerSecond(Action work)
    {
        work();
        work();
        var (times, clock) = (0, Stopwatch.StartNew());
        while (clock.Elapsed < TimeSpan.FromSeconds(2))
        {
            work();
            times++;
        }

        return times / clock.Elapsed.TotalSeconds;
    }

    private static double[] Measure(string? variable, string? value)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [.. Assembly(), Child]) { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var name in new[] { "OMP_WAIT_POLICY", "GOMP_SPINCOUNT" })
        {
            start.Environment.Remove(name);
        }

        if (variable is not null)
        {
            start.Environment[variable] = value;
        }

        using var process = Process.Start(start)!;
        var line = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return [.. line.Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture))];
    }

    /// <summary>The program's own file where `dotnet` runs it.</summary>
    private static string[] Assembly() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(NeighbourBench).Assembly.Location] : [];

    private static double[] Median(List<double[]> rounds) =>
        [.. Enumerable.Range(0, rounds[0].Length).Select(i => rounds.Select(round => round[i]).Order().ElementAt(rounds.Count / 2))];

    /// <summary>A process that keeps one core busy.</summary>
    private sealed class Burner(Process process) : IDisposable
    {
        public static Burner Start() => new(Process.Start("sh", ["-c", "while :; do :; done"]));

        public void Dispose()
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
    }
}
