namespace Ra3.Corpora;

/// <summary>Lines of a byte stream, of which none takes more memory than the limit: the rest of a longer one is read and dropped.</summary>
internal sealed class BoundedLines(Stream stream, long limit)
{
    private byte[] _buffer = new byte[65536];
    private int _start;
    private int _end;

    /// <summary>The next line without its \n; false at the end. The memory is good until the next call.</summary>
    public bool Next(out ReadOnlyMemory<byte> line, out bool tooLong)
    {
        tooLong = false;
        var searched = _start;
        while (true)
        {
            var newline = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                line = _buffer.AsMemory(_start, searched + newline - _start);
                _start = searched + newline + 1;
                tooLong |= line.Length > limit;
                return true;
            }

            if (tooLong || _end - _start > limit)
            {
                tooLong = true;
                _start = _end;
            }

            var kept = _end - _start;
            if (!Fill())
            {
                line = _buffer.AsMemory(_start, kept);
                _start = _end;
                return kept > 0 || tooLong;
            }

            searched = _start + kept;
        }
    }

    /// <summary>Reads more behind what is kept; false at the end of the stream.</summary>
    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        }

        var read = stream.Read(_buffer.AsSpan(_end));
        _end += read;
        return read > 0;
    }
}
