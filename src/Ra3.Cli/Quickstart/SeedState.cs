using System.Text.Json;
using Ra3.MidTraining;
using Ra3.Models.Files;

namespace Ra3.Cli.Quickstart;

/// <summary>
/// What is done of one seed, written after each of its arms and when it is stopped; a resumed run goes on behind it. An arm that a
/// killed run had not finished begins again, one that was stopped goes on from its checkpoint.
/// </summary>
internal sealed class SeedState
{
    private const string FileName = "progress.json";
    private static readonly JsonSerializerOptions Options = new(Terminal.JsonOptions) { IncludeFields = true }; // pairs have fields

    /// <summary>Finished arms, in order.</summary>
    public Dictionary<string, ArmResult> Arms { get; init; } = [];

    /// <summary>The folder of the stage that was stopped on its way, if any.</summary>
    public string? Stopped { get; set; }

    /// <summary>Held-out cross-entropy of real code by curve and million tokens.</summary>
    public Dictionary<string, List<(double X, double Y)>> Curves { get; init; } = [];

    /// <summary>Iterations of RA3's E-step.</summary>
    public List<EStepMetrics> EStep { get; init; } = [];

    /// <summary>Seconds by stage.</summary>
    public Dictionary<string, double> Timing { get; init; } = [];

    /// <summary>Steps in the run's log so far.</summary>
    public long LogStep { get; set; }

    /// <summary>Of a seed's folder; an empty one where nothing is done.</summary>
    /// <exception cref="InvalidDataException">The file is not as written.</exception>
    public static SeedState Load(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<SeedState>(File.ReadAllText(path), Options)! : new SeedState();
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is damaged, so the run cannot go on. Begin another one. ({e.Message})", e);
        }
    }

    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        AtomicWrite.File(Path.Combine(folder, FileName), stream => JsonSerializer.Serialize(stream, this, Options));
    }
}
