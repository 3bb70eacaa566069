using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>One sandbox for all tests that judge; where there is none they skip, each by its name.</summary>
public sealed class Pool : IAsyncLifetime
{
    private SandboxPool? pool;
    private string reason = "";

    public SandboxPool Sandbox
    {
        get
        {
            Assert.SkipWhen(pool is null, "no sandbox is to be had here: " + reason);
            return pool!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        try
        {
            pool = await SandboxPool.StartAsync(new SandboxOptions());
        }
        catch (SandboxUnavailableException e)
        {
            reason = e.Message;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (pool is not null)
        {
            await pool.DisposeAsync();
        }
    }
}
