using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>One pool for the tests that only judge programs.</summary>
public sealed class PoolFixture : IAsyncLifetime
{
    private SandboxPool? pool;

    public SandboxPool Pool
    {
        get
        {
            if (pool is null)
            {
                Assert.Skip("no sandbox is to be had here: neither the landlock nor the namespaces tier");
            }

            return pool!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        try
        {
            pool = await SandboxPool.StartAsync(new SandboxOptions { Workers = 2 });
        }
        catch (SandboxUnavailableException)
        {
            // The tests skip, each by its name.
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
