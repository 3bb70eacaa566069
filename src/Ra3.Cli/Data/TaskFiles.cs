using System.Text.Encodings.Web;
using System.Text.Json;
using Ra3.Models.Files;
using Ra3.PostTraining;
using Ra3.PostTraining.Tasks;

namespace Ra3.Cli.Data;

/// <summary>The task family as files that the training verbs read.</summary>
internal static class TaskFiles
{
    private const int PretrainingDocuments = 30_000;
    private const int MidTrainingDocuments = 2_000;
    private const int TrainingProblems = 2_000;
    private const int HeldOutProblems = 200;
    private static readonly JsonSerializerOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes every file; says which, and how many lines each has.</summary>
    /// <exception cref="InvalidOperationException">The family has not so many tasks.</exception>
    public static IEnumerable<(string Path, int Lines)> Write(TaskFamily family, string folder)
    {
        Directory.CreateDirectory(folder);
        yield return Documents("pretraining", TaskCorpus.Pretraining(family, PretrainingDocuments, "pre-training"));
        yield return Documents("midtraining", TaskCorpus.MidTraining(family, MidTrainingDocuments));
        yield return Documents("midtraining-oracle", TaskCorpus.MidTraining(family, MidTrainingDocuments, oracle: true));
        yield return Documents("replay", TaskCorpus.Replay(family, MidTrainingDocuments));
        yield return Problems("train", TaskPart.Train, OperationUse.Any, TrainingProblems);
        yield return Problems("tune", TaskPart.Tune, OperationUse.Any, HeldOutProblems);
        yield return Problems("test-seen", TaskPart.Test, OperationUse.Bridged, HeldOutProblems);
        yield return Problems("test-never", TaskPart.Test, OperationUse.NeverBridged, HeldOutProblems);
        yield return Problems("test-plain", TaskPart.Test, OperationUse.Any, HeldOutProblems, jargon: false);

        (string, int) Documents(string name, IEnumerable<(string Id, string Text)> documents) =>
            Lines(name, documents.Select(document => (object)new { id = document.Id, text = document.Text }));

        (string, int) Problems(string name, TaskPart part, OperationUse use, int count, bool jargon = true) =>
            Lines("problems-" + name, family.Draw(part, use, count, "problems").Select(task => Row(task.ToProblem(jargon))));

        (string, int) Lines(string name, IEnumerable<object> rows)
        {
            var path = Path.Combine(folder, name + ".jsonl");
            var lines = rows.Select(row => JsonSerializer.Serialize(row, Options)).ToList();
            AtomicWrite.Text(path, string.Join('\n', lines) + "\n");
            return (path, lines.Count);
        }
    }

    /// <summary>As docs/rlvr.md describes a problem.</summary>
    private static object Row(PythonProblem problem) => new
    {
        id = problem.Id,
        prompt = problem.Prompt,
        stop = problem.Stop,
        program = problem.Program,
        entry_point = problem.EntryPoint,
        tests = problem.Tests,
    };
}
