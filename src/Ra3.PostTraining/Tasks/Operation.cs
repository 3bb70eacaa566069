namespace Ra3.PostTraining.Tasks;

/// <summary>What a task computes on.</summary>
public enum TaskKind
{
    /// <summary>A list of integers.</summary>
    List,

    /// <summary>A string.</summary>
    Text,

    /// <summary>A dict from words to integers.</summary>
    Table,
}

/// <summary>
/// One step of a task in its three guises: plain English, a coined name (jargon), and Python. In templates "{k}" stands for
/// the step's parameter, a digit from 2 to 9. <see cref="Apply"/> says what it does independently of the Python.
/// </summary>
/// <param name="Kind">What it works on: long[], string or Dictionary&lt;string, long&gt;.</param>
/// <param name="Jargon">Its coined name.</param>
/// <param name="English">An imperative phrase.</param>
/// <param name="Code">Python lines that rebind the variable, without indent.</param>
/// <param name="Apply">Its meaning.</param>
public sealed record Operation(TaskKind Kind, string Jargon, string English, string Code, Func<object, int, object> Apply)
{
    /// <summary>Whether it takes a parameter.</summary>
    public bool HasParameter => English.Contains("{k}", StringComparison.Ordinal);
}

/// <summary>An operation with its parameter.</summary>
/// <param name="Operation">What is done.</param>
/// <param name="Parameter">Its parameter; 0 where it takes none.</param>
public sealed record Step(Operation Operation, int Parameter)
{
    /// <summary>In plain English.</summary>
    public string English => Fill(Operation.English);

    /// <summary>In jargon.</summary>
    public string Jargon => Operation.HasParameter ? $"{Operation.Jargon} {Parameter}" : Operation.Jargon;

    /// <summary>In Python, line by line, without indent.</summary>
    public IReadOnlyList<string> Code => Fill(Operation.Code).Split('\n');

    private string Fill(string template) =>
        template.Replace("{k}", Parameter.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
