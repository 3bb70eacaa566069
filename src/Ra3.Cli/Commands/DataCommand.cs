using System.CommandLine;
using System.Globalization;
using Ra3.Cli.Data;
using Ra3.Cli.Recipes;
using Ra3.PostTraining.Tasks;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 data list|get`: public benchmark and RLVR data, checked by hash.</summary>
internal static class DataCommand
{
    private const string Everything = "all";
    private static readonly TimeSpan Stall = TimeSpan.FromSeconds(30);

    private static readonly Option<DirectoryInfo> To = new("--to")
    {
        Description = "Folder of the data.",
        HelpName = "DIR",
        DefaultValueFactory = _ => new DirectoryInfo(DataFile.DefaultFolder),
    };

    public static Command Create() => new("data", "Gets public benchmark and RLVR data, or makes tasks.") { List(), Get(), Tasks() };

    private static Verb List()
    {
        var json = CommonOptions.Json();
        var verb = new Verb("list", "Lists the data sets that 'data get' knows.", "ra3 data list", "ra3 data list --json") { To, json };
        verb.Does((parsed, _) =>
        {
            var store = new DataStore(parsed.GetRequiredValue(To).FullName, Stall);
            if (parsed.GetValue(json))
            {
                Terminal.WriteJson(DataFile.Catalogue.Select(f => new { f.Set, f.Name, f.Bytes, f.Items, f.Sha256, f.Url, f.Licence, f.About, Path = store.Has(f) ? store.PathOf(f) : null }));
                return 0;
            }

            var table = new Table().Border(TableBorder.Simple).AddColumns("name", "what", "items", "size", "licence", "here");
            table.Columns[2].RightAligned();
            table.Columns[3].RightAligned();
            foreach (var set in DataFile.Catalogue.GroupBy(file => file.Set))
            {
                var here = set.Count(store.Has);
                table.AddRow(new[]
                {
                    set.Key, string.Join("; ", set.Select(file => file.About)), set.Max(file => file.Items).ToString(CultureInfo.InvariantCulture),
                    Size(set.Sum(file => file.Bytes)), string.Join("; ", set.Select(file => file.Licence).Distinct()),
                    here == set.Count() ? "yes" : here == 0 ? "no" : $"{here} of {set.Count()} files",
                }.Select(Markup.Escape).ToArray());
            }

            Terminal.For(json: false).Write(table);
            return 0;
        });
        return verb;
    }

    private static Verb Tasks()
    {
        var output = new Option<DirectoryInfo>("--out", "-o") { Description = "Folder for the files.", HelpName = "DIR", Required = true };
        var seed = new Option<long>("--seed") { Description = "Decides every task.", HelpName = "S", DefaultValueFactory = _ => 1 };
        var steps = new Option<int>("--max-steps") { Description = "Most steps of a task: the difficulty.", HelpName = "N", DefaultValueFactory = _ => 4 };
        var verb = new Verb(
            "tasks",
            "Makes the built-in family of verifiable Python tasks: corpora for pre-training, mid-training and replay, and problems with hidden tests (docs/method.md).",
            "ra3 data tasks --out data/tasks",
            "ra3 data tasks --out data/hard --max-steps 6 --seed 2") { output, seed, steps };
        steps.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is not (>= 1 and <= 8))
            {
                result.AddError("--max-steps must lie between 1 and 8.");
            }
        });
        verb.Does((parsed, _) =>
        {
            var family = new TaskFamily(
                new TaskOptions { MinSteps = Math.Min(2, parsed.GetValue(steps)), MaxSteps = parsed.GetValue(steps) }, parsed.GetValue(seed));
            foreach (var (file, lines) in TaskFiles.Write(family, parsed.GetRequiredValue(output).FullName))
            {
                Terminal.For(json: false).WriteLine($"{file}: {lines} lines");
            }

            return 0;
        });
        return verb;
    }

    private static Verb Get()
    {
        var name = new Argument<string>("NAME") { Description = $"A name from 'ra3 data list', or '{Everything}'." };
        var from = new Option<FileSystemInfo>("--from") { Description = "Import a copy (a file, or a folder that holds it) instead of downloading.", HelpName = "PATH" };
        var json = CommonOptions.Json();
        var verb = new Verb(
            "get",
            "Downloads a data set, checks its hash, and keeps it; what is there already is not fetched again.",
            "ra3 data get humaneval",
            "ra3 data get all --to data",
            "ra3 data get mbpp --from ~/downloads/mbpp.jsonl") { name, To, from, json };
        verb.SetAction(async (parsed, stop) =>
        {
            var store = new DataStore(parsed.GetRequiredValue(To).FullName, Stall);
            var console = Terminal.For(parsed.GetValue(json));
            var files = Find(parsed.GetRequiredValue(name));
            using var http = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
            http.DefaultRequestHeaders.UserAgent.ParseAdd("ra3");
            foreach (var file in files)
            {
                if (store.Has(file))
                {
                    console.WriteLine($"{store.PathOf(file)} is there and whole.");
                    continue;
                }

                if (parsed.GetValue(from) is { } source)
                {
                    store.Import(file, source.FullName);
                }
                else
                {
                    using var progress = new ProgressLine(file.Name, file.Bytes);
                    await store.DownloadAsync(http, file, received => progress.Report(received), stop);
                }

                console.WriteLine($"{store.PathOf(file)} ({file.Items} items, {file.Licence})");
            }

            if (parsed.GetValue(json))
            {
                Terminal.WriteJson(files.Select(f => new { f.Set, f.Name, Path = store.PathOf(f), f.Items, f.Licence }));
            }

            return 0;
        });
        return verb;
    }

    /// <summary>The files of a set; humaneval+ and mbpp+, as 'ra3 eval' calls them, are sets too.</summary>
    internal static List<DataFile> Find(string name)
    {
        var set = name.Replace("+", "-plus", StringComparison.Ordinal);
        var files = DataFile.Catalogue.Where(f => name == Everything || f.Set == set).ToList();
        if (files.Count > 0)
        {
            return files;
        }

        var sets = DataFile.Catalogue.Select(f => f.Set).Distinct().ToList();
        throw new ArgumentException(RecipeKeys.Nearest(name, sets) is { } near
            ? $"There is no data set '{name}'; did you mean '{near}'?"
            : $"There is no data set '{name}'. There are {string.Join(", ", sets)}, and '{Everything}'.", nameof(name));
    }

    private static string Size(long bytes) => bytes < 1_000_000
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0} kB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB");
}
