using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Ra3.Cli.Data;

namespace Ra3.Tests;

public sealed class DataStoreTests : IAsyncDisposable
{
    private static readonly byte[] Content = RandomNumberGenerator.GetBytes(300_000);

    private readonly string folder = Directory.CreateTempSubdirectory("ra3-data-").FullName;
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly HttpClient http = new() { Timeout = Timeout.InfiniteTimeSpan };
    private readonly CancellationTokenSource over = new();
    private readonly DataStore store;
    private readonly Task serving;
    private string? response; // status line and headers; null stands for a plain 200
    private byte[] body = Content;
    private int requests;

    public DataStoreTests()
    {
        store = new DataStore(Path.Combine(folder, "store"), TimeSpan.FromSeconds(20));
        listener.Start();
        serving = ServeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync(); // a connection that the client opened and never used would keep the server waiting
        listener.Stop();
        await serving;
        http.Dispose();
        over.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_whole_download_is_kept_and_found_again()
    {
        var received = new List<long>();
        await DownloadAsync(received.Add);
        File.ReadAllBytes(store.PathOf(Wanted)).AsSpan().SequenceEqual(Content).Should().BeTrue();
        store.Has(Wanted).Should().BeTrue();
        received[^1].Should().Be(Content.Length);
        Leftovers().Should().BeEmpty();
    }

    [Fact]
    public async Task A_file_with_the_wrong_hash_is_not_kept_and_does_not_touch_what_is_there()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(store.PathOf(Wanted))!);
        await File.WriteAllBytesAsync(store.PathOf(Wanted), [7], TestContext.Current.CancellationToken);
        body = [.. Content];
        body[17] ^= 1;
        (await FailureAsync<InvalidDataException>()).Should().Contain("not the set.bin expected").And.Contain("--from PATH");
        (await File.ReadAllBytesAsync(store.PathOf(Wanted), TestContext.Current.CancellationToken)).Should().Equal([7]);
        store.Has(Wanted).Should().BeFalse();
        Leftovers().Should().BeEmpty();
    }

    [Fact]
    public async Task A_longer_file_is_refused()
    {
        body = [.. Content, 1];
        await FailureAsync<InvalidDataException>();
        File.Exists(store.PathOf(Wanted)).Should().BeFalse();
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")]
    public async Task A_torn_download_says_so_and_the_next_one_starts_clean(string head)
    {
        (response, body) = (head, Content[..1000]);
        (await FailureAsync<IOException>()).Should().Contain("broke off").And.Contain("Try again");
        Leftovers().Should().BeEmpty();

        (response, body) = (Head(Content.Length), Content);
        await DownloadAsync(_ => { });
        store.Has(Wanted).Should().BeTrue();
    }

    [Fact]
    public async Task A_missing_page_gives_its_address_and_a_remedy()
    {
        (response, body) = ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", []);
        (await FailureAsync<IOException>()).Should().Contain("answers 404").And.Contain(Wanted.Url.ToString()).And.Contain("--from PATH");
    }

    [Fact]
    public async Task Without_a_network_there_is_a_remedy()
    {
        var file = Wanted;
        listener.Stop();
        await serving;
        (await FluentActions.Awaiting(() => store.DownloadAsync(http, file, _ => { }, default)).Should().ThrowAsync<IOException>())
            .Which.Message.Should().Contain("could not be reached").And.Contain("--from PATH");
    }

    [Fact]
    public async Task A_silent_server_is_given_up()
    {
        response = "silent";
        var impatient = new DataStore(folder, TimeSpan.FromMilliseconds(50));
        (await FluentActions.Awaiting(() => impatient.DownloadAsync(http, Wanted, _ => { }, default)).Should().ThrowAsync<IOException>())
            .Which.Message.Should().Contain("stayed silent");
    }

    [Fact]
    public void A_copy_is_imported_only_if_it_is_the_right_one()
    {
        var good = Path.Combine(folder, "set.bin");
        var bad = Path.Combine(folder, "other.bin");
        File.WriteAllBytes(good, Content);
        File.WriteAllBytes(bad, Content[..^1]);

        FluentActions.Invoking(() => store.Import(Wanted, bad)).Should().Throw<InvalidDataException>().WithMessage("*other.bin is not the set.bin*");
        FluentActions.Invoking(() => store.Import(Wanted, Path.Combine(folder, "none"))).Should().Throw<FileNotFoundException>();
        store.Has(Wanted).Should().BeFalse();
        store.Import(Wanted, folder);
        store.Has(Wanted).Should().BeTrue();
        requests.Should().Be(0);
    }

    [Fact]
    public void The_catalogue_is_sound()
    {
        DataFile.Catalogue.Should().HaveCountGreaterThan(9);
        DataFile.Catalogue.Select(f => f.Name).Should().OnlyHaveUniqueItems();
        DataFile.Catalogue.Should().OnlyContain(f => f.Url.Scheme == "https" && f.Sha256.Length == 64 && f.Bytes > 0 && f.Items > 0 && f.Licence.Length > 0);
    }

    [Fact]
    public void The_catalogue_describes_the_real_files()
    {
        var real = new DataStore(SharedData.Require("data/benchmarks"), TimeSpan.Zero);
        var rlvr = new DataStore(SharedData.Require("data/rlvr"), TimeSpan.Zero);
        DataFile.Catalogue.Should().OnlyContain(f => real.Has(f) || rlvr.Has(f));
    }

    private DataFile Wanted => new(
        "set",
        "set.bin",
        Content.Length,
        1,
        Convert.ToHexStringLower(SHA256.HashData(Content)),
        new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/set.bin"),
        "none",
        "a test");

    private Task DownloadAsync(Action<long> progress) => store.DownloadAsync(http, Wanted, progress, TestContext.Current.CancellationToken);

    private async Task<string> FailureAsync<T>()
        where T : Exception =>
        (await FluentActions.Awaiting(() => DownloadAsync(_ => { })).Should().ThrowAsync<T>()).Which.Message;

    private string[] Leftovers() => Directory.GetFiles(folder, "*.partial", SearchOption.AllDirectories);

    private static string Head(int length) => $"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n";

    private async Task ServeAsync()
    {
        var open = new List<TcpClient>();
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync();
                open.Add(client);
                requests++;
                var stream = client.GetStream();
                _ = await stream.ReadAsync(new byte[4096], over.Token);
                if (response == "silent")
                {
                    continue;
                }

                await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(response ?? Head(body.Length)));
                await stream.WriteAsync(body);
                client.Close();
            }
        }
        catch (Exception e) when (e is SocketException or InvalidOperationException or IOException or OperationCanceledException)
        {
            // the test is over, or the client hung up on purpose
        }
        finally
        {
            open.ForEach(c => c.Dispose());
        }
    }
}
