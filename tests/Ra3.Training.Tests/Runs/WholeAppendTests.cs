using Ra3.Training.Runs;

namespace Ra3.Tests.Runs;

public sealed class WholeAppendTests
{
    [Fact]
    public void A_full_disk_leaves_no_half_record()
    {
        var path = Path.GetTempFileName();
        using (var file = new FillingDisk(path))
        {
            WholeAppend.Write(file, "one\n"u8);
            file.Full = true;
            FluentActions.Invoking(() => WholeAppend.Write(file, "two\n"u8)).Should().Throw<IOException>();
            file.Full = false;
            WholeAppend.Write(file, "three\n"u8);
        }

        File.ReadAllText(path).Should().Be("one\nthree\n");
        File.Delete(path);
    }

    private sealed class FillingDisk(string path) : FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0)
    {
        public bool Full { get; set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            base.Write(Full ? buffer[..2] : buffer);
            if (Full)
            {
                throw new IOException("No space left on device", 28);
            }
        }
    }
}
