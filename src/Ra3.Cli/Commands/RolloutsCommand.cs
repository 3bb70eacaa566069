using System.CommandLine;
using System.Globalization;
using Ra3.Cli.Report;
using Ra3.Models.Files;
using Ra3.PostTraining;
using Ra3.Training.Runs;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 rollouts`: the programs that a run sampled, with their comments, rewards and verdicts.</summary>
internal static class RolloutsCommand
{
    public static Command Create()
    {
        var run = new Argument<DirectoryInfo>("RUN") { Description = "The run's folder." };
        var step = new Option<long?>("--step") { Description = "Only of this step; the last one where neither this nor --problem is given.", HelpName = "N" };
        var problem = new Option<string?>("--problem") { Description = "Only of problems whose id contains this.", HelpName = "ID" };
        var reward = new Option<double?>("--reward") { Description = "Only with this reward.", HelpName = "R" };
        var verdict = new Option<string?>("--verdict") { Description = "Only with this verdict, such as passed or timeout.", HelpName = "NAME" };
        var limit = new Option<int>("--limit", "-n") { Description = "At most so many; 0 for all.", HelpName = "N", DefaultValueFactory = _ => 20 };
        var noPager = Pager.Option();
        var json = CommonOptions.Json();
        var verb = new Verb(
            "rollouts", "Shows the completions that an RLVR run sampled: text with its comments marked, reward, verdict.",
            "ra3 rollouts runs/rlvr", "ra3 rollouts runs/rlvr --step 40 --reward 1", "ra3 rollouts runs/rlvr --problem MBPP/601 --limit 0 --json")
        { run, step, problem, reward, verdict, limit, noPager, json };
        verb.Does((parsed, stop) =>
        {
            var folder = parsed.GetRequiredValue(run).FullName;
            var path = Path.Combine(folder, RolloutLine.FileName);
            if (!File.Exists(path))
            {
                throw new FileNotFoundException($"{folder} holds no {RolloutLine.FileName}: give the folder of an RLVR run.", path);
            }

            var (wantedStep, wantedProblem) = (parsed.GetValue(step), parsed.GetValue(problem));
            var all = JsonLines.ReadLog<RolloutLine>(path, RunJson.Options);
            if (wantedStep is null && wantedProblem is null)
            {
                wantedStep = all.Select(line => line.Step).LastOrDefault();
            }

            var lines = all.Where(line =>
                (wantedStep is null || line.Step == wantedStep)
                && (wantedProblem is null || line.Problem.Contains(wantedProblem, StringComparison.OrdinalIgnoreCase))
                && (parsed.GetValue(reward) is not { } r || (line.Reward is { } given && Math.Abs(given - r) < 1e-9))
                && (parsed.GetValue(verdict) is not { } name || line.Verdict == name)).ToList();
            var shown = parsed.GetValue(limit) is > 0 and var most ? lines.Take(most).ToList() : lines;
            if (parsed.GetValue(json))
            {
                Terminal.WriteJson(shown);
                return 0;
            }

            var console = Terminal.For(json: false);
            console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{shown.Count} of {lines.Count} completions{(wantedStep is { } s ? $" of step {s}" : "")}; passed: {lines.Count(line => line.Verdict == Score.PassedVerdict)}"));
            new Pager(!parsed.GetValue(noPager), stop).Show(shown, line => Print(console, line), "end");
            return 0;
        });
        return verb;
    }

    private static void Print(IAnsiConsole console, RolloutLine line)
    {
        var style = line.Verdict == Score.PassedVerdict ? "bold green" : line.Reward is null ? "bold grey" : "bold orange3";
        Write(console, string.Create(CultureInfo.InvariantCulture, $"\nstep {line.Step}, group {line.Group}.{line.Member}: {RlvrReport.Heading(line)}"), style);
        if (line.Detail.Length > 0)
        {
            Write(console, line.Detail, "grey");
        }

        foreach (var part in line.Prompt.TrimEnd('\n').Split('\n'))
        {
            Write(console, part, "grey");
        }

        // What the policy wrote; its comments are its thoughts.
        foreach (var part in line.Completion.TrimEnd('\n').Split('\n'))
        {
            Write(console, part, part.TrimStart().StartsWith('#') ? "italic mediumpurple2" : "default");
        }
    }

    private static void Write(IAnsiConsole console, string text, string style) =>
        console.Write(new Text(text + "\n", Style.Parse(style)) { Overflow = Overflow.Fold });
}
