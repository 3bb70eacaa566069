using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Parquet;
using Parquet.Schema;
using Ra3.Corpora;

namespace Ra3.Tests.Corpora;

public sealed class CorpusReaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Folders_are_read_to_the_bottom_in_ordinal_order_of_paths()
    {
        Write("b.py", "b");
        Write("B.py", "B");
        Write("a/z.py", "z");
        Write("a.py", "a");
        Write("a/c/d.py", "d");
        Write(".git/hook.py", "hidden");
        Write("notes.txt", "not code");

        Read(folder.Path).Should().Equal(new("B.py", "B"), new("a.py", "a"), new("a/c/d.py", "d"), new("a/z.py", "z"), new("b.py", "b"));
    }

    [Fact]
    public void Every_format_gives_the_same_documents()
    {
        string[] texts = ["x = 1\n", "print('é 😀')\n", "def f():\n    pass\n"];
        var lines = Encoding.UTF8.GetBytes(string.Join('\n', texts.Select(text => JsonSerializer.Serialize(new { id = 1, content = text }))) + "\n");
        File.WriteAllBytes(folder.File("plain.jsonl"), lines);
        WriteThrough("packed.jsonl.gz", stream => new GZipStream(stream, CompressionLevel.Fastest), lines);
        WriteThrough("packed.jsonl.zst", stream => new ZstdSharp.CompressionStream(stream), lines);
        WriteParquet("table.parquet", "content", texts);

        foreach (var name in new[] { "plain.jsonl", "packed.jsonl.gz", "packed.jsonl.zst", "table.parquet" })
        {
            Read(folder.File(name)).Should().Equal(texts.Select((text, i) => new SourceDocument($"{name}:{i + 1}", text)));
        }
    }

    [Fact]
    public void The_text_field_is_text_then_content_then_code_or_the_one_named()
    {
        Write("a.jsonl", """{"code": "3", "content": "2", "text": "1"}""" + "\n" + """{"code": "5", "content": "4", "other": "o"}""" + "\r\n\n" + """{"nested": {"text": "no"}, "code": "6"}""");

        Read(folder.File("a.jsonl")).Select(document => document.Text).Should().Equal("1", "4", "6");
        var named = new CorpusReader([folder.File("a.jsonl")], new CorpusOptions { TextField = "other" });
        named.Read().Should().Equal(new SourceDocument("a.jsonl:2", "o"));
        named.Report.Skipped(SkipReason.NoTextField).Should().Be(2);
    }

    [Fact]
    public void What_cannot_be_used_is_left_out_and_counted_by_reason()
    {
        Write("a.py", "x = 1");
        Write("blank.py", " \n\t\n");
        Write("copy.py", "\ufeffx = 1");
        Write("empty.py", "");
        File.WriteAllBytes(folder.File("latin.py"), [.. "s = '"u8, 0xE9, (byte)'\'']);
        Write("long.py", new string('x', 101));
        Write("z.jsonl", "{\"text\": \"half\n[]\n{\"text\": 1}\n{\"text\": \"\\ud800\"}\n{\"text\": \"ok\"} trailing\n{\"text\": \"fine\"}\n" + "{\"text\": \"" + new string('y', 101) + "\"}\n");

        var reader = new CorpusReader([folder.Path], new CorpusOptions { MaxDocumentBytes = 100 });
        reader.Read().Select(document => document.Id).Should().Equal("a.py", "z.jsonl:6");

        reader.Report.Skipped(SkipReason.Empty).Should().Be(2);
        reader.Report.Skipped(SkipReason.Duplicate).Should().Be(1);
        reader.Report.Skipped(SkipReason.NotUtf8).Should().Be(2);
        reader.Report.Skipped(SkipReason.TooLarge).Should().Be(2);
        reader.Report.Skipped(SkipReason.NotJson).Should().Be(3);
        reader.Report.Skipped(SkipReason.NoTextField).Should().Be(1);
        reader.Report.ToString().Should().Contain("2 documents").And.Contain("2 left out: not UTF-8 (latin.py, z.jsonl:4)");
    }

    [Fact]
    public void A_line_of_50_MB_is_passed_over_without_being_kept()
    {
        using (var stream = File.Create(folder.File("a.jsonl")))
        {
            stream.Write("{\"text\": \"before\"}\n{\"text\": \""u8);
            var chunk = new byte[1 << 20];
            Array.Fill(chunk, (byte)'x');
            for (var i = 0; i < 50; i++)
            {
                stream.Write(chunk);
            }

            stream.Write("\"}\n{\"text\": \"after\"}"u8);
        }

        var reader = new CorpusReader([folder.Path], new CorpusOptions { MaxDocumentBytes = 1000 });
        var before = GC.GetAllocatedBytesForCurrentThread();
        var documents = reader.Read().ToList();

        documents.Select(document => document.Id).Should().Equal("a.jsonl:1", "a.jsonl:3");
        reader.Report.Skipped(SkipReason.TooLarge).Should().Be(1);
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(5_000_000);
    }

    [Fact]
    public void An_empty_text_does_not_hide_content_in_any_format()
    {
        Write("a.jsonl", """{"text": "", "content": "c1"}""" + "\n" + """{"text": " \n", "code": "c2"}""" + "\n" + """{"text": "t3", "code": "c3"}""" + "\n" + """{"text": null, "content": ""}""");
        WriteTable("b.parquet", [("code", ["p1", null, "p3"]), ("text", [null, "t2", ""]), ("content", [" ", "c2", null])]);

        Read(folder.File("a.jsonl")).Select(document => document.Text).Should().Equal("c1", "c2", "t3");
        Read(folder.File("b.parquet")).Should().Equal(new SourceDocument("b.parquet:1", "p1"), new SourceDocument("b.parquet:2", "t2"), new SourceDocument("b.parquet:3", "p3"));
    }

    [Fact]
    public void The_report_says_which_fields_were_taken_and_which_could_have_been()
    {
        Write("a.jsonl", """{"text": "prose", "code": "x = 1"}""" + "\n" + """{"content": "y = 2"}""");
        Write("notes.md", "other");
        var left = new List<LeftOut>();
        var reader = new CorpusReader([folder.Path]);

        reader.Read(left.Add).Should().HaveCount(2);

        reader.Report.Fields.Should().Equal(new Dictionary<string, long> { ["content"] = 1, ["text"] = 1 });
        reader.Report.FieldsPassedOver.Should().Equal(new Dictionary<string, long> { ["code"] = 1 });
        reader.Report.ToString().Should().Contain("text is the field \"content\" (1), the field \"text\" (1)")
            .And.Contain("beside it and not used: the field \"code\" (1)").And.Contain("not .py, .jsonl or .parquet (notes.md)");
        left.Should().Equal(new LeftOut("notes.md", SkipReason.OtherKind, null));
    }

    [Fact]
    public void NaN_and_infinities_as_Python_writes_them_are_read()
    {
        Write("a.jsonl", """{"score": NaN, "content": "x = 'NaN' \" Infinity", "more": [Infinity, -Infinity, {"NaN": NaN}]}""" + "\n" + """{"content": "y", "score": nan}""");
        var reader = new CorpusReader([folder.Path]);

        reader.Read().Single().Text.Should().Be("x = 'NaN' \" Infinity");
        reader.Report.Skipped(SkipReason.NotJson).Should().Be(1, "Python itself does not read nan");
    }

    [Fact]
    public void A_column_at_the_top_goes_before_a_nested_one_of_its_name_and_a_path_names_the_nested_one()
    {
        var schema = new ParquetSchema(new StructField("meta", new DataField<string>("text"), new DataField<string>("body")), new DataField<string>("text"));
        WriteParquet("a.parquet", schema, [["nested"], ["body"], ["top"]]);
        WriteParquet("only.parquet", new ParquetSchema(new StructField("meta", new DataField<string>("text"))), [["nested"]]);
        Write("b.jsonl", """{"meta": {"text": "nested", "body": "body"}, "text": "top"}""");

        foreach (var name in new[] { "a.parquet", "b.jsonl" })
        {
            Read(folder.File(name)).Single().Text.Should().Be("top");
            new CorpusReader([folder.File(name)], new CorpusOptions { TextField = "meta.body" }).Read().Single().Text.Should().Be("body");
        }

        var only = new CorpusReader([folder.File("only.parquet")]);
        only.Read().Single().Text.Should().Be("nested");
        only.Report.Fields.Keys.Should().Equal("meta.text");
        var none = new CorpusReader([folder.File("a.parquet")], new CorpusOptions { TextField = "source" });
        FluentActions.Enumerating(() => none.Read()).Should().Throw<InvalidDataException>().WithMessage("*no text field (a.parquet: its columns are meta.text, meta.body, text)*");
    }

    [Theory]
    [InlineData("nested_struct.parquet")]
    [InlineData("nan.jsonl")]
    [InlineData("half.jsonl.gz")]
    [InlineData("notrailer.jsonl.gz")]
    [InlineData("text_and_code.jsonl")]
    public void Files_from_the_field_are_read_or_told(string name)
    {
        var reader = new CorpusReader([SharedData.Require("field/corpora/" + name)]);
        var documents = reader.Read().ToList();

        documents.Should().OnlyContain(document => document.Text.Contains("def f", StringComparison.Ordinal) || name == "text_and_code.jsonl");
        reader.Report.Skipped(SkipReason.NotJson).Should().Be(0);
        reader.Report.Skipped(SkipReason.Unreadable).Should().Be(name.EndsWith("gz", StringComparison.Ordinal) ? 1 : 0);
        reader.Report.FieldsPassedOver.Should().HaveCount(name == "text_and_code.jsonl" ? 1 : 0);
    }

    [Fact]
    public void Packed_files_of_several_members_are_read_to_the_end_and_told_where_one_is_cut_or_damaged()
    {
        var texts = Enumerable.Range(0, 300).Select(i => $"x{i} = {i * 7919}\n").ToArray();
        byte[] Packed(IEnumerable<string> some)
        {
            using var memory = new MemoryStream();
            using (var stream = new GZipStream(memory, CompressionLevel.Fastest))
            {
                stream.Write(Encoding.UTF8.GetBytes(string.Concat(some.Select(text => JsonSerializer.Serialize(new { text }) + "\n"))));
            }

            return memory.ToArray();
        }

        byte[] first = Packed(texts[..150]), second = Packed(texts[150..]);
        File.WriteAllBytes(folder.File("a.jsonl.gz"), [.. first, .. second]);
        Read(folder.File("a.jsonl.gz")).Select(document => document.Text).Should().Equal(texts);

        byte[] damaged = [.. second];
        damaged[second.Length / 2] ^= 4;
        foreach (var torn in new[] { [.. first, .. second[..^1]], [.. first, .. second[..^9]], [.. first, .. second[..(second.Length / 2)]], [.. first, .. damaged], first[..^8], first[..5], [] })
        {
            File.WriteAllBytes(folder.File("a.jsonl.gz"), torn);
            Write("z.py", "fine = True");
            var reader = new CorpusReader([folder.Path]);
            var read = reader.Read().ToList();
            read[^1].Id.Should().Be("z.py");
            read.Should().HaveCountGreaterThan(torn.Length > first.Length ? 150 : torn.Length > 100 ? 100 : 0, "what came before the break was used");
            reader.Report.Skipped(SkipReason.Unreadable).Should().Be(1, "{0} of {1} bytes", torn.Length, first.Length + second.Length);
        }
    }

    [Theory]
    [InlineData("torn.jsonl.gz")]
    [InlineData("torn.jsonl.zst")]
    [InlineData("torn.parquet")]
    public void Torn_files_are_reported_and_the_others_read(string name)
    {
        var texts = Enumerable.Range(0, 2000).Select(i => $"x{i} = {i * 7919}\n").ToArray();
        if (!name.EndsWith("parquet", StringComparison.Ordinal))
        {
            WriteThrough(name, stream => name.EndsWith("gz", StringComparison.Ordinal) ? new GZipStream(stream, CompressionLevel.Fastest) : new ZstdSharp.CompressionStream(stream), Encoding.UTF8.GetBytes(string.Join('\n', texts.Select(text => JsonSerializer.Serialize(new { text })))));
        }
        else
        {
            WriteParquet(name, "text", texts);
        }

        var whole = File.ReadAllBytes(folder.File(name));
        File.WriteAllBytes(folder.File(name), whole[..(whole.Length / 2)]);
        Write("z.py", "fine = True");
        var reader = new CorpusReader([folder.Path]);

        reader.Read().Should().Contain(new SourceDocument("z.py", "fine = True"));
        reader.Report.Skipped(SkipReason.Unreadable).Should().Be(1);
        reader.Report.Examples(SkipReason.Unreadable).Should().ContainSingle().Which.Should().StartWith(name);
    }

    [Fact]
    public void Reading_again_gives_the_same()
    {
        Write("a.py", "a");
        Write("b.py", "a");
        var reader = new CorpusReader([folder.Path]);

        reader.Read().Should().Equal(reader.Read());
        reader.Report.Documents.Should().Be(1);
    }

    [Fact]
    public void An_empty_corpus_says_what_was_found_instead()
    {
        FluentActions.Enumerating(() => new CorpusReader([folder.Path]).Read()).Should().Throw<InvalidDataException>().WithMessage("The corpus is empty*holds no .py*");
        Write("a.py", "");
        FluentActions.Enumerating(() => new CorpusReader([folder.Path]).Read()).Should().Throw<InvalidDataException>().WithMessage("The corpus is empty*1 left out: empty (a.py)*");
    }

    [Fact]
    public void Wrong_paths_are_refused_at_once()
    {
        Write("a.csv", "1");
        FluentActions.Invoking(() => new CorpusReader([])).Should().Throw<ArgumentException>().WithMessage("*at least one*");
        FluentActions.Invoking(() => new CorpusReader([folder.File("none")])).Should().Throw<FileNotFoundException>().WithMessage("*none*");
        FluentActions.Invoking(() => new CorpusReader([folder.File("a.csv")])).Should().Throw<ArgumentException>().WithMessage("*a.csv*kind*");
    }

    [Fact]
    public void The_standard_library_is_programs_not_tables_or_tests()
    {
        PythonStandardLibrary library;
        try
        {
            library = PythonStandardLibrary.Find();
        }
        catch (FileNotFoundException error)
        {
            Assert.Skip(error.Message);
            return;
        }

        var files = library.Reader().Files.Select(file => Path.GetRelativePath(library.Folder, file)).ToList();
        files.Should().Contain(["os.py", "json/decoder.py", "asyncio/tasks.py"]);
        files.Should().NotContain(file => file.Contains("/test/") || file.StartsWith("test/") || file.StartsWith("encodings/") || file.StartsWith("site-packages/") || file.StartsWith("pydoc_data/"));
        files.Should().HaveCountGreaterThan(250);
    }

    [Fact]
    public void A_missing_interpreter_is_told_with_the_remedy()
        => FluentActions.Invoking(() => PythonStandardLibrary.Find("no-such-python")).Should().Throw<FileNotFoundException>().WithMessage("no-such-python was not found; install Python 3*");

    private static List<SourceDocument> Read(string path) => [.. new CorpusReader([path]).Read()];

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder.File(name))!);
        File.WriteAllText(folder.File(name), text);
    }

    private void WriteThrough(string name, Func<Stream, Stream> compress, byte[] bytes)
    {
        using var file = File.Create(folder.File(name));
        using var stream = compress(file);
        stream.Write(bytes);
    }

    private void WriteParquet(string name, string field, string[] texts)
    {
        var schema = new ParquetSchema(new DataField<int>("n"), new DataField<string>(field));
        using var file = File.Create(folder.File(name));
        WriteAsync().GetAwaiter().GetResult();

        async Task WriteAsync()
        {
            await using var writer = await ParquetWriter.CreateAsync(schema, file);
            foreach (var part in texts.Chunk(2))
            {
                using var group = writer.CreateRowGroup();
                await group.WriteAsync<int>(schema.DataFields[0], new int[part.Length]);
                await group.WriteAsync(schema.DataFields[1], part);
            }
        }
    }

    private void WriteTable(string name, params (string Column, string?[] Texts)[] columns)
        => WriteParquet(name, new ParquetSchema(columns.Select(column => new DataField<string>(column.Column))), [.. columns.Select(column => column.Texts)]);

    /// <summary>A row group with the texts of each column of strings.</summary>
    private void WriteParquet(string name, ParquetSchema schema, string?[][] columns)
    {
        using var file = File.Create(folder.File(name));
        WriteAsync().GetAwaiter().GetResult();

        async Task WriteAsync()
        {
            await using var writer = await ParquetWriter.CreateAsync(schema, file);
            using var group = writer.CreateRowGroup();
            foreach (var (field, texts) in schema.DataFields.Zip(columns))
            {
                await group.WriteAsync(field, texts);
            }
        }
    }
}
