namespace Ra3.Sandbox;

/// <summary>
/// Compares a program's answers as they come in, a line each: <c>{"r":1}</c> once it is loaded, then <c>{"v":value}</c> for
/// each call, or <c>{"e":[type, message]}</c>, or <c>{"b":reason}</c> for an answer too large to say. Whatever they say is a
/// claim by a program that nobody trusts: nothing it says makes <see cref="Take"/> raise.
/// </summary>
/// <param name="cases">The calls.</param>
/// <param name="mostBytes">Size of the longest line that an honest program sends.</param>
internal sealed class Answers(IReadOnlyList<TestCase> cases, int mostBytes)
{
    private readonly MemoryStream rest = new(); // the line whose end has not come yet

    /// <summary>Whether the program was loaded.</summary>
    public bool IsLoaded { get; private set; }

    /// <summary>How many answers were right before anything else happened: the number of the test that decides.</summary>
    public int Right { get; private set; }

    /// <summary>What was wanted and what came; null while no answer was wrong.</summary>
    public string? Wrong { get; private set; }

    /// <summary>What the program raised; null where it raised nothing.</summary>
    public ToldError? Error { get; private set; }

    /// <summary>Why an answer was too large to say; null where none was.</summary>
    public string? TooBig { get; private set; }

    /// <summary>Whether a line came that no honest program sends, or half a line.</summary>
    public bool IsNonsense { get; private set; }

    /// <summary>Whether every test is answered, and rightly.</summary>
    public bool AreAllRight => IsLoaded && Right == cases.Count;

    private bool IsDecided => Wrong is not null || Error is not null || TooBig is not null || IsNonsense || AreAllRight;

    /// <summary>Takes more of the stream.</summary>
    /// <returns>Whether what follows is of no interest, because an answer was wrong or nonsense.</returns>
    public bool Take(byte[] bytes)
    {
        var at = 0;
        while (!IsDecided && bytes.AsSpan(at).IndexOf((byte)'\n') is >= 0 and var length)
        {
            if (rest.Length > 0)
            {
                rest.Write(bytes, at, length);
                Line(rest.GetBuffer().AsSpan(0, (int)rest.Length));
                rest.SetLength(0);
            }
            else
            {
                Line(bytes.AsSpan(at, length));
            }

            at += length + 1;
        }

        if (!IsDecided)
        {
            IsNonsense = rest.Length + bytes.Length - at > mostBytes;
            rest.Write(bytes, at, IsNonsense ? 0 : bytes.Length - at);
        }

        return Wrong is not null || IsNonsense;
    }

    /// <summary>The stream is at its end: a line without one counts too.</summary>
    public void End()
    {
        if (!IsDecided)
        {
            Line(rest.GetBuffer().AsSpan(0, (int)rest.Length));
        }
    }

    private void Line(ReadOnlySpan<byte> line)
    {
        if (line.IsEmpty)
        {
            return;
        }

        if (line.Length > mostBytes)
        {
            IsNonsense = true;
        }
        else if (!IsLoaded && line.SequenceEqual("{\"r\":1}"u8))
        {
            IsLoaded = true;
        }
        else if (IsLoaded && line.StartsWith("{\"v\":"u8) && line[^1] == '}')
        {
            Answer(line[5..^1]);
        }
        else if (ToldError.Read(line) is { } error)
        {
            Error = error;
        }
        else if (IsLoaded && ToldError.ReadTooBig(line) is { } reason)
        {
            TooBig = reason;
        }
        else
        {
            IsNonsense = true;
        }
    }

    private void Answer(ReadOnlySpan<byte> json)
    {
        try
        {
            if (cases[Right].IsRight(json))
            {
                Right++;
            }
            else
            {
                var wanted = cases[Right].Wanted is { } bytes ? PyValue.Parse(bytes).ToString() : "another answer";
                Wrong = $"wanted {Judge.Short(wanted)}, got {Judge.Short(PyValue.Parse(json).ToString())}";
            }
        }
        catch (InvalidDataException)
        {
            IsNonsense = true;
        }
    }
}
