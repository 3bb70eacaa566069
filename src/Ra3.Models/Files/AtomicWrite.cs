using System.Runtime.InteropServices;
using System.Text;

namespace Ra3.Models.Files;

/// <summary>
/// Files and folders that are either whole or not there: written beside their place under the name PATH.partial, flushed
/// to the disk, then renamed. A run that is killed leaves at most a .partial, which the next write to the same path
/// removes, or a folder set aside as PATH.old, which <see cref="FolderExists"/> puts back. Two writers to one path at a
/// time are not provided for.
/// </summary>
public static partial class AtomicWrite
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const uint Exchange = 2; // RENAME_EXCHANGE

    /// <summary>Makes or replaces a file.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="write">Writes the content to the stream given.</param>
    /// <param name="length">The file's length in bytes where it is known: a full disk then shows before any writing.</param>
    /// <exception cref="IOException">Writing failed (a full disk, say); the old file, if any, is untouched.</exception>
    public static void File(string path, Action<Stream> write, long length = 0) => FileAsync(
        path,
        stream =>
        {
            write(stream);
            return Task.CompletedTask;
        },
        length).GetAwaiter().GetResult();

    /// <summary>Makes or replaces a file of text, as UTF-8.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="text">The content.</param>
    /// <exception cref="IOException">Writing failed (a full disk, say); the old file, if any, is untouched.</exception>
    public static void Text(string path, string text) => File(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>As <see cref="File"/>, for content that arrives bit by bit.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="write">Writes the content to the stream given.</param>
    /// <param name="length">The file's length in bytes where it is known: a full disk then shows before any writing.</param>
    /// <exception cref="IOException">Writing failed (a full disk, say); the old file, if any, is untouched.</exception>
    public static async Task FileAsync(string path, Func<Stream, Task> write, long length = 0)
    {
        var partial = path + ".partial";
        var options = new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            Share = FileShare.None,
            BufferSize = 1 << 16,
            PreallocationSize = length,
        };
        FileStream stream;
        try
        {
            stream = new FileStream(partial, options);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(path, e); // a .partial that another process writes to is not ours to remove
        }

        await Guarded(path, () => System.IO.File.Delete(partial), async () =>
        {
            await using (stream)
            {
                await write(stream);
                stream.Flush(flushToDisk: true);
            }

            System.IO.File.Move(partial, path, overwrite: true);
            FlushToDisk(Path.GetDirectoryName(Path.GetFullPath(path))!);
        });
    }

    /// <summary>Makes or replaces a whole folder.</summary>
    /// <param name="path">The folder; folders above it are made as needed.</param>
    /// <param name="write">Fills the (empty) folder whose path it is given.</param>
    /// <exception cref="IOException">Writing failed (a full disk, say); the old folder, if any, is untouched.</exception>
    public static void Folder(string path, Action<string> write)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var partial = path + ".partial";
        Guarded(path, () => DeleteFolder(partial), () =>
        {
            if (System.IO.File.Exists(path))
            {
                throw new IOException($"{path} is a file, not a folder.");
            }

            _ = FolderExists(path);
            DeleteFolder(partial);
            Directory.CreateDirectory(partial);
            write(partial);
            foreach (var entry in Directory.EnumerateFileSystemEntries(partial, "*", SearchOption.AllDirectories))
            {
                FlushToDisk(entry);
            }

            FlushToDisk(partial);
            Replace(path, partial, OldName(path));
            FlushToDisk(Path.GetDirectoryName(path)!);
            return Task.CompletedTask;
        }).GetAwaiter().GetResult();
    }

    /// <summary>
    /// Whether a folder that <see cref="Folder"/> makes is there. Where its writer was killed between the two renames of a
    /// file system that cannot exchange names, the old folder is put back first. Readers ask this, not the file system.
    /// </summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="IOException">The old folder is there, but cannot be put back.</exception>
    public static bool FolderExists(string path)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Directory.Exists(path))
        {
            return true;
        }

        var old = OldName(path);
        if (!Directory.Exists(old))
        {
            return false;
        }

        try
        {
            Directory.Move(old, path);
        }
        catch (IOException) when (Directory.Exists(path))
        {
            // Another process was quicker, the writer perhaps.
        }

        return true;
    }

    private static string OldName(string path) => path + ".old";

    private static async Task Guarded(string path, Action discard, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception failure)
        {
            try
            {
                discard();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // What made the writing fail is what the user needs to hear of.
            }

            if (failure is IOException or UnauthorizedAccessException)
            {
                throw Failed(path, failure);
            }

            throw;
        }
    }

    private static IOException Failed(string path, Exception failure)
    {
        // Of a file inside a folder only the cause is told, not twice what it means.
        var cause = failure.InnerException is IOException inner ? inner : failure;
        return new IOException(
            $"Could not write {path}: {cause.Message} What was there before is untouched; "
            + "make room or choose another place.", cause);
    }

    private static void Replace(string path, string partial, string old)
    {
        if (!Directory.Exists(path))
        {
            Directory.Move(partial, path);
            return;
        }

        // Linux swaps the two names in one step; elsewhere, and on file systems that cannot, two renames do it.
        if (!OperatingSystem.IsLinux() || RenameAt2(CurrentFolder, partial, CurrentFolder, path, Exchange) != 0)
        {
            ReplaceByTwoRenames(path, partial, old);
        }

        DeleteFolder(partial);
        DeleteFolder(old);
    }

    /// <summary>What <see cref="Replace"/> does where names cannot be exchanged.</summary>
    /// <param name="path">The folder to replace.</param>
    /// <param name="partial">What replaces it.</param>
    /// <param name="old">Where it goes; kept, so that a kill at any point leaves one of the two.</param>
    /// <param name="between">Called between the renames; for tests.</param>
    internal static void ReplaceByTwoRenames(string path, string partial, string old, Action? between = null)
    {
        while (Directory.Exists(partial))
        {
            DeleteFolder(old);
            Directory.Move(path, old);
            between?.Invoke();
            try
            {
                Directory.Move(partial, path);
            }
            catch (IOException) when (Directory.Exists(path))
            {
                // A reader found the place empty and put the old folder back: once more.
            }
        }
    }

    private static void DeleteFolder(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    /// <summary>Flushes a file or a folder's entries. Windows writes folder entries through and cannot flush read-only handles.</summary>
    private static void FlushToDisk(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var descriptor = Open(path, 0);
        if (descriptor < 0)
        {
            return; // unreadable to us: the kernel writes it in its own time
        }

        var failed = FlushDescriptor(descriptor) != 0;
        var error = Marshal.GetLastPInvokeError();
        _ = Close(descriptor);
        const int unsupported = 22; // EINVAL: a file system without fsync for this kind of entry
        if (failed && error != unsupported)
        {
            throw new IOException($"Flushing {path} to the disk failed (error {error}).");
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FlushDescriptor(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "renameat2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt2(int fromFolder, string from, int toFolder, string to, uint flags);
}
