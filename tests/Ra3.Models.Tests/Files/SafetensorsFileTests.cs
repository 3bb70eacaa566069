using System.Buffers.Binary;
using System.Text;
using CsCheck;
using Ra3.Models.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace Ra3.Tests.Files;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<ScalarType> Types =>
    [
        ScalarType.Float64, ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int64,
        ScalarType.Int32, ScalarType.Int16, ScalarType.Int8, ScalarType.Byte, ScalarType.Bool,
    ];

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_type_comes_back_bit_for_bit(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var original = type == ScalarType.Bool
            ? arange(6).remainder(2).to(ScalarType.Bool).reshape(2, 3)
            : (randn([2, 3], generator: new Generator(1)) * 40).to(type);
        var path = folder.At("a.safetensors");

        SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["x"] = original });
        using var file = SafetensorsFile.Open(path);
        var read = file.Read("x");

        read.dtype.Should().Be(type);
        read.shape.Should().Equal(2, 3);
        read.bytes.ToArray().Should().Equal(original.bytes.ToArray());
    }

    [Fact]
    public void The_layout_is_the_one_the_format_prescribes()
    {
        using var scope = NewDisposeScope();
        var path = folder.At("a.safetensors");
        SafetensorsFile.Write(path, new Dictionary<string, Tensor>
        {
            ["z"] = tensor(new float[] { 1, -2 }),
            ["half"] = tensor(new float[] { 1 }).to(ScalarType.BFloat16),
            ["a"] = tensor(3f),
        });

        var bytes = File.ReadAllBytes(path);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        (length % 8).Should().Be(0);
        Encoding.UTF8.GetString(bytes, 8, length).TrimEnd(' ').Should().Be(
            """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}"""
            + ""","z":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"half":{"dtype":"BF16","shape":[1],"data_offsets":[12,14]}}""");
        Convert.ToHexString(bytes[(8 + length)..]).Should().Be("00004040" + "0000803F" + "000000C0" + "803F");
    }

    [Fact]
    public void NaN_payloads_negative_zero_and_subnormals_survive()
    {
        using var scope = NewDisposeScope();
        var original = zeros(65536, ScalarType.BFloat16);
        for (var i = 0; i < 65536; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(original.bytes[(2 * i)..], (ushort)i);
        }

        var path = folder.At("a.safetensors");
        SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["x"] = original });
        using var file = SafetensorsFile.Open(path);

        file.Read("x").bytes.SequenceEqual(original.bytes).Should().BeTrue();
    }

    [Fact]
    public void Views_scalars_empty_tensors_and_trained_leaves_are_stored_by_value()
    {
        using var scope = NewDisposeScope();
        var path = folder.At("a.safetensors");
        SafetensorsFile.Write(path, new Dictionary<string, Tensor>
        {
            ["transposed"] = arange(6, ScalarType.Float32).reshape(2, 3).t(),
            ["scalar"] = tensor(7f),
            ["empty"] = zeros(0, 5),
            ["leaf"] = ones(2).requires_grad_(),
        });
        using var file = SafetensorsFile.Open(path);

        file.Read("transposed").data<float>().ToArray().Should().Equal(0, 3, 1, 4, 2, 5);
        file.Read("scalar").shape.Should().BeEmpty();
        file.Read("empty").shape.Should().Equal(0, 5);
        file.Read("leaf").requires_grad.Should().BeFalse();
    }

    [Fact]
    public void StoreAs_converts_floats_and_leaves_integers()
    {
        using var scope = NewDisposeScope();
        var path = folder.At("a.safetensors");
        SafetensorsFile.Write(
            path, new Dictionary<string, Tensor> { ["w"] = ones(2), ["steps"] = tensor(3L) }, ScalarType.BFloat16);
        using var file = SafetensorsFile.Open(path);

        file.Entries["w"].Type.Should().Be(ScalarType.BFloat16);
        file.Entries["steps"].Type.Should().Be(ScalarType.Int64);
    }

    [Fact]
    public void Equal_tensors_give_equal_files_whatever_their_order()
    {
        using var scope = NewDisposeScope();
        string one = folder.At("one"), two = folder.At("two");
        SafetensorsFile.Write(one, new Dictionary<string, Tensor> { ["b"] = ones(3), ["a"] = zeros(2) });
        SafetensorsFile.Write(two, new Dictionary<string, Tensor> { ["a"] = zeros(2), ["b"] = ones(3) });

        File.ReadAllBytes(two).Should().Equal(File.ReadAllBytes(one));
    }

    [Fact]
    public void A_file_cut_anywhere_is_called_torn()
    {
        var whole = Sample();
        var path = folder.At("torn.safetensors");
        for (var cut = 0; cut < whole.Length; cut++)
        {
            File.WriteAllBytes(path, whole[..cut]);
            var open = () => SafetensorsFile.Open(path).Dispose();
            open.Should().Throw<InvalidDataException>($"cut to {cut} bytes").WithMessage($"{path} is torn*copy it again.");
        }
    }

    [Fact]
    public void Any_mutated_header_reads_within_the_file_or_is_refused()
    {
        var whole = Sample();
        var header = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(whole);
        var path = folder.At("mutated.safetensors");
        Gen.Select(Gen.Int[0, header - 1], Gen.Byte).Array[1, 3].Sample(
            mutations =>
            {
                var bytes = (byte[])whole.Clone();
                foreach (var (at, value) in mutations)
                {
                    bytes[at] = value;
                }

                File.WriteAllBytes(path, bytes);
                try
                {
                    using var file = SafetensorsFile.Open(path);
                    foreach (var entry in file.Entries.Values)
                    {
                        using var tensor = file.Read(entry.Name);
                        (entry.Offset >= 8 && entry.Offset + entry.Bytes <= bytes.Length
                            && tensor.numel() * tensor.element_size() == entry.Bytes).Should().BeTrue();
                    }
                }
                catch (InvalidDataException e)
                {
                    e.Message.Should().Contain(path);
                }
            },
            iter: 3000, threads: 1);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "tensor b overlaps the one before it by 4 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "4 bytes before tensor a belong to no tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 8, "4 bytes after its last tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "tensor a of shape [3] and dtype F32 cannot have 8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "tensor a lacks a proper dtype, shape or data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "tensor a ends at 0, before its beginning at 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}}""", 8, "tensor a lacks a proper dtype")]
    [InlineData("""{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}""", 8, "tensor a has dtype F8_E4M3, but only F64, F32")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "cannot have 0 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0,4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "cannot have 0 bytes")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 4, "not valid JSON")]
    [InlineData("""{"__metadata__":{"x":1}}""", 0, "__metadata__ is no object of strings")]
    [InlineData("""[]""", 0, "no JSON object")]
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0, "not valid JSON")]
    [InlineData("""{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}""", 8, "tensor a ends at byte 9 of the data, but only 8 are there")]
    [InlineData("""{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9223372036854775807]}}""", 8, "only 8 are there")]
    public void A_lying_header_is_refused_by_name(string header, int dataBytes, string complaint)
    {
        var path = folder.At("lie.safetensors");
        File.WriteAllBytes(path, Image(header, dataBytes));

        var open = () => SafetensorsFile.Open(path).Dispose();

        open.Should().Throw<InvalidDataException>().WithMessage($"{path}*{complaint}*");
    }

    [Fact]
    public void A_boolean_that_is_neither_0_nor_1_is_refused()
    {
        var path = folder.At("bool.safetensors");
        var image = Image("""{"flags":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}""", 4);
        image[^1] = 2;
        File.WriteAllBytes(path, image);
        using var file = SafetensorsFile.Open(path);

        var read = () => file.Read("flags");

        read.Should().Throw<InvalidDataException>().WithMessage("*BOOL tensor flags*");
    }

    [Fact]
    public void A_file_that_shrinks_after_opening_gives_an_exception_and_no_crash()
    {
        var path = folder.At("shrinks.safetensors");
        var whole = Sample();
        File.WriteAllBytes(path, whole);
        using var file = SafetensorsFile.Open(path);
        using (var writer = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            writer.SetLength(whole.Length - 1);
        }

        var read = () => file.Read(file.Entries.Values.MaxBy(entry => entry.Offset)!.Name);

        read.Should().Throw<InvalidDataException>().WithMessage("*torn*");
    }

    [Fact]
    public void A_write_that_fails_leaves_the_old_file_and_nothing_else()
    {
        using var scope = NewDisposeScope();
        var path = folder.At("a.safetensors");
        SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["x"] = ones(2) });
        var before = File.ReadAllBytes(path);

        var write = () => AtomicWrite.File(path, stream =>
        {
            stream.WriteByte(1);
            throw new IOException("No space left on device");
        });

        write.Should().Throw<IOException>().WithMessage($"Could not write {path}: No space left on device*untouched*");
        File.ReadAllBytes(path).Should().Equal(before);
        Directory.GetFileSystemEntries(folder.Path).Should().Equal(path);
    }

    [Fact]
    public void Reading_and_writing_leave_no_tensor_behind()
    {
        var path = folder.At("a.safetensors");
        using var x = ones(3);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["x"] = x }, ScalarType.BFloat16);
        using (var file = SafetensorsFile.Open(path))
        {
            file.Read("x").Dispose();
        }

        DisposeScopeManager.Statistics.ThreadTotalLiveCount.Should().Be(before);
    }

    private static byte[] Image(string header, int dataBytes)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var image = new byte[8 + text.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(image, text.Length);
        text.CopyTo(image, 8);
        return image;
    }

    private static byte[] Sample() => Image(
        """{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}"""
        + ""","b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},"n":{"dtype":"BOOL","shape":[1],"data_offsets":[32,33]}}""",
        33);
}
