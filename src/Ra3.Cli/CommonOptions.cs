using System.CommandLine;
using System.Globalization;

namespace Ra3.Cli;

/// <summary>Options that mean the same in every verb that has them.</summary>
internal static class CommonOptions
{
    public static Option<bool> Json() => new("--json")
    {
        Description = "Write the result as JSON on standard output; text for people goes to standard error.",
    };

    /// <summary>Of the root, for every verb: settled before the tensor library is loaded.</summary>
    public static Option<int?> Threads { get; } = new Option<int?>("--threads")
    {
        Description = "Threads of the tensor library; default one for each core. Fewer leave cores to other programs.",
        HelpName = "N",
        Recursive = true,
        Validators =
        {
            result =>
            {
                if (result.GetValueOrDefault<int?>() < 1)
                {
                    result.AddError("--threads must be at least 1.");
                }
            },
        },
    };

    public static Option<bool> DryRun() => new("--dry-run")
    {
        Description = "Check everything and print the plan; run nothing.",
    };

    public static Option<bool> SpecialTokens() => new("--special-tokens")
    {
        Description = "Special tokens typed in a prompt (<|im_start|>, say) are those tokens; otherwise they are ordinary text.",
    };

    public static Option<FileInfo?> RecipeFile() => new("--recipe", "-r")
    {
        Description = "YAML recipe; what it leaves out keeps its default.",
        HelpName = "FILE",
    };

    /// <summary>Assignments over the recipe, e.g. `--set optimizer.learningRate=3e-4`; may be repeated.</summary>
    public static Option<string[]> Set() => new("--set")
    {
        Description = "Override one value of the recipe; may be repeated.",
        HelpName = "KEY.PATH=VALUE",
        Arity = ArgumentArity.ZeroOrMore,
        DefaultValueFactory = _ => [],
    };

    /// <summary>
    /// Refuses smaller values as wrong usage. A validator of the whole command cannot: when it runs, options that were
    /// not given do not have their defaults yet and read as 0.
    /// </summary>
    public static Option<int> AtLeast(this Option<int> option, int least)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var given) && given < least)
            {
                result.AddError($"{option.Name} must be at least {least}.");
            }
        });
        return option;
    }

    /// <summary>Refuses values outside a range, and what is no finite number, as wrong usage.</summary>
    public static Option<T> Between<T>(this Option<T> option, double least, double most)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && double.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var given)
                && !(given >= least && given <= most))
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} must be {least} to {most}: {given}."));
            }
        });
        return option;
    }
}
