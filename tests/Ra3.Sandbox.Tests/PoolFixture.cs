using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>One pool for the tests that only judge programs.</summary>
public sealed class PoolFixture : IAsyncLifetime
{
    private SandboxPool? _pool;

    public SandboxPool Pool
    {
        get
        {
            if (_pool is null)
            {
                Assert.Skip("no sandbox is to be had here: neither the landlock nor the namespaces tier");
            }

            return _pool!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        try
        {
            _pool = await SandboxPool.StartAsync(new SandboxOptions { Workers = 2 });
        }
        catch (SandboxUnavailableException)
        {
            // The tests skip, each by its name.
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_pool is not null)
        {
            await _pool.DisposeAsync();
        }
    }
}
