using Ra3.Models.Files;

namespace Ra3.Tests.Files;

public sealed class AtomicWriteTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_folder_set_aside_by_a_killed_writer_is_put_back_by_whoever_looks_next()
    {
        var path = Folder("a", "old");
        Folder("a.partial", "new");
        var kill = () => AtomicWrite.ReplaceByTwoRenames(path, path + ".partial", path + ".old", () => throw new InvalidOperationException("killed"));
        kill.Should().Throw<InvalidOperationException>();
        Directory.Exists(path).Should().BeFalse("it was killed between the renames");

        AtomicWrite.FolderExists(path + Path.DirectorySeparatorChar).Should().BeTrue();

        Content(path).Should().Be("old");
        AtomicWrite.Folder(path, inner => File.WriteAllText(Path.Combine(inner, "name"), "newer"));
        Content(path).Should().Be("newer");
        Directory.GetFileSystemEntries(folder.Path).Should().Equal(path);
    }

    [Fact]
    public void A_reader_between_the_renames_does_not_disturb_the_writer()
    {
        var path = Folder("a", "old");
        Folder("a.partial", "new");
        var looks = 0;

        AtomicWrite.ReplaceByTwoRenames(path, path + ".partial", path + ".old", () => _ = looks++ == 0 && AtomicWrite.FolderExists(path));

        looks.Should().Be(2);
        Content(path).Should().Be("new");
    }

    [Fact]
    public void What_was_never_there_is_not_there() => AtomicWrite.FolderExists(folder.At("none")).Should().BeFalse();

    [Fact]
    public async Task A_file_is_left_as_it_was_where_writing_fails_and_another_writer_is_not_disturbed()
    {
        var path = folder.At("file");
        AtomicWrite.Text(path, "é old");
        await FluentActions.Awaiting(() => AtomicWrite.FileAsync(path, _ => throw new IOException("the disk went away"))).Should()
            .ThrowAsync<IOException>().WithMessage($"Could not write {path}: the disk went away*untouched*");
        Directory.GetFiles(folder.Path).Should().Equal(path);

        await AtomicWrite.FileAsync(path, async stream =>
        {
            FluentActions.Invoking(() => AtomicWrite.Text(path, "second")).Should().Throw<IOException>().WithMessage($"Could not write {path}*");
            await stream.WriteAsync("first"u8.ToArray());
        });

        File.ReadAllText(path).Should().Be("first");
    }

    private string Folder(string name, string content)
    {
        var path = Directory.CreateDirectory(folder.At(name)).FullName;
        File.WriteAllText(Path.Combine(path, "name"), content);
        return path;
    }

    private static string Content(string path) => File.ReadAllText(Path.Combine(path, "name"));
}
