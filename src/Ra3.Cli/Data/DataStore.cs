using System.Security.Cryptography;
using Ra3.Models.Files;

namespace Ra3.Cli.Data;

/// <summary>A folder of catalogue files. A file appears in it only whole and with the right hash.</summary>
/// <param name="folder">Created where absent.</param>
/// <param name="stall">How long a server may stay silent.</param>
internal sealed class DataStore(string folder, TimeSpan stall)
{
    private const int BufferSize = 1 << 16;

    public string PathOf(DataFile file) => Path.Combine(folder, file.Name);

    /// <summary>Whether the file lies there with the right content.</summary>
    public bool Has(DataFile file)
    {
        var path = new FileInfo(PathOf(file));
        return path.Exists && path.Length == file.Bytes && HashOf(path.FullName) == file.Sha256;
    }

    /// <summary>Copies a file that the user already has, if it is the right one.</summary>
    /// <param name="file">The file wanted.</param>
    /// <param name="source">The copy, or a folder that holds it under its name.</param>
    /// <exception cref="IOException">There is no such copy.</exception>
    /// <exception cref="InvalidDataException">The copy has other content.</exception>
    public void Import(DataFile file, string source)
    {
        var path = Directory.Exists(source) ? Path.Combine(source, file.Name) : source;
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is no {path} to import {file.Name} from.", path);
        }

        if (HashOf(path) is var hash && hash != file.Sha256)
        {
            throw new InvalidDataException($"{path} is not the {file.Name} that {file.Set} needs: its sha256 is {hash}, not {file.Sha256}. Nothing was imported.");
        }

        Directory.CreateDirectory(folder);
        AtomicWrite.File(PathOf(file), target =>
        {
            using var copy = File.OpenRead(path);
            copy.CopyTo(target);
        }, file.Bytes);
    }

    /// <summary>Downloads a file. What is there already stays until the new one is whole and checked.</summary>
    /// <param name="http">Client, its own timeout switched off.</param>
    /// <param name="file">The file wanted.</param>
    /// <param name="progress">Called with the bytes received so far.</param>
    /// <param name="stop">Breaks off; nothing is left behind.</param>
    /// <exception cref="IOException">The network or the server failed, or the disk is full.</exception>
    /// <exception cref="InvalidDataException">The server sent something else.</exception>
    public async Task DownloadAsync(HttpClient http, DataFile file, Action<long> progress, CancellationToken stop)
    {
        Directory.CreateDirectory(folder);
        try
        {
            await AtomicWrite.FileAsync(PathOf(file), target => ReceiveAsync(http, file, target, progress, stop));
        }
        catch (HttpRequestException e)
        {
            throw new IOException(Explain(file, e.StatusCode is { } code
                ? $"{file.Url} answers {(int)code} ({code})."
                : $"{file.Url.Host} could not be reached or broke off: {e.Message.TrimEnd('.')}."), e);
        }
        catch (OperationCanceledException e) when (!stop.IsCancellationRequested)
        {
            throw new IOException(Explain(file, $"{file.Url.Host} stayed silent for {stall.TotalSeconds:0} s."), e);
        }
    }

    /// <summary>What the network does wrong is an <see cref="HttpRequestException"/>, what the disk does an <see cref="IOException"/>.</summary>
    private async Task ReceiveAsync(HttpClient http, DataFile file, Stream target, Action<long> progress, CancellationToken stop)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(stop);
        silence.CancelAfter(stall);
        using var response = await http.GetAsync(file.Url, HttpCompletionOption.ResponseHeadersRead, silence.Token);
        response.EnsureSuccessStatusCode();

        await using var body = await response.Content.ReadAsStreamAsync(silence.Token);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[BufferSize];
        var received = 0L;
        for (int read; (read = await ReadAsync()) > 0;)
        {
            silence.CancelAfter(stall);
            received += read;
            if (received > file.Bytes)
            {
                break; // not our file; do not fill the disk with it
            }

            hash.AppendData(buffer, 0, read);
            await target.WriteAsync(buffer.AsMemory(0, read), stop);
            progress(received);
        }

        if (received < file.Bytes)
        {
            throw new HttpRequestException($"{file.Name} ends after {received} of {file.Bytes} bytes");
        }

        if (received > file.Bytes || Convert.ToHexStringLower(hash.GetHashAndReset()) != file.Sha256)
        {
            throw new InvalidDataException(Explain(file, $"What {file.Url} sent is not the {file.Name} expected (its size or sha256 differs); it was thrown away."));
        }

        async Task<int> ReadAsync()
        {
            try
            {
                return await body.ReadAsync(buffer, silence.Token);
            }
            catch (IOException e)
            {
                throw new HttpRequestException(e.Message, e);
            }
        }
    }

    private static string Explain(DataFile file, string what) =>
        $"{what} Try again later, or import a copy of your own with 'ra3 data get {file.Set} --from PATH' (HTTPS_PROXY is heeded).";

    private static string HashOf(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
