using System.Globalization;

namespace Ra3.Cli.Data;

/// <summary>One public file that `ra3 data get` knows, as listed in catalogue.tsv; a data set may have several.</summary>
/// <param name="Set">Name of the data set.</param>
/// <param name="Name">File name.</param>
/// <param name="Bytes">Length.</param>
/// <param name="Items">Problems in it.</param>
/// <param name="Sha256">Lower-case hexadecimal.</param>
/// <param name="Url">Where it is published.</param>
/// <param name="Licence">As its publisher states it.</param>
/// <param name="About">What it is.</param>
internal sealed record DataFile(string Set, string Name, long Bytes, int Items, string Sha256, Uri Url, string Licence, string About)
{
    /// <summary>Every known file, in the order of the catalogue.</summary>
    public static IReadOnlyList<DataFile> Catalogue { get; } = ReadCatalogue();

    /// <summary>Where data goes unless the user says otherwise: ra3/data in the user's cache folder.</summary>
    public static string DefaultFolder
    {
        get
        {
            var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } named && Path.IsPathRooted(named)
                ? named
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            return Path.Combine(cache, "ra3", "data");
        }
    }

    private static List<DataFile> ReadCatalogue()
    {
        using var stream = typeof(DataFile).Assembly.GetManifestResourceStream("catalogue.tsv")!;
        return [.. new StreamReader(stream).ReadToEnd()
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => line[0] != '#')
            .Skip(1)
            .Select(line => line.Split('\t'))
            .Select(f => new DataFile(
                f[0],
                f[1],
                long.Parse(f[2], CultureInfo.InvariantCulture),
                int.Parse(f[3], CultureInfo.InvariantCulture),
                f[4],
                new Uri(f[5]),
                f[6],
                f[7]))];
    }
}
