using System.Runtime.InteropServices;

namespace Ra3.Models.Files;

/// <summary>
/// Files and folders that are either whole or not there: written beside their place under the name PATH.partial, flushed
/// to the disk, then renamed. A run that is killed leaves at most a .partial, which the next write to the same path
/// removes. Two writers to one path at a time are not provided for.
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
    public static void File(string path, Action<Stream> write, long length = 0)
    {
        var partial = path + ".partial";
        Guarded(path, () => System.IO.File.Delete(partial), () =>
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                PreallocationSize = length,
            };
            using (var stream = new FileStream(partial, options))
            {
                write(stream);
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
        string partial = path + ".partial", old = path + ".old";
        Guarded(path, () => DeleteFolder(partial), () =>
        {
            if (System.IO.File.Exists(path))
            {
                throw new IOException($"{path} is a file, not a folder.");
            }

            if (Directory.Exists(old) && !Directory.Exists(path))
            {
                Directory.Move(old, path); // killed between the two renames of Replace
            }

            DeleteFolder(partial);
            Directory.CreateDirectory(partial);
            write(partial);
            foreach (var entry in Directory.EnumerateFileSystemEntries(partial, "*", SearchOption.AllDirectories))
            {
                FlushToDisk(entry);
            }

            FlushToDisk(partial);
            Replace(path, partial, old);
            FlushToDisk(Path.GetDirectoryName(path)!);
        });
    }

    private static void Guarded(string path, Action discard, Action work)
    {
        try
        {
            work();
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
                // Of a file inside a folder only the cause is told, not twice what it means.
                var cause = failure.InnerException is IOException inner ? inner : failure;
                throw new IOException(
                    $"Could not write {path}: {cause.Message} What was there before is untouched; "
                    + "make room or choose another place.", cause);
            }

            throw;
        }
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
            DeleteFolder(old);
            Directory.Move(path, old);
            Directory.Move(partial, path);
        }

        DeleteFolder(partial);
        DeleteFolder(old);
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
