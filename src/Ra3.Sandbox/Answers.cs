using System.Text.Json;

namespace Ra3.Sandbox;

/// <summary>
/// Compares a program's answers as they come in, a line each: <c>{"r":1}</c> once it is loaded, then <c>{"v":value}</c> for
/// each call, or <c>{"e":[type, message]}</c>. Whatever they say is a claim by a program that nobody trusts.
/// </summary>
internal sealed class Answers(IReadOnlyList<TestCase> cases)
{
    private readonly MemoryStream rest = new(); // the line whose end has not come yet

    /// <summary>Whether the program was loaded.</summary>
    public bool IsLoaded { get; private set; }

    /// <summary>How many answers were right before anything else happened: the number of the test that decides.</summary>
    public int Right { get; private set; }

    /// <summary>What was wanted and what came; null while no answer was wrong.</summary>
    public string? Wrong { get; private set; }

    /// <summary>What the program raised; null where it raised nothing.</summary>
    public (string Text, bool OutOfMemory)? Error { get; private set; }

    /// <summary>Whether a line came that no honest program sends, or half a line.</summary>
    public bool IsNonsense { get; private set; }

    /// <summary>Whether every test is answered, and rightly.</summary>
    public bool AreAllRight => IsLoaded && Right == cases.Count;

    private bool IsDecided => Wrong is not null || Error is not null || IsNonsense || AreAllRight;

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
            rest.Write(bytes, at, bytes.Length - at);
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

    /// <summary>An error as a program tells it.</summary>
    /// <exception cref="InvalidOperationException">It tells something else.</exception>
    /// <exception cref="KeyNotFoundException">It tells something else.</exception>
    public static (string Text, bool OutOfMemory) ErrorOf(JsonElement told)
    {
        var error = told.GetProperty("e");
        var memory = told.TryGetProperty("m", out var m) && m.ValueKind == JsonValueKind.Number && m.TryGetInt32(out var n) && n == 1;
        return ($"{error[0].GetString()}: {error[1].GetString()}", memory);
    }

    private void Line(ReadOnlySpan<byte> line)
    {
        if (line.IsEmpty)
        {
            return;
        }

        try
        {
            if (!IsLoaded && line.SequenceEqual("{\"r\":1}"u8))
            {
                IsLoaded = true;
            }
            else if (IsLoaded && line.StartsWith("{\"v\":"u8) && line[^1] == '}')
            {
                var value = PyValue.Parse(line[5..^1]);
                if (cases[Right].Accepts(value))
                {
                    Right++;
                }
                else
                {
                    var wanted = cases[Right].Wanted?.ToString() ?? "another answer";
                    Wrong = $"wanted {Judge.Short(wanted)}, got {Judge.Short(value.ToString())}";
                }
            }
            else
            {
                using var told = JsonDocument.Parse(line.ToArray());
                Error = ErrorOf(told.RootElement);
            }
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or InvalidOperationException or KeyNotFoundException or IndexOutOfRangeException)
        {
            IsNonsense = true;
        }
    }
}
