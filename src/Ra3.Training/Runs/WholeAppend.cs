namespace Ra3.Training.Runs;

/// <summary>Appends a record whole or not at all: a full disk must not leave half a record for later ones to follow.</summary>
internal static class WholeAppend
{
    /// <summary>Appends at the file's position, which is its end.</summary>
    /// <exception cref="IOException">The disk is full or gone; the file is as before.</exception>
    public static void Write(FileStream file, ReadOnlySpan<byte> record)
    {
        var end = file.Position;
        try
        {
            file.Write(record);
        }
        catch (IOException)
        {
            file.SetLength(end);
            file.Position = end;
            throw;
        }
    }
}
