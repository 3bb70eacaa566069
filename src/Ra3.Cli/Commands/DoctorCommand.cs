using System.CommandLine;
using Ra3.Cli.Diagnostics;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 doctor`: what this machine has, what is missing, what to do.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var json = CommonOptions.Json();
        var verb = new Verb("doctor", "Shows what this machine has, what is missing, and what to do about it.", "ra3 doctor", "ra3 doctor --json") { json };
        verb.Does((parsed, _) =>
        {
            List<Check> checks = [.. Machine.Checks(), .. TensorLibrary.Checks(), .. Programs.Checks()];
            var missing = checks.Where(c => c.State == CheckState.Missing).ToList();
            if (parsed.GetValue(json))
            {
                Terminal.WriteJson(new { Ready = missing.Count == 0, Checks = checks });
            }
            else
            {
                Print(checks, missing.Count == 0);
            }

            return missing.Count == 0 ? 0 : 1;
        });
        return verb;
    }

    private static void Print(List<Check> checks, bool ready)
    {
        var console = Terminal.For(json: false);
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach (var check in checks)
        {
            var (word, color) = check.State switch
            {
                CheckState.Ok => ("ok", "green"),
                CheckState.Absent => ("absent", "yellow"),
                _ => ("MISSING", "red"),
            };
            grid.AddRow($"[{color}]{word}[/]", Markup.Escape(check.Name), Markup.Escape(check.Found));
            if (check.Advice is { } advice)
            {
                grid.AddRow(string.Empty, string.Empty, Markup.Escape("→ " + advice));
            }
        }

        console.Write(grid);
        console.WriteLine(ready ? "Ready: 'ra3 quickstart' can run here." : "Something that is needed is missing; see the arrows above.");
    }
}
