using System.Net;
using System.Net.Sockets;
using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>Every program of the hostile catalogue is met, in both tiers. One class: the bait on the host is shared.</summary>
public sealed class CatalogueTests
{
    [Theory]
    [InlineData(SandboxTier.Namespaces)]
    [InlineData(SandboxTier.Landlock)]
    public async Task The_hostile_catalogue_is_met(SandboxTier tier)
    {
        var folder = SharedData.Require("sandbox/hostile");
        await Sandboxes.RequireAsync(tier);

        var results = await Catalogue.RunAsync(folder, new SandboxOptions { Tier = tier }, ct: TestContext.Current.CancellationToken);

        results.Should().HaveCountGreaterThan(100);
        results.Where(r => !r.IsMet).Select(r => $"{r.Case.File} [{r.Mode}]: {string.Join("; ", r.Problems)}").Should().BeEmpty();
        results.Should().OnlyContain(r => r.Verdict.Tier == tier);
    }

    [Fact]
    public void A_listener_is_noticed_and_a_connection_is_none()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        client.Connect((IPEndPoint)listener.LocalEndpoint);

        HostWatch.IsListenedOn(((IPEndPoint)listener.LocalEndpoint).Port).Should().BeTrue();
        HostWatch.IsListenedOn(((IPEndPoint)client.Client.LocalEndPoint!).Port).Should().BeFalse();
    }

    [Fact]
    public async Task Attacks_on_the_judge_fail_in_split_mode_too()
    {
        var folder = SharedData.Require("sandbox/hostile");
        var tier = await Sandboxes.AnyTierAsync();
        var chosen = Catalogue.Load(folder).Where(c => c.Category is "forge" or "lie" or "steal" or "control").ToList();
        await using var pool = await SandboxPool.StartAsync(new SandboxOptions { Tier = tier }, TestContext.Current.CancellationToken);

        var verdicts = await Task.WhenAll(chosen.Select(async c =>
        {
            var program = await File.ReadAllTextAsync(Path.Combine(folder, c.File));
            var tests = await File.ReadAllTextAsync(Path.Combine(folder, c.Tests));
            var limits = new Limits(c.Limits.CpuSeconds, c.Limits.WallSeconds, c.Limits.MemoryMb, c.Limits.OutputBytes);
            return (Case: c, Verdict: await pool.JudgeAsync(new SplitRequest(program, c.EntryPoint, tests, "", limits)));
        }));

        verdicts.Where(v => !v.Case.Accept.Contains(v.Verdict.Name)).Select(v => $"{v.Case.File}: {v.Verdict.Name} {v.Verdict.Detail}")
            .Should().BeEmpty();
    }
}
