using System.Collections.Concurrent;
using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>Which tiers this machine offers; a test of a tier that is not to be had skips and says why.</summary>
internal static class Sandboxes
{
    private static readonly ConcurrentDictionary<SandboxTier, Lazy<Task<string?>>> Reasons = new();

    public static async Task RequireAsync(SandboxTier tier)
    {
        if (await ReasonAsync(tier) is { } reason)
        {
            Assert.Skip($"the {tier.ToString().ToLowerInvariant()} tier is not to be had here: {reason}");
        }
    }

    /// <summary>The plainer tier where both are there: most tests hold in any.</summary>
    public static async Task<SandboxTier> AnyTierAsync()
    {
        if (await ReasonAsync(SandboxTier.Landlock) is null)
        {
            return SandboxTier.Landlock;
        }

        await RequireAsync(SandboxTier.Namespaces);
        return SandboxTier.Namespaces;
    }

    public static async Task<SandboxPool> StartAsync(int workers = 1) => await SandboxPool.StartAsync(
        new SandboxOptions { Tier = await AnyTierAsync(), Workers = workers }, TestContext.Current.CancellationToken);

    private static Task<string?> ReasonAsync(SandboxTier tier) => Reasons.GetOrAdd(tier, t => new Lazy<Task<string?>>(async () =>
    {
        try
        {
            await using var pool = await SandboxPool.StartAsync(new SandboxOptions { Tier = t, Workers = 1 });
            return null;
        }
        catch (SandboxUnavailableException e)
        {
            return e.Message;
        }
    })).Value;
}
