using System.IO.Compression;
using System.Text;
using System.Text.Json;
using CsCheck;
using Ra3.Models.Files;

namespace Ra3.Tests.Files;

public sealed class JsonLinesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Lines_come_with_number_and_place_and_blank_ones_only_count()
    {
        File.WriteAllText(folder.At("a.jsonl"), "\uFEFF{\"a\": 1}\r\n\n  \n[2]\n{\"é\"");

        JsonLines.Read(folder.At("a.jsonl")).Select(line => (line.Number, Encoding.UTF8.GetString(line.Bytes.Span), line.IsWhole, line.End)).Should().Equal(
            (1, "{\"a\": 1}\r", true, 13), (4, "[2]", true, 21), (5, "{\"é\"", false, 26));
    }

    [Fact]
    public void Places_hold_for_lines_of_any_length() => Gen.String[Gen.Char['a', 'c'], 0, 200_000].Array[1, 6].Sample(
        texts =>
        {
            var path = folder.At("a.jsonl");
            File.WriteAllText(path, string.Concat(texts.Select(text => $"\"{text}\"\n")));
            var end = 0L;
            foreach (var (line, text) in JsonLines.Read(path).Zip(texts))
            {
                line.Parse().GetString().Should().Be(text);
                line.End.Should().Be(end += text.Length + 3);
            }
        },
        iter: 20, threads: 1);

    [Theory]
    [InlineData("{\"a\": 1} x", "*a.jsonl, line 2: not valid JSON*")]
    [InlineData("{\"a\": nan}", "*a.jsonl, line 2: not valid JSON*")]
    [InlineData("{\"a\": NaNa}", "*a.jsonl, line 2: not valid JSON*")]
    [InlineData("{", "*a.jsonl, line 2: not valid JSON*")]
    public void What_is_no_JSON_is_told_with_file_and_line(string text, string message)
    {
        File.WriteAllText(folder.At("a.jsonl"), "1\n" + text + "\n");
        FluentActions.Enumerating(() => JsonLines.Read(folder.At("a.jsonl")).Select(line => line.Parse())).Should().Throw<InvalidDataException>().WithMessage(message);
    }

    [Fact]
    public void Special_floats_stand_as_marks_outside_strings_only()
    {
        var value = PythonJson.Parse("""{"a": [NaN, -Infinity, Infinity], "NaN": "Infinity \\", "b": "\"NaN"}"""u8);

        value.GetProperty("a").EnumerateArray().Select(item => item.GetProperty(PythonJson.FloatMark).GetString()).Should().Equal("nan", "-inf", "inf");
        value.GetProperty("NaN").GetString().Should().Be("Infinity \\");
        value.GetProperty("b").GetString().Should().Be("\"NaN");
    }

    [Fact]
    public void Packed_files_are_known_by_their_bytes_whatever_their_name()
    {
        using (var stream = new GZipStream(File.Create(folder.At("a.jsonl")), CompressionLevel.Fastest))
        {
            stream.Write("1\n2\n"u8);
        }

        using (var file = File.Create(folder.At("b.jsonl")))
        using (var stream = new ZstdSharp.CompressionStream(file))
        {
            stream.Write("1\n2\n"u8);
        }

        foreach (var name in new[] { "a.jsonl", "b.jsonl" })
        {
            JsonLines.Read(folder.At(name)).Select(line => line.Parse().GetInt32()).Should().Equal(1, 2);
        }

        File.WriteAllText(folder.At("c.jsonl.gz"), "1\n");
        FluentActions.Enumerating(() => JsonLines.Read(folder.At("c.jsonl.gz"))).Should().Throw<InvalidDataException>().WithMessage("*c.jsonl.gz is not a whole gzip file*");
    }

    [Fact]
    public void A_log_gives_up_its_torn_last_line_only()
    {
        File.WriteAllText(folder.At("log"), "1\n2\n3x");
        JsonLines.ReadLog<int>(folder.At("log"), JsonSerializerOptions.Default).Should().Equal(1, 2);
        JsonLines.ReadLog<int>(folder.At("none"), JsonSerializerOptions.Default).Should().BeEmpty();
        File.WriteAllText(folder.At("log"), "1\n2x\n3\n");
        FluentActions.Enumerating(() => JsonLines.ReadLog<int>(folder.At("log"), JsonSerializerOptions.Default)).Should().Throw<InvalidDataException>().WithMessage("*log, line 2: not as written*");
    }
}
