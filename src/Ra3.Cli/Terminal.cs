using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Ra3.Cli;

/// <summary>
/// Where verbs write. Text for people goes through <see cref="For"/>; with `--json` that is standard error, and the last
/// thing on standard output is JSON. Colours and box drawing are for terminals only, and NO_COLOR is heeded.
/// </summary>
internal static class Terminal
{
    private const int PipeWidth = 200; // wide enough that no table of ours wraps in a log file

    public static readonly JsonSerializerOptions JsonOptions = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    private static readonly Lazy<IAnsiConsole> Output = new(() => Create(Console.Out, Console.IsOutputRedirected));
    private static readonly Lazy<IAnsiConsole> Error = new(() => Create(Console.Error, Console.IsErrorRedirected));

    /// <summary>The console for people: standard output, or standard error when standard output carries JSON.</summary>
    public static IAnsiConsole For(bool json) => json ? Error.Value : Output.Value;

    /// <summary>Writes one JSON object (camelCase keys) as one line on standard output.</summary>
    public static void WriteJson<T>(T value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, JsonOptions));

    internal static IAnsiConsole Create(TextWriter writer, bool redirected)
    {
        var plain = redirected || Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 };
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = redirected ? InteractionSupport.No : InteractionSupport.Detect,
        });
        if (redirected)
        {
            console.Profile.Width = PipeWidth;
        }

        return console;
    }
}
