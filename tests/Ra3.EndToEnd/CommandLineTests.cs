using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Ra3.Tests;

public sealed class CommandLineTests
{
    [Fact]
    public async Task Help_goes_to_standard_output_and_ends_with_an_example()
    {
        var (code, output, error) = await Ra3Command.RunAsync("data", "get", "--help");
        code.Should().Be(0);
        error.Should().BeEmpty();
        output.TrimEnd().Split('\n')[^1].Should().StartWith("  ra3 data get ");
    }

    [Fact]
    public async Task Wrong_usage_is_exit_code_2_with_a_suggestion_on_standard_error()
    {
        var (code, output, error) = await Ra3Command.RunAsync("doctr");
        code.Should().Be(2);
        output.Should().BeEmpty();
        error.Should().Contain("doctor").And.Contain("ra3 --help");
    }

    [Fact]
    public async Task A_failure_is_one_sentence_and_exit_code_1()
    {
        var (code, output, error) = await Ra3Command.RunAsync("data", "get", "humaneval", "--from", "/no/such/file", "--to", "/no/such/folder");
        code.Should().Be(1);
        output.Should().BeEmpty();
        error.Should().Be("ra3: There is no /no/such/file to import HumanEval.jsonl.gz from.\n");
    }

    [Fact]
    public async Task On_a_pipe_there_is_no_escape_sequence_and_no_line_is_broken()
    {
        var (code, output, _) = await Ra3Command.RunAsync("data", "list");
        code.Should().Be(0);
        output.Should().NotContain("\e").And.Contain("leetcode-train").And.Contain("MIT (repo); LeetCode statements");
        output.Split('\n').Count(line => line.TrimStart().StartsWith("livecodebench ", StringComparison.Ordinal)).Should().Be(1, "a set is a row, however many files it has");
    }

    [Fact]
    public async Task With_json_standard_output_is_json_and_nothing_else()
    {
        var (code, output, _) = await Ra3Command.RunAsync("data", "list", "--json");
        code.Should().Be(0);
        JsonDocument.Parse(output).RootElement.EnumerateArray().Should().HaveCountGreaterThan(9);
    }

    [Fact]
    public async Task Ctrl_C_stops_a_command_that_waits_and_leaves_nothing_behind()
    {
        // A proxy that accepts and says nothing: the download hangs until it is interrupted.
        var folder = Directory.CreateTempSubdirectory("ra3-e2e-");
        using var proxy = new TcpListener(IPAddress.Loopback, 0);
        proxy.Start();
        var address = $"http://127.0.0.1:{((IPEndPoint)proxy.LocalEndpoint).Port}";
        using var process = Ra3Command.Start(new Dictionary<string, string> { ["HTTPS_PROXY"] = address, ["https_proxy"] = address }, "data", "get", "humaneval", "--to", folder.FullName);
        using var connection = await proxy.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"]))
        {
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        var (code, _, error) = await Ra3Command.EndAsync(process);
        code.Should().Be(130);
        error.Should().Contain("Stopping").And.Contain("Stopped.");
        folder.EnumerateFileSystemInfos().Should().BeEmpty();
        folder.Delete();
    }
}
