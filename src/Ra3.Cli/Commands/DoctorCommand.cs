using System.CommandLine;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 doctor`: what this machine has and what is missing.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var json = CommonOptions.Json();
        var verb = new Verb("doctor", "Shows what this machine has, what is missing, and what to do about it.", "ra3 doctor") { json };
        verb.Does((parsed, _) =>
        {
            Console.WriteLine(parsed.GetValue(json));
            return 0;
        });
        return verb;
    }
}
