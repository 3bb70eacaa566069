using System.Text.Json;
using Ra3.Cli.Runs;
using Ra3.Models.Files;
using Ra3.Training.Runs;
using Spectre.Console;

namespace Ra3.Cli.Training;

/// <summary>A run about to begin, or to go on. Until <see cref="Open"/> nothing in its folder is touched.</summary>
/// <param name="Recipe">What it does, paths absolute.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Resumes">Whether it is there already.</param>
/// <param name="Changes">Whether the recipe differs from that of the run that is there.</param>
internal sealed record RunStart<T>(T Recipe, string Folder, bool Resumes, bool Changes)
    where T : class
{
    // What a run cannot change on its way: its data, its start and its random numbers.
    private static readonly string[] Fixed = ["corpus.", "replay.", "heldOut.", "tokenizer.", "model", "method", "problems.", "seed"];

    /// <summary>
    /// The recipe of a new run, or of the run to resume, over which assignments may be laid. A resumed run keeps its data,
    /// start and seed; other values (a lower learning rate, say) may change, and then it is said.
    /// </summary>
    /// <param name="file">The recipe's file, if one was given.</param>
    /// <param name="sets">Assignments.</param>
    /// <param name="folder">Of the run.</param>
    /// <param name="resume">Whether it is resumed.</param>
    /// <param name="whole">Makes paths absolute, so that they stay right, and the same, wherever the run is resumed from.</param>
    /// <param name="note">Takes what changes.</param>
    public static RunStart<T> Of(string? file, IReadOnlyList<string> sets, string folder, bool resume, Func<T, T> whole, Action<string> note)
    {
        if (!resume)
        {
            return new RunStart<T>(whole(Recipes.Recipe.Load<T>(file, sets)), folder, Resumes: false, Changes: false);
        }

        if (RunFolder.ReadAbout(folder) is null)
        {
            throw new DirectoryNotFoundException($"{folder} holds no run to resume. Leave out --resume to begin one.");
        }

        var stored = Path.Combine(folder, RunFolder.RecipeFile);
        var recipe = whole(Recipes.Recipe.Load<T>(file ?? stored, sets));
        var before = Recipes.Recipe.Write(whole(Recipes.Recipe.Load<T>(stored, [])));
        var changes = LoggedRun.Differences([before, Recipes.Recipe.Write(recipe)], folder);
        var broken = changes.Where(change => Array.Exists(Fixed, key => change.Key == key || change.Key.StartsWith(key.TrimEnd('.') + ".", StringComparison.Ordinal))).ToList();
        if (broken.Count > 0)
        {
            throw new ArgumentException(
                $"A resumed run keeps its data, model and seed, but {string.Join(", ", broken.Select(change => $"{change.Key} would change from {change.Values[0]} to {change.Values[1]}"))}. "
                + "Leave it as it was, or begin another run.");
        }

        foreach (var (key, values) in changes)
        {
            note($"{key} changes from {values[0]} to {values[1]}: the run is no longer what it would have been without the stop.");
        }

        return new RunStart<T>(recipe, folder, Resumes: true, changes.Count > 0);
    }

    /// <summary>The summary of a run that is done, which is said; null where there is something left to do.</summary>
    public JsonElement? Finished(IAnsiConsole console)
    {
        var (summary, model) = (Path.Combine(Folder, TrainingRun.SummaryFile), Path.Combine(Folder, TrainingRun.ModelName));
        if (!Resumes || Changes || !File.Exists(summary) || !AtomicWrite.FolderExists(model))
        {
            return null;
        }

        console.WriteLine($"This run is already done: nothing to resume. Model: {model}. With --set KEY=VALUE (more steps, say) it goes on.");
        return JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(summary));
    }

    /// <summary>Makes the run's folder, or takes it up with what changes in its recipe.</summary>
    /// <param name="step">The last step whose effect its checkpoint holds, where it goes on.</param>
    /// <param name="promptBegin">The token in front of every prompt, or null.</param>
    /// <param name="inputs">Fingerprints of what it reads at every start, by name.</param>
    /// <exception cref="InvalidDataException">An input is no longer what it was when the run began.</exception>
    public RunFolder Open(long step, string? promptBegin, IReadOnlyDictionary<string, string> inputs)
    {
        if (!Resumes)
        {
            return RunFolder.Create(Folder, Recipes.Recipe.Write(Recipe), promptBegin, inputs);
        }

        var before = RunFolder.ReadAbout(Folder)!.Inputs;
        if (inputs.FirstOrDefault(input => before.TryGetValue(input.Key, out var was) && was != input.Value).Key is { } changed)
        {
            throw new InvalidDataException(
                $"What the run reads as its {changed} has changed since it began; it would go on as another run. Put back what was there, or begin another run.");
        }

        return RunFolder.Resume(Folder, step, !Changes ? null : folder =>
        {
            File.Delete(Path.Combine(folder, TrainingRun.SummaryFile)); // a run that is done goes on
            AtomicWrite.Text(Path.Combine(folder, RunFolder.RecipeFile), Recipes.Recipe.Write(Recipe));
        });
    }
}
