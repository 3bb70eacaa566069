using ICSharpCode.SharpZipLib.GZip;
using ZstdSharp;

namespace Ra3.Models.Files;

/// <summary>Files that may be packed with gzip or Zstandard, which their first bytes or their names tell.</summary>
public static class PackedFile
{
    private const int BufferSize = 1 << 16;

    private static ReadOnlySpan<byte> Gzip => [0x1f, 0x8b];

    private static ReadOnlySpan<byte> Zstandard => [0x28, 0xb5, 0x2f, 0xfd];

    /// <summary>Opens a file for reading, unpacked. Others may go on writing to it.</summary>
    /// <returns>A stream that reads forward only and throws <see cref="InvalidDataException"/> where the packed data are
    /// damaged or end too early: a torn file never reads like a shorter one.</returns>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static Stream OpenRead(string path)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            Span<byte> start = stackalloc byte[4];
            start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
            file.Position = 0;
            var isGzip = start.StartsWith(Gzip) || Ends(".gz");
            var isZstandard = start.StartsWith(Zstandard) || Ends(".zst");
            if (start.IsEmpty && (isGzip || isZstandard))
            {
                throw new InvalidDataException($"{path} is not a whole packed file (it is empty)."); // either library takes it for no data
            }

            return isGzip ? new Unpacked(new GZipInputStream(file, BufferSize), path, "gzip")
                : isZstandard ? new Unpacked(new DecompressionStream(file, leaveOpen: false), path, "Zstandard")
                : file;
        }
        catch
        {
            file.Dispose();
            throw;
        }

        bool Ends(string ending) => path.EndsWith(ending, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Unpacked data, up to where they break: the libraries meet that with errors of many types, and with them goes what
    /// the call had unpacked, so that it is asked for in small steps.</summary>
    private sealed class Unpacked(Stream stream, string path, string format) : Stream
    {
        private readonly byte[] step = new byte[512];
        private InvalidDataException? failure;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var done = 0;
            while (done < buffer.Length && failure is null)
            {
                try
                {
                    var read = stream.Read(step, 0, Math.Min(step.Length, buffer.Length - done));
                    if (read == 0)
                    {
                        return done;
                    }

                    step.AsSpan(0, read).CopyTo(buffer[done..]);
                    done += read;
                }
                catch (Exception error) when (error is EndOfStreamException or not (IOException or OutOfMemoryException))
                {
                    failure = new InvalidDataException($"{path} is not a whole {format} file ({error.Message.TrimEnd('.')}).", error);
                }
            }

            return done > 0 || buffer.IsEmpty ? done : throw failure!;
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                stream.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
