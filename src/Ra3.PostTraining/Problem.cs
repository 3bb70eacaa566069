using Ra3.Models.Tokenizers;

namespace Ra3.PostTraining;

/// <summary>A prompt whose completions can be verified.</summary>
/// <param name="Id">Unique among the problems of a run.</param>
/// <param name="Prompt">Text given to the policy.</param>
/// <param name="Stop">Texts that end a completion, besides the end of text.</param>
public abstract record Problem(string Id, string Prompt, IReadOnlyList<string> Stop)
{
    /// <summary>File and line it was read from, for messages; null where it was made otherwise.</summary>
    public string? Place { get; init; }

    /// <summary>Whether special tokens written out in the prompt are those tokens (a chat's markers, say) rather than ordinary text.</summary>
    public bool SpecialTokens { get; init; }

    internal int[] Encode(Tokenizer tokenizer) => new PromptEncoder(tokenizer).Encode(Prompt, SpecialTokens);
}

/// <summary>A Python program to be written, and the trusted code that tests it.</summary>
/// <param name="Id">Unique among the problems of a run.</param>
/// <param name="Prompt">Text given to the policy.</param>
/// <param name="Stop">Texts that end a completion.</param>
/// <param name="Program">Text before the completion in the program that is judged; usually the prompt or its code part. Tests may
/// use what it defines: they have it from this text, never from the program.</param>
/// <param name="EntryPoint">The function under test.</param>
/// <param name="Tests">Assertions about it, or a function <c>check(candidate)</c> of them.</param>
public sealed record PythonProblem(
    string Id, string Prompt, IReadOnlyList<string> Stop, string Program, string EntryPoint, string Tests)
    : Problem(Id, Prompt, Stop)
{
    /// <summary>What the program must define besides the function, for the tests to use.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];
}

/// <summary>A question with a final answer.</summary>
/// <param name="Id">Unique among the problems of a run.</param>
/// <param name="Prompt">Text given to the policy.</param>
/// <param name="Stop">Texts that end a completion.</param>
/// <param name="Answer">The right answer.</param>
public sealed record AnswerProblem(string Id, string Prompt, IReadOnlyList<string> Stop, string Answer)
    : Problem(Id, Prompt, Stop);
