namespace Ra3.Models.Files;

/// <summary>
/// Lines of a byte stream, of which none takes more memory than the limit: the rest of a longer one is read and dropped.
/// </summary>
internal sealed class BoundedLines(Stream stream, long limit)
{
    private byte[] buffer = new byte[65536];
    private int start;
    private int end;
    private long dropped; // bytes of the stream that stood before the buffer

    /// <summary>Bytes of the stream up to the end of the last line, its \n included.</summary>
    public long Position => dropped + start;

    /// <summary>The next line without its \n; false at the end. The memory is good until the next call.</summary>
    /// <param name="line">The line; what is left of one that is too long means nothing.</param>
    /// <param name="tooLong">Whether it exceeds the limit.</param>
    /// <param name="isWhole">Whether a \n ended it, not the stream.</param>
    public bool Next(out ReadOnlyMemory<byte> line, out bool tooLong, out bool isWhole)
    {
        (tooLong, isWhole) = (false, true);
        var searched = start;
        while (true)
        {
            var newline = buffer.AsSpan(searched, end - searched).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                line = buffer.AsMemory(start, searched + newline - start);
                start = searched + newline + 1;
                tooLong |= line.Length > limit;
                return true;
            }

            if (tooLong || end - start > limit)
            {
                tooLong = true;
                start = end;
            }

            var kept = end - start;
            if (!Fill())
            {
                line = buffer.AsMemory(start, kept);
                start = end;
                isWhole = false;
                return kept > 0 || tooLong;
            }

            searched = start + kept;
        }
    }

    /// <summary>Reads more behind what is kept; false at the end of the stream.</summary>
    private bool Fill()
    {
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            dropped += start;
            (start, end) = (0, end - start);
        }

        if (end == buffer.Length)
        {
            Array.Resize(ref buffer, 2 * buffer.Length);
        }

        var read = stream.Read(buffer.AsSpan(end));
        end += read;
        return read > 0;
    }
}
