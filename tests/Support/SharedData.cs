namespace Ra3.Tests;

/// <summary>
/// Finds the benchmark and model data that the repository does not carry: the folder named by RA3_SHARED,
/// or a folder "shared" beside the checkout. A test whose data is absent skips and says which file it wanted.
/// </summary>
internal static class SharedData
{
    private static readonly string? Root = FindRoot();

    /// <summary>Path of a shared file or folder; skips the calling test, by name, where it is absent.</summary>
    public static string Require(string relative)
    {
        var path = Root is null ? null : Path.Combine(Root, relative);
        if (path is null || !(File.Exists(path) || Directory.Exists(path)))
        {
            Assert.Skip($"needs shared/{relative} beside the checkout (or RA3_SHARED)");
        }

        return path!;
    }

    private static string? FindRoot()
    {
        if (Environment.GetEnvironmentVariable("RA3_SHARED") is { Length: > 0 } named)
        {
            return named;
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Ra3.slnx")))
            {
                var shared = Path.Combine(folder.Parent?.FullName ?? "/", "shared");
                return Directory.Exists(shared) ? shared : null;
            }
        }

        return null;
    }
}
