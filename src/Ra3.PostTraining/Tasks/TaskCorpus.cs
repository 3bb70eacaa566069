using Ra3.Models;

namespace Ra3.PostTraining.Tasks;

/// <summary>Documents about tasks, for pre-training, mid-training and replay; all of training tasks.</summary>
public static class TaskCorpus
{
    private const double StubShare = 1.0 / 3;
    private const double CommentShare = 0.4;

    /// <summary>Programs documented in English, four tenths with their steps commented, and for each two of them a stub: jargon said in English, no code.</summary>
    /// <param name="family">The tasks.</param>
    /// <param name="count">Documents.</param>
    /// <param name="stream">Documents of different streams are drawn independently of each other.</param>
    public static IEnumerable<(string Id, string Text)> Pretraining(TaskFamily family, int count, string stream)
    {
        var stubs = (int)(count * StubShare);
        return Replay(family, count - stubs, stream).Concat(
            family.Draw(TaskPart.Train, OperationUse.Any, stubs, stream + "/stubs").Select((task, i) => ($"{stream}-stub-{i}.py", task.Stub())));
    }

    /// <summary>Programs documented in English over all operations, as in pre-training.</summary>
    public static IEnumerable<(string Id, string Text)> Replay(TaskFamily family, int count, string stream = "replay") =>
        family.Draw(TaskPart.Train, OperationUse.Any, count, stream).Select((task, i) => (
            $"{stream}-{i}.py", task.Program(jargon: false, new SeededRandom(family.Seed, "tasks/comments/" + stream, i).NextDouble() < CommentShare)));

    /// <summary>Programs documented in jargon over bridged operations only.</summary>
    /// <param name="family">The tasks.</param>
    /// <param name="count">Documents.</param>
    /// <param name="oracle">Whether each step has the right comment before it: a control.</param>
    public static IEnumerable<(string Id, string Text)> MidTraining(TaskFamily family, int count, bool oracle = false) =>
        family.Draw(TaskPart.Train, OperationUse.Bridged, count, "mid-training")
            .Select((task, i) => ($"bridged-{i}.py", task.Program(jargon: true, comments: oracle)));
}
