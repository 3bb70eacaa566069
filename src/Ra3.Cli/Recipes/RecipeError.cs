namespace Ra3.Cli.Recipes;

/// <summary>One thing wrong with a recipe, and where it stands.</summary>
/// <param name="Line">Line in the file; larger than any line for what was given by --set or not at all.</param>
/// <param name="Place">How the place is written for the user: `line 4`, the --set argument, or nothing.</param>
/// <param name="Message">What is wrong, beginning with the key's path.</param>
internal sealed record RecipeError(long Line, string Place, string Message)
{
    public static readonly IComparer<RecipeError> ByPlace = Comparer<RecipeError>.Create((a, b) => a.Line.CompareTo(b.Line));

    public override string ToString() => Place.Length == 0 ? Message : $"{Place}: {Message}";
}
