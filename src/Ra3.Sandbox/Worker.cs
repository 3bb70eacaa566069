using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ra3.Sandbox;

/// <summary>One supervisor process, spoken to over its stdin and stdout; one job at a time.</summary>
internal sealed class Worker(Process process) : IDisposable
{
    /// <summary>Stands in the command line of every supervisor and all its children.</summary>
    public const string Mark = "Part 1 of the supervisor";

    private const int MaxHeader = 1 << 20;
    private const int MaxBlob = (1 << 30) + (1 << 20); // more than any limit lets through
    private const int MaxBlobs = 4;
    private static readonly string Source = string.Concat(
        new[] { "confine", "wire", "candidate", "split", "tests", "judge", "trial", "cases", "supervisor" }.Select(ReadPart));

    private readonly Stream input = process.StandardInput.BaseStream;
    private readonly Stream output = process.StandardOutput.BaseStream;

    /// <summary>What the supervisor said of itself: Python's version, Landlock's.</summary>
    public JsonElement Greeting { get; private set; }

    /// <summary>The supervisor's process id (under bubblewrap: bubblewrap's).</summary>
    public int ProcessId => process.Id;

    /// <summary>Starts a supervisor and waits until it has confined its first child.</summary>
    /// <exception cref="SandboxUnavailableException">It refused, with its reason.</exception>
    public static async Task<Worker> StartAsync(SandboxTier tier, Interpreter python, CancellationToken ct)
    {
        var isRoot = Environment.IsPrivilegedProcess;
        var start = tier == SandboxTier.Namespaces ? Bubblewrap.Command(python, isRoot) : new ProcessStartInfo(python.Executable);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.WorkingDirectory = "/";
        start.Environment.Clear();
        // Sets of strings then iterate in the same order everywhere: a verdict does not depend on the worker.
        start.Environment["PYTHONHASHSEED"] = "0";
        start.Environment["HOME"] = "/";
        start.Environment["PATH"] = "/usr/local/bin:/usr/bin:/bin";
        // Large blocks in huge pages: a program that fills its memory then meets the limit long before the clock.
        start.Environment["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1";
        foreach (var argument in new[] { "-s", "-S", "-B", "-c", Source })
        {
            start.ArgumentList.Add(argument);
        }

        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new SandboxUnavailableException($"{start.FileName} does not start: {e.Message}.", e);
        }

        var complaints = new StringBuilder();
        process.ErrorDataReceived += (_, line) =>
        {
            lock (complaints)
            {
                if (complaints.Length < 4096)
                {
                    complaints.AppendLine(line.Data);
                }
            }
        };
        process.BeginErrorReadLine();
        var worker = new Worker(process);
        try
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
            deadline.CancelAfter(TimeSpan.FromSeconds(30));
            var settings = new JsonObject
            {
                ["confine"] = tier != SandboxTier.Unsafe,
                // As root every worker gets a user id of its own, which no account uses: limits on processes then
                // count its programs alone, and workers cannot reach each other.
                ["uid"] = isRoot && tier != SandboxTier.Unsafe ? 1_900_000_000 + process.Id : 0,
                ["processes"] = isRoot || tier == SandboxTier.Namespaces ? 64 : CountOwnThreads() + 512,
                ["readable"] = new JsonArray(python.Libraries.Append("/dev/urandom").Append("/dev/zero")
                    .Select(p => (JsonNode)p).ToArray()),
            };
            await worker.WriteAsync(settings, [], deadline.Token);
            var (greeting, _) = await worker.ReadAsync(deadline.Token);
            worker.Greeting = greeting;
            if (greeting.TryGetProperty("refused", out var reason))
            {
                throw new SandboxUnavailableException(reason.GetString()!);
            }

            return worker;
        }
        catch (Exception e)
        {
            worker.Dispose();
            if (e is SandboxUnavailableException || ct.IsCancellationRequested)
            {
                throw;
            }

            lock (complaints)
            {
                var said = complaints.Length > 0 ? complaints.ToString().Trim() : "the supervisor does not answer";
                throw new SandboxUnavailableException(said, e);
            }
        }
    }

    /// <summary>Runs one job.</summary>
    /// <param name="job">The job's header.</param>
    /// <param name="program">The program's text.</param>
    /// <param name="payload">Arguments, input or tests, as the mode says.</param>
    /// <param name="patience">How long the reply may take before the worker counts as hung.</param>
    /// <param name="ct">Cancels; the worker is then of no more use.</param>
    /// <param name="early">Given the first part of the result while the program still runs; true ends it.</param>
    /// <exception cref="IOException">The worker died, hung or babbled; dispose of it.</exception>
    public async Task<(JsonElement Facts, byte[][] Outputs)> RunAsync(
        JsonObject job, byte[] program, byte[] payload, TimeSpan patience, CancellationToken ct, Func<byte[], bool>? early = null)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(patience);
        try
        {
            await WriteAsync(job, [program, payload], deadline.Token);
            for (var stopped = false; ;)
            {
                var (facts, outputs) = await ReadAsync(deadline.Token);
                if (!facts.TryGetProperty("more", out _))
                {
                    return outputs.Length == 4 ? (facts, outputs) : throw new InvalidDataException("a reply without its parts");
                }

                if (early is null || outputs.Length != 1)
                {
                    throw new InvalidDataException("a part that nobody asked for");
                }

                if (early(outputs[0]) && !stopped)
                {
                    stopped = true;
                    await WriteAsync(new JsonObject { ["stop"] = 1 }, [], deadline.Token);
                }
            }
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new IOException($"no reply within {patience.TotalSeconds:0} s", e);
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or InvalidOperationException or KeyNotFoundException)
        {
            throw new IOException("a reply that makes no sense: " + e.Message, e);
        }
    }

    /// <summary>Ends the worker and everything it started, at once.</summary>
    public void Dispose()
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception or AggregateException)
        {
            // It had ended already; or it belongs to another user by now, and the closed stdin below ends it.
        }

        try
        {
            input.Dispose();
        }
        catch (IOException)
        {
            // Closing flushes, and nobody reads any more.
        }

        output.Dispose();
        process.WaitForExit(5000);
        process.Dispose();
    }

    private async Task WriteAsync(JsonObject header, byte[][] blobs, CancellationToken ct)
    {
        header["blobs"] = new JsonArray(blobs.Select(b => (JsonNode)b.Length).ToArray());
        var text = Encoding.UTF8.GetBytes(header.ToJsonString());
        var frame = new byte[4 + text.Length + blobs.Sum(b => b.Length)];
        BinaryPrimitives.WriteInt32LittleEndian(frame, text.Length);
        text.CopyTo(frame, 4);
        var at = 4 + text.Length;
        foreach (var blob in blobs)
        {
            blob.CopyTo(frame, at);
            at += blob.Length;
        }

        await input.WriteAsync(frame, ct);
        await input.FlushAsync(ct);
    }

    private async Task<(JsonElement Header, byte[][] Blobs)> ReadAsync(CancellationToken ct)
    {
        var size = BinaryPrimitives.ReadInt32LittleEndian(await ReadExactlyAsync(4, ct));
        if (size is < 2 or > MaxHeader)
        {
            throw new InvalidDataException($"a header of {size} bytes");
        }

        using var document = JsonDocument.Parse(await ReadExactlyAsync(size, ct));
        var header = document.RootElement.Clone();
        var blobs = new List<byte[]>();
        foreach (var told in header.GetProperty("blobs").EnumerateArray())
        {
            if (!told.TryGetInt32(out var length) || length is < 0 or > MaxBlob || blobs.Count == MaxBlobs)
            {
                throw new InvalidDataException($"a part of {told} bytes");
            }

            blobs.Add(await ReadExactlyAsync(length, ct));
        }

        return (header, blobs.ToArray());
    }

    private async Task<byte[]> ReadExactlyAsync(int size, CancellationToken ct)
    {
        var bytes = new byte[size];
        await output.ReadExactlyAsync(bytes, ct);
        return bytes;
    }

    private static int CountOwnThreads()
    {
        // Limits on processes count all of a user's threads, this program's and the desktop's included.
        var user = GetUserId();
        var count = 0;
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(f => char.IsAsciiDigit(Path.GetFileName(f)[0])))
        {
            try
            {
                var status = File.ReadAllLines(folder + "/status");
                var uid = status.First(l => l.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1];
                if (uid == user.ToString(CultureInfo.InvariantCulture))
                {
                    count += int.Parse(status.First(l => l.StartsWith("Threads:", StringComparison.Ordinal)).Split('\t')[1], CultureInfo.InvariantCulture);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended while we looked.
            }
        }

        return count;
    }

    [DllImport("libc", EntryPoint = "getuid")]
    private static extern uint GetUserId();

    private static string ReadPart(string name)
    {
        using var stream = typeof(Worker).Assembly.GetManifestResourceStream(name + ".py")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd() + "\n";
    }
}
