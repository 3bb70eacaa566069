using System;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>Marks GLIBCXX_3.4.32 as weak in the output copy of libLibTorchSharp.so; see NativeCompatibility.targets.</summary>
public class WeakenSymbolVersion : Task
{
    private const string Version = "GLIBCXX_3.4.32";
    private const uint VersionNeedsSection = 0x6ffffffe; // SHT_GNU_verneed
    private const ushort WeakFlag = 0x2; // VER_FLG_WEAK

    [Required]
    public string Folder { get; set; }

    public override bool Execute()
    {
        if (!Directory.Exists(Folder))
        {
            return true;
        }

        var shims = Directory.GetFiles(Folder, "libLibTorchSharp.so", SearchOption.AllDirectories)
            .Where(path => !path.Contains("arm64")).ToArray();
        if (shims.Length == 0 || SystemHasVersion())
        {
            return true;
        }

        foreach (var path in shims)
        {
            var image = File.ReadAllBytes(path);
            if (!Weaken(image))
            {
                continue;
            }

            // The output may be a link into the package cache: write a real file beside it, then put it in its place.
            // Keeping the time stamp lets the next build see an unchanged file.
            var stamp = File.GetLastWriteTimeUtc(path);
            var fresh = path + ".weak";
            File.WriteAllBytes(fresh, image);
            File.SetLastWriteTimeUtc(fresh, stamp);
            File.Delete(path);
            File.Move(fresh, path);
            Log.LogMessage(MessageImportance.Low, "Marked " + Version + " weak in " + path);
        }

        return true;
    }

    private static bool SystemHasVersion()
    {
        var folders = new[]
        {
            "/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib", "/lib",
        };
        var library = folders.Select(folder => Path.Combine(folder, "libstdc++.so.6")).FirstOrDefault(File.Exists);
        if (library == null)
        {
            return false; // a weak request is harmless where the version does exist
        }

        var image = Encoding.GetEncoding("ISO-8859-1").GetString(File.ReadAllBytes(library));
        return image.Contains(Version + "\0");
    }

    /// <summary>Sets the weak flag in an ELF64 little-endian image; false where there is nothing to change.</summary>
    private static bool Weaken(byte[] image)
    {
        if (image.Length < 64 || image[0] != 0x7f || image[4] != 2 || image[5] != 1)
        {
            return false;
        }

        var sections = (long)BitConverter.ToUInt64(image, 0x28);
        int size = BitConverter.ToUInt16(image, 0x3a), count = BitConverter.ToUInt16(image, 0x3c);
        var changed = false;
        for (var i = 0; i < count; i++)
        {
            var header = (int)(sections + (long)i * size);
            if (BitConverter.ToUInt32(image, header + 4) != VersionNeedsSection)
            {
                continue;
            }

            var names = (int)(sections + (long)BitConverter.ToUInt32(image, header + 0x28) * size);
            var strings = (int)BitConverter.ToUInt64(image, names + 0x18);
            var need = (int)BitConverter.ToUInt64(image, header + 0x18);
            while (true)
            {
                var entry = need + (int)BitConverter.ToUInt32(image, need + 8);
                for (var k = BitConverter.ToUInt16(image, need + 2); k > 0; k--)
                {
                    var flags = BitConverter.ToUInt16(image, entry + 4);
                    if (NameAt(image, strings + (int)BitConverter.ToUInt32(image, entry + 8)) == Version
                        && (flags & WeakFlag) == 0)
                    {
                        BitConverter.GetBytes((ushort)(flags | WeakFlag)).CopyTo(image, entry + 4);
                        changed = true;
                    }

                    entry += (int)BitConverter.ToUInt32(image, entry + 12);
                }

                var next = (int)BitConverter.ToUInt32(image, need + 12);
                if (next == 0)
                {
                    break;
                }

                need += next;
            }
        }

        return changed;
    }

    private static string NameAt(byte[] image, int at)
    {
        var end = Array.IndexOf(image, (byte)0, at);
        return Encoding.ASCII.GetString(image, at, end - at);
    }
}
