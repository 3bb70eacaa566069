using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Ra3.Training.Runs;

/// <summary>
/// Scalars as a TensorBoard event file. TorchSharp's SummaryWriter is not used: it reopens the file for every scalar,
/// needs the native library for a checksum, and cannot tell TensorBoard that a resumed run takes back later steps.
/// </summary>
/// <remarks>
/// The file is TFRecord (u64 length, masked CRC-32C of it, payload, masked CRC-32C of that), each payload an `Event` protocol
/// buffer, of which these fields are written: wall_time = 1, step = 2, file_version = 3, summary = 5 { value = 1 { tag = 1,
/// simple_value = 2 } }, session_log = 7 { status = 1 }.
/// </remarks>
internal sealed class TensorBoardWriter : IDisposable
{
    private readonly FileStream file;
    private readonly MemoryStream record = new();

    /// <param name="folder">Gets one event file per process that writes to the run.</param>
    /// <param name="purgeFrom">TensorBoard forgets what earlier files say of this step and later ones; null forgets nothing.</param>
    public TensorBoardWriter(string folder, long? purgeFrom)
    {
        Directory.CreateDirectory(folder);
        var seconds = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        // Seconds lead, as TensorBoard reads files in the order of their names; the counter keeps two within a second apart.
        var count = Directory.GetFiles(folder).Length;
        var name = string.Create(CultureInfo.InvariantCulture, $"events.out.tfevents.{seconds:D10}.ra3.{Environment.ProcessId}.{count}");
        file = new FileStream(Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);

        Begin(step: 0);
        Bytes(3, "brain.Event:2"u8);
        End();
        if (purgeFrom is { } step)
        {
            Begin(step);
            Bytes(7, [1 << 3, 1]); // SessionLog { status = START }
            End();
        }
    }

    public void Write(long step, ReadOnlySpan<(string Name, double Value)> values)
    {
        var summary = new MemoryStream();
        Span<byte> number = stackalloc byte[4];
        foreach (var (name, value) in values)
        {
            var tag = Encoding.UTF8.GetBytes(name.Replace('.', '/')); // eStep.reward is shown as reward under eStep
            var message = new MemoryStream();
            message.WriteByte((1 << 3) | 2);
            VarInt(message, (ulong)tag.Length);
            message.Write(tag);
            message.WriteByte((2 << 3) | 5);
            BinaryPrimitives.WriteSingleLittleEndian(number, (float)value);
            message.Write(number);

            summary.WriteByte((1 << 3) | 2);
            VarInt(summary, (ulong)message.Length);
            message.WriteTo(summary);
        }

        Begin(step);
        Bytes(5, summary.ToArray());
        End();
    }

    public void Dispose() => file.Dispose();

    private void Begin(long step)
    {
        record.SetLength(0);
        record.WriteByte((1 << 3) | 1);
        Span<byte> time = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(time, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0);
        record.Write(time);
        record.WriteByte(2 << 3);
        VarInt(record, (ulong)step);
    }

    private void Bytes(int field, ReadOnlySpan<byte> content)
    {
        record.WriteByte((byte)((field << 3) | 2));
        VarInt(record, (ulong)content.Length);
        record.Write(content);
    }

    private void End()
    {
        var payload = record.ToArray();
        var framed = new byte[8 + 4 + payload.Length + 4];
        BinaryPrimitives.WriteUInt64LittleEndian(framed, (ulong)payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(framed.AsSpan(8), MaskedCrc(framed.AsSpan(0, 8)));
        payload.CopyTo(framed, 12);
        BinaryPrimitives.WriteUInt32LittleEndian(framed.AsSpan(12 + payload.Length), MaskedCrc(payload));
        WholeAppend.Write(file, framed);
    }

    private static void VarInt(MemoryStream to, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            to.WriteByte((byte)(value | 0x80));
        }

        to.WriteByte((byte)value);
    }

    internal static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        crc = ~crc;
        return BitOperations.RotateRight(crc, 15) + 0xa282ead8;
    }
}
