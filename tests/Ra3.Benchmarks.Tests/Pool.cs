using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>One sandbox for all tests that judge; where there is none they skip, each by its name.</summary>
public sealed class Pool : IAsyncLifetime
{
    private SandboxPool? _pool;
    private string _reason = "";

    public SandboxPool Sandbox
    {
        get
        {
            Assert.SkipWhen(_pool is null, "no sandbox is to be had here: " + _reason);
            return _pool!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        try
        {
            _pool = await SandboxPool.StartAsync(new SandboxOptions());
        }
        catch (SandboxUnavailableException e)
        {
            _reason = e.Message;
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
