using System.Text;

namespace Ra3.PostTraining.Tasks;

/// <summary>A task: steps one after the other, and inputs with the outputs they must give.</summary>
/// <param name="Steps">What is done.</param>
/// <param name="FunctionName">Name of the function to write; says nothing about the steps.</param>
/// <param name="Connector">What joins the steps in a docstring.</param>
/// <param name="Cases">Hidden tests: Python literals of an argument and of what the function must return.</param>
public sealed record GeneratedTask(
    IReadOnlyList<Step> Steps, string FunctionName, string Connector, IReadOnlyList<(string Argument, string Expected)> Cases)
{
    private const string Indent = "    ";
    private static readonly string[] Stops = ["\ndef ", "\nclass ", "\n\n"];

    /// <summary>What it computes on.</summary>
    public TaskKind Kind => Steps[0].Operation.Kind;

    /// <summary>Steps and parameters: two tasks with the same signature are the same task.</summary>
    public string Signature => string.Join(' ', Steps.Select(step => step.Jargon));

    private string Variable => Kind switch { TaskKind.List => "values", TaskKind.Text => "text", _ => "table" };

    /// <summary>The function's head and docstring: all that a model is given.</summary>
    /// <param name="jargon">Whether the docstring uses the coined names.</param>
    public string Prompt(bool jargon)
    {
        // The steps are never capitalised: a phrase keeps its tokens wherever it stands.
        var steps = string.Join(Connector, Steps.Select(step => jargon ? step.Jargon : step.English));
        return $"def {FunctionName}({Variable}):\n{Indent}\"\"\"{(Steps.Count > 1 ? "First" : "Just")} {steps}.\"\"\"\n";
    }

    /// <summary>The function, written out.</summary>
    /// <param name="jargon">Whether the docstring uses the coined names.</param>
    /// <param name="comments">Whether each step is preceded by its English as a comment.</param>
    public string Program(bool jargon, bool comments)
    {
        var text = new StringBuilder(Prompt(jargon));
        foreach (var step in Steps)
        {
            if (comments)
            {
                text.Append(Indent).Append("# ").Append(step.English).Append('\n');
            }

            foreach (var line in step.Code)
            {
                text.Append(Indent).Append(line).Append('\n');
            }
        }

        return text.Append(Indent).Append("return ").Append(Variable).Append('\n').ToString();
    }

    /// <summary>A function yet to be written: the docstring in jargon, the plan in English, no code.</summary>
    public string Stub()
    {
        var text = new StringBuilder(Prompt(jargon: true));
        foreach (var step in Steps)
        {
            text.Append(Indent).Append("# ").Append(step.English).Append('\n');
        }

        return text.Append(Indent).Append("pass\n").ToString();
    }

    /// <summary>As a problem with a verifiable reward.</summary>
    /// <param name="jargon">Whether the docstring uses the coined names.</param>
    public PythonProblem ToProblem(bool jargon)
    {
        var prompt = Prompt(jargon);
        var tests = string.Concat(Cases.Select(test => $"assert {FunctionName}({test.Argument}) == {test.Expected}\n"));
        return new PythonProblem($"{(jargon ? "jargon" : "plain")}: {Signature}", prompt, Stops, prompt, FunctionName, tests);
    }
}
