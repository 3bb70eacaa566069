using System.Text.Json;

namespace Ra3.Training.Runs;

/// <summary>Reads the JSON-lines files of a run folder.</summary>
public static class JsonLines
{
    /// <summary>The objects of a file, one a line; none where the file is absent. A torn last line (a run that is being
    /// written, or was cut by a power failure) is left out.</summary>
    /// <exception cref="InvalidDataException">A line other than the last is not as written; names file and line.</exception>
    public static IEnumerable<T> Read<T>(string path)
    {
        if (!File.Exists(path))
        {
            yield break;
        }

        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        for (var number = 1; reader.ReadLine() is { } text; number++)
        {
            T? line;
            try
            {
                line = JsonSerializer.Deserialize<T>(text, RunJson.Options);
            }
            catch (JsonException e)
            {
                if (reader.EndOfStream)
                {
                    yield break;
                }

                throw new InvalidDataException($"{path}, line {number} is not as written: {e.Message}", e);
            }

            if (line is not null)
            {
                yield return line;
            }
        }
    }
}
