using System.Net;
using System.Net.Sockets;

namespace Ra3.Sandbox;

/// <summary>Small escape attempts that every new pool must hold in before it judges anything.</summary>
internal static class Canaries
{
    private const string Seen = "CANARY-RAN";
    private static readonly Limits Limits = new(CpuSeconds: 2, WallSeconds: 10, MemoryMb: 256);

    /// <summary>Runs them all.</summary>
    /// <exception cref="SandboxUnavailableException">One got out, or did not run at all.</exception>
    public static async Task CheckAsync(SandboxPool pool, CancellationToken ct)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        string Attempt(string code) => "import os, sys\ntry:\n    " + code.Replace("\n", "\n    ", StringComparison.Ordinal)
            + $"\nexcept (OSError, ImportError): pass\nprint('{Seen}')\ndef f(): return 1\n";
        var attempts = new (string Name, string Code, bool MayDie)[]
        {
            ("print", "pass", false),
            ("read a file of the host", "open('/etc/passwd').read(); print('ESCAPED')", false),
            ("write a file", "open('/tmp/ra3-canary', 'w'); print('ESCAPED')", false),
            ("reach the network", $"import socket; socket.create_connection(('127.0.0.1', {port}), 1); print('ESCAPED')", false),
            ("send a signal to its parent", "os.kill(os.getppid(), 0); print('ESCAPED')", false),
            ("fork", "os.fork(); print('ESCAPED')", false),
            ("run another program", "os.execv(sys.executable, ['python', '-c', 'print(\"ESCAPED\")'])", false),
            ("trace its parent", "import ctypes\nif ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0: print('ESCAPED')", true),
        };
        foreach (var (name, code, mayDie) in attempts)
        {
            if (pool.Tier == SandboxTier.Unsafe && name != "print")
            {
                break; // nothing is promised there
            }

            var verdict = await pool.JudgeAsync(
                new CasesRequest(Attempt(code), "f", [new TestCase("[[],{\"d\":[]}]", v => v.IsTrue, null)], Limits), ct);
            if (verdict.Stdout.Contains("ESCAPED", StringComparison.Ordinal) || listener.Pending())
            {
                throw new SandboxUnavailableException($"a canary program could {name}");
            }

            if (!verdict.Stdout.Contains(Seen, StringComparison.Ordinal) && !(mayDie && verdict.Kind == VerdictKind.SandboxViolation))
            {
                throw new SandboxUnavailableException($"the canary program \"{name}\" did not run: {verdict.Name}, {verdict.Detail}");
            }
        }
    }
}
