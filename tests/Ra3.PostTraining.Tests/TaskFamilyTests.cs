using System.Diagnostics;
using System.Text;
using Ra3.PostTraining.Tasks;

namespace Ra3.PostTraining.Tests;

public sealed class TaskFamilyTests
{
    private static readonly TaskFamily Family = new(new TaskOptions { MinSteps = 1, MaxSteps = 4 }, seed: 3);

    [Fact]
    public void Every_reference_program_gives_what_its_hidden_tests_want()
    {
        // The expected outputs come from the operations' meaning in C#, the programs run in Python: two implementations.
        var tasks = Family.Draw(TaskPart.Train, OperationUse.Any, 400, "test");
        tasks.SelectMany(task => task.Steps).Select(step => step.Operation).Distinct().Should().HaveCount(Operations.All.Count);
        var script = new StringBuilder();
        foreach (var task in tasks)
        {
            foreach (var comments in new[] { false, true })
            {
                script.Append(task.Program(jargon: true, comments)).Append(task.ToProblem(jargon: true).Tests);
            }
        }

        RunPython(script.Append("print('all passed')\n").ToString()).Should().Be("all passed\n");
    }

    [Fact]
    public void A_program_with_any_step_left_out_fails_its_hidden_tests()
    {
        var script = new StringBuilder("wrong = 0\n");
        var count = 0;
        foreach (var task in Family.Draw(TaskPart.Test, OperationUse.Any, 60, "test"))
        {
            for (var left = 0; left < task.Steps.Count; left++, count++)
            {
                var shorter = task with { Steps = [.. task.Steps.Where((_, i) => i != left)] };
                var program = shorter.Steps.Count > 0 ? shorter.Program(false, false) : task.Prompt(false) + "    return " + (task.Kind == TaskKind.List ? "values" : task.Kind == TaskKind.Text ? "text" : "table") + "\n";
                script.Append(program).Append("try:\n").Append(string.Concat(task.ToProblem(false).Tests.TrimEnd().Split('\n').Select(line => "    " + line + "\n")))
                    .Append("except AssertionError:\n    wrong += 1\n");
            }
        }

        RunPython(script.Append("print(wrong)\n").ToString()).Should().Be(count + "\n");
    }

    [Fact]
    public void Splits_share_no_task_and_never_bridged_operations_stay_out_of_the_bridged_ones()
    {
        var parts = Enum.GetValues<TaskPart>().Select(part => Family.Draw(part, OperationUse.Any, 300, "test").Select(task => task.Signature).ToHashSet()).ToList();
        parts[0].Overlaps(parts[1]).Should().BeFalse();
        parts[0].Overlaps(parts[2]).Should().BeFalse();
        parts[1].Overlaps(parts[2]).Should().BeFalse();
        Family.Draw(TaskPart.Train, OperationUse.Bridged, 300, "test").SelectMany(task => task.Steps)
            .Should().OnlyContain(step => !Family.NeverBridged.Contains(step.Operation));
        Family.Draw(TaskPart.Train, OperationUse.NeverBridged, 300, "test")
            .Should().OnlyContain(task => task.Steps.Any(step => Family.NeverBridged.Contains(step.Operation)));
    }

    [Fact]
    public void Tasks_are_the_same_for_the_same_seed_and_others_for_another()
    {
        var again = new TaskFamily(new TaskOptions { MinSteps = 1, MaxSteps = 4 }, seed: 3).Draw(TaskPart.Train, OperationUse.Any, 20, "test");
        var other = new TaskFamily(new TaskOptions { MinSteps = 1, MaxSteps = 4 }, seed: 4).Draw(TaskPart.Train, OperationUse.Any, 20, "test");
        var first = Family.Draw(TaskPart.Train, OperationUse.Any, 20, "test");
        again.Select(task => task.ToProblem(true)).Should().BeEquivalentTo(first.Select(task => task.ToProblem(true)), options => options.WithStrictOrdering());
        other.Select(task => task.Signature).Should().NotEqual(first.Select(task => task.Signature));
    }

    [Fact]
    public void Jargon_and_english_share_no_word()
    {
        var english = Operations.All.SelectMany(operation => operation.English.Split(' ')).ToHashSet();
        Operations.All.Select(operation => operation.Jargon).Should().OnlyHaveUniqueItems().And.NotIntersectWith(english);
        Operations.All.GroupBy(operation => (operation.Kind, operation.English)).Should().OnlyContain(same => same.Count() == 1);
    }

    [Fact]
    public void Too_few_operations_for_the_tasks_asked_is_said() =>
        new TaskFamily(new TaskOptions { MinSteps = 1, MaxSteps = 1, OperationsPerKind = 4 }, 1)
            .Invoking(family => family.Draw(TaskPart.Train, OperationUse.Any, 1000, "test"))
            .Should().Throw<InvalidOperationException>().WithMessage("*allow more steps or operations*");

    private static string RunPython(string script)
    {
        using var python = new Process { StartInfo = new ProcessStartInfo("python3", "-I -") { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true } };
        try
        {
            python.Start();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("python3 is not on this machine.");
        }

        python.StandardInput.Write(script);
        python.StandardInput.Close();
        var errors = python.StandardError.ReadToEndAsync();
        var output = python.StandardOutput.ReadToEnd();
        python.WaitForExit();
        return output + errors.Result;
    }
}
