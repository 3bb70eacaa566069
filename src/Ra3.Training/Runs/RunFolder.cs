using System.Reflection;
using System.Text.Json;
using Ra3.Models.Files;

namespace Ra3.Training.Runs;

/// <summary>
/// The folder in which a run tells its story: <c>recipe.yaml</c> as resolved, <c>run.json</c> (command, version, start),
/// <c>metrics.jsonl</c>, <c>samples.jsonl</c> and TensorBoard events under <c>tensorboard/</c>. Checkpoints and reports
/// lie beside them and are written by others. One process at a time may write to a run.
/// </summary>
/// <remarks>
/// Each line reaches the operating system before the call returns, so a killed process loses no line; a line torn by a
/// power failure is dropped on resume. Not thread-safe.
/// </remarks>
public sealed class RunFolder : IDisposable
{
    /// <summary>The resolved recipe, in a run's folder.</summary>
    public const string RecipeFile = "recipe.yaml";

    private const string AboutFile = "run.json";
    private const string MetricsFile = "metrics.jsonl";
    private const string SamplesFile = "samples.jsonl";
    private const string LockFile = "run.lock";

    private readonly FileStream guard;
    private readonly JsonLinesWriter metrics;
    private readonly JsonLinesWriter samples;
    private readonly TensorBoardWriter events;

    /// <param name="path">The folder.</param>
    /// <param name="resumedStep">The last step of a run that goes on; null for one that begins.</param>
    /// <param name="begin">Writes what a run begins with, or what changes, under the lock; null for nothing.</param>
    private RunFolder(string path, long? resumedStep, Action<string>? begin)
    {
        FolderPath = Path.GetFullPath(path);
        guard = Guard(FolderPath);
        try
        {
            begin?.Invoke(FolderPath);
            metrics = new JsonLinesWriter(In(MetricsFile), resumedStep);
            samples = new JsonLinesWriter(In(SamplesFile), resumedStep);
            events = new TensorBoardWriter(In("tensorboard"), resumedStep + 1);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Full path of the folder.</summary>
    public string FolderPath { get; }

    /// <summary>Full path of a file or folder inside the run.</summary>
    public string In(string name) => Path.Combine(FolderPath, name);

    /// <summary>Begins a run in a new or empty folder, or in one that was killed while it was being made: a run is there once its
    /// run.json is.</summary>
    /// <param name="path">The folder; created where absent.</param>
    /// <param name="recipe">The resolved recipe as YAML text.</param>
    /// <param name="promptBegin">For run.json: the token in front of every prompt, or null.</param>
    /// <param name="inputs">For run.json: fingerprints of what the run reads again whenever it goes on; null for none.</param>
    /// <exception cref="IOException">The folder already holds something, or cannot be written.</exception>
    public static RunFolder Create(
        string path, string recipe, string? promptBegin = null, IReadOnlyDictionary<string, string>? inputs = null)
    {
        if (File.Exists(path))
        {
            throw new IOException($"{path} is a file; a run needs a folder.");
        }

        RequireNoRun(path);
        Directory.CreateDirectory(path);
        return new RunFolder(path, resumedStep: null, folder =>
        {
            RequireNoRun(folder); // another process may have begun one before this one had the lock
            AtomicWrite.Text(Path.Combine(folder, RecipeFile), recipe);
            var about = new RunAbout(Environment.CommandLine, Version, DateTimeOffset.UtcNow)
            {
                PromptBegin = promptBegin,
                Inputs = inputs ?? new Dictionary<string, string>(),
            };
            AtomicWrite.Text(Path.Combine(folder, AboutFile), JsonSerializer.Serialize(about, RunJson.Options) + "\n");
        });
    }

    /// <summary>
    /// Goes on with a run whose newest checkpoint stands after <paramref name="step"/>: what was logged for later steps is
    /// cut away, so that the files read as if the run had never stopped.
    /// </summary>
    /// <param name="path">A folder made by <see cref="Create"/>.</param>
    /// <param name="step">The last step whose effect the checkpoint holds; 0 begins again.</param>
    /// <param name="change">Changes what the folder holds, under its lock; null where it stays.</param>
    /// <exception cref="IOException">The folder holds no run, another process writes to it, or it cannot be written.</exception>
    public static RunFolder Resume(string path, long step, Action<string>? change = null)
    {
        if (!File.Exists(Path.Combine(path, AboutFile)))
        {
            throw new DirectoryNotFoundException($"{path} holds no run to resume.");
        }

        return new RunFolder(path, step, change);
    }

    /// <summary>Logs named values of one step to metrics.jsonl and TensorBoard.</summary>
    /// <param name="step">The step they belong to, never less than in the call before.</param>
    /// <param name="values">
    /// Names such as "loss" or "eStep.reward", each once; NaN and infinities are written as the strings "NaN", "Infinity" and "-Infinity".
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The step went back.</exception>
    /// <exception cref="IOException">The disk is full or gone.</exception>
    public void Log(long step, params ReadOnlySpan<(string Name, double Value)> values)
    {
        var line = new Dictionary<string, double>(values.Length);
        foreach (var (name, value) in values)
        {
            line.Add(name, value);
        }

        metrics.Write(step, line);
        events.Write(step, values);
    }

    /// <summary>Logs one sample (a generated text with whatever explains it) to samples.jsonl.</summary>
    /// <param name="step">The step it was drawn at, never less than in the call before.</param>
    /// <param name="sample">An object whose properties become the keys of the line, in camelCase.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step went back.</exception>
    /// <exception cref="IOException">The disk is full or gone.</exception>
    public void LogSample(long step, object sample) => samples.Write(step, sample);

    /// <summary>The resolved recipe of a run, as YAML text.</summary>
    /// <exception cref="IOException">The folder holds no recipe.</exception>
    public static string ReadRecipe(string path) => File.ReadAllText(Path.Combine(path, RecipeFile));

    /// <summary>Who began a run and when; null where the folder holds no run.</summary>
    /// <exception cref="InvalidDataException">run.json is not as written.</exception>
    public static RunAbout? ReadAbout(string path)
    {
        var file = Path.Combine(path, AboutFile);
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize<RunAbout>(File.ReadAllText(file), RunJson.Options);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{file} is damaged: {e.Message}", e);
        }
    }

    /// <summary>The metrics of a run, one entry per logged step in order; a torn last line is left out.</summary>
    /// <exception cref="InvalidDataException">A line other than the last is not as written.</exception>
    public static IReadOnlyList<MetricsLine> ReadMetrics(string path) => MetricsLine.ReadAll(Path.Combine(path, MetricsFile));

    /// <inheritdoc/>
    public void Dispose()
    {
        metrics?.Dispose();
        samples?.Dispose();
        events?.Dispose();
        guard.Dispose();
    }

    private static void RequireNoRun(string path)
    {
        var names = Directory.Exists(path) ? Directory.EnumerateFileSystemEntries(path).Select(Path.GetFileName).ToList() : [];
        if (names.Contains(AboutFile))
        {
            throw new IOException($"{path} already holds a run. Continue it with --resume, or choose another folder.");
        }

        if (names.Exists(name => name is not (LockFile or RecipeFile or RecipeFile + ".partial" or AboutFile + ".partial")))
        {
            throw new IOException($"{path} is not empty. Choose another folder.");
        }
    }

    private static string Version =>
        typeof(RunFolder).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>An advisory lock that the system drops when the process ends, however it ends.</summary>
    private static FileStream Guard(string path)
    {
        try
        {
            return new FileStream(Path.Combine(path, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.GetType() == typeof(IOException) && File.Exists(Path.Combine(path, LockFile)))
        {
            throw new IOException($"Another process is writing to the run {path}.", e.HResult);
        }
    }
}
