using Ra3.Cli.Training;
using Ra3.Training.Runs;

namespace Ra3.Cli.Tests;

/// <summary>What a run that goes on may change, and when its folder is touched.</summary>
public sealed class RunStartTests : IDisposable
{
    private static readonly Dictionary<string, string> Inputs = new() { ["model"] = "a1" };
    private readonly string folder = Directory.CreateTempSubdirectory("ra3-start-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Nothing_in_the_folder_is_touched_before_the_run_is_opened()
    {
        Begin();
        File.WriteAllText(In("summary.json"), "{}");
        var before = File.ReadAllText(In("recipe.yaml"));
        var said = new List<string>();

        var start = Start(resume: true, said, "ntp.steps=7");
        start.Changes.Should().BeTrue();
        said.Should().ContainSingle().Which.Should().Contain("ntp.steps changes from");
        File.ReadAllText(In("recipe.yaml")).Should().Be(before);
        File.Exists(In("summary.json")).Should().BeTrue();

        using (RunFolder.Resume(Run, 0))
        {
            var open = () => start.Open(0, null, Inputs);
            open.Should().Throw<IOException>().WithMessage("Another process*");
            File.ReadAllText(In("recipe.yaml")).Should().Be(before);
        }

        start.Open(0, null, Inputs).Dispose();
        File.ReadAllText(In("recipe.yaml")).Should().Contain("steps: 7");
        File.Exists(In("summary.json")).Should().BeFalse("a run that is done goes on");
    }

    [Fact]
    public void Another_model_at_the_same_path_is_another_run()
    {
        Begin();
        var open = () => Start(resume: true, []).Open(0, null, new Dictionary<string, string> { ["model"] = "b2" });
        open.Should().Throw<InvalidDataException>().WithMessage("What the run reads as its model has changed since it began*");
    }

    [Fact]
    public void Paths_and_seed_stay()
    {
        Begin();
        var start = () => Start(resume: true, [], "seed=9");
        start.Should().Throw<ArgumentException>().WithMessage("A resumed run keeps its data, model and seed, but seed would change from 1 to 9*");
    }

    private string Run => Path.Combine(folder, "run");

    private string In(string name) => Path.Combine(Run, name);

    private void Begin() => Start(resume: false, []).Open(0, null, Inputs).Dispose();

    private RunStart<MidTrainRecipe> Start(bool resume, List<string> said, params string[] sets) => RunStart<MidTrainRecipe>.Of(
        null, [.. resume ? [] : new[] { "model=base", "method=ntp", "seed=1" }, .. sets], Run, resume,
        recipe => recipe with { Model = Path.GetFullPath(recipe.Model!, folder) }, said.Add);
}
