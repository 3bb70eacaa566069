using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Ra3.Sandbox;

/// <summary>Bait on the host, and the check that nobody took it.</summary>
internal sealed class HostWatch : IDisposable
{
    private const int Port = 47631;
    private const int ForbiddenPort = 47632;
    private const string SysVKey = "23420"; // 0x5b7c
    private readonly string canary = Path.Combine(Path.GetTempPath(), "ra3-hostile", "canary");
    private readonly TcpListener tcp = new(IPAddress.Loopback, Port);
    private readonly List<Socket> sockets = [];

    /// <summary>Sets the bait.</summary>
    /// <exception cref="IOException">The bait's port is taken: another catalogue is running.</exception>
    public HostWatch()
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new SandboxUnavailableException("The catalogue needs Linux.");
        }

        Directory.CreateDirectory(canary);
        foreach (var stale in Directory.GetFileSystemEntries(canary))
        {
            File.Delete(stale);
        }

        File.WriteAllText(Path.Combine(canary, "secret.txt"), "CANARY");
        const UnixFileMode readWrite = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead
            | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        File.SetUnixFileMode(Path.Combine(canary, "secret.txt"), readWrite);
        File.SetUnixFileMode(canary, readWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        try
        {
            tcp.Start();
            Bait(new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp), new IPEndPoint(IPAddress.Loopback, Port));
            if (Socket.OSSupportsIPv6)
            {
                Bait(new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp), new IPEndPoint(IPAddress.IPv6Loopback, Port));
            }

            Bait(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint("\0sbx-canary"));
            sockets[^1].Listen();
        }
        catch (SocketException e) when (e.SocketErrorCode is not SocketError.AddressNotAvailable)
        {
            Dispose();
            throw new IOException($"Port {Port} on loopback is taken ({e.Message}): wait until the other catalogue run has ended.", e);
        }
    }

    /// <summary>What does not hold any more.</summary>
    public IEnumerable<string> Complaints()
    {
        var left = Directory.GetFileSystemEntries(canary).Select(Path.GetFileName).ToList();
        if (left is not ["secret.txt"] || File.ReadAllText(Path.Combine(canary, "secret.txt")) != "CANARY")
        {
            yield return "the canary folder was changed: " + string.Join(", ", left);
        }

        foreach (var folder in new[] { Path.GetTempPath(), "/var/tmp", "/dev/shm" }.Where(Directory.Exists))
        {
            foreach (var trace in Directory.GetFileSystemEntries(folder, "sbx*"))
            {
                yield return "a file was left: " + trace;
            }
        }

        if (Directory.GetFiles("/", "core*").Concat(Directory.GetFiles(".", "core*")).Any())
        {
            yield return "a core file was left";
        }

        if (tcp.Pending() || sockets.Exists(s => s.Poll(0, SelectMode.SelectRead)))
        {
            yield return "a listener was contacted";
        }

        if (IsListenedOn(ForbiddenPort))
        {
            yield return $"something listens on port {ForbiddenPort}";
        }

        foreach (var kind in new[] { "shm", "msg", "sem" })
        {
            var table = "/proc/sysvipc/" + kind;
            if (File.Exists(table) && File.ReadLines(table).Any(l => l.TrimStart().StartsWith(SysVKey + " ", StringComparison.Ordinal)))
            {
                yield return "a System V object was left: " + kind;
            }
        }
    }

    /// <summary>Number of processes under the pool's workers, workers included, plus supervisors that belong to nobody.</summary>
    public static int CountProcesses(SandboxPool pool)
    {
        var parents = new Dictionary<int, int>();
        var strays = 0;
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            {
                continue;
            }

            try
            {
                var stat = File.ReadAllText(folder + "/stat");
                var parent = int.Parse(stat[(stat.LastIndexOf(')') + 4)..].Split(' ')[0], CultureInfo.InvariantCulture);
                parents[id] = parent;
                if (parent == 1 && File.ReadAllText(folder + "/cmdline").Contains(Worker.Mark, StringComparison.Ordinal))
                {
                    strays++;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended while we looked.
            }
        }

        var ours = pool.WorkerProcessIds.ToHashSet();
        bool Belongs(int id)
        {
            for (var at = id; at > 1; at = parents.GetValueOrDefault(at))
            {
                if (ours.Contains(at))
                {
                    return true;
                }
            }

            return false;
        }

        return parents.Keys.Count(Belongs) + strays;
    }

    /// <summary>Whether there stay more processes than before; one that is just ending gets a moment.</summary>
    public static async Task<bool> LeavesProcessesAsync(SandboxPool pool, int before, CancellationToken ct)
    {
        for (var attempt = 0; attempt < 30; attempt++)
        {
            if (CountProcesses(pool) <= before)
            {
                return false;
            }

            await Task.Delay(100, ct);
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        tcp.Dispose();
        sockets.ForEach(s => s.Dispose());
        if (Directory.Exists(canary))
        {
            Directory.Delete(Path.GetDirectoryName(canary)!, recursive: true);
        }
    }

    private void Bait(Socket socket, EndPoint address)
    {
        sockets.Add(socket);
        socket.Bind(address);
    }

    /// <summary>Whether something on this host listens on a TCP port. Asked of the kernel's table: trying to connect can succeed where nobody
    /// listens, when the kernel gives the attempt that same port to come from.</summary>
    internal static bool IsListenedOn(int port) =>
        IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Any(listener => listener.Port == port);
}
