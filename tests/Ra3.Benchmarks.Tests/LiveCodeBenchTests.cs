using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Ra3.Benchmarks;
using Ra3.Sandbox;

namespace Ra3.Tests;

/// <summary>LiveCodeBench's rows are read as they are published, and judged by its own rules.</summary>
public sealed class LiveCodeBenchTests(Pool pool) : IClassFixture<Pool>
{
    private const string Stdin = "[{\"input\": \"3 4\\n\", \"output\": \"7\\n\", \"testtype\": \"stdin\"}]";
    private const string Call = "[{\"input\": \"[1, 2]\\n3\", \"output\": \"[3, 6]\", \"testtype\": \"functional\"}]";

    // A string as Python's pickle writes it in the protocols with a binary opcode for text, short and long.
    public static TheoryData<string, byte[]> Pickles => new()
    {
        { "4", [0x80, 4, 0x95, 8, 0, 0, 0, 0, 0, 0, 0, 0x8c, 4, .. "[\u00e91"u8, 0x94, (byte)'.'] },
        { "2", [0x80, 2, (byte)'X', 4, 0, 0, 0, .. "[\u00e91"u8, (byte)'q', 0, (byte)'.'] },
        { "1", [(byte)'X', 4, 0, 0, 0, .. "[\u00e91"u8, (byte)'q', 0, (byte)'.'] },
        { "5", [0x80, 5, (byte)'X', 4, 0, 0, 0, .. "[\u00e91"u8, (byte)'r', 0, 0, 0, 0, (byte)'.'] },
        {
            "4, large",
            [0x80, 4, 0x8d, 4, 0, 0, 0, 0, 0, 0, 0, .. "[\u00e91"u8, 0x95, 2, 0, 0, 0, 0, 0, 0, 0, 0x94, (byte)'.']
        },
    };

    public static TheoryData<string, byte[], string> NoPickles => new()
    {
        { "a global", [0x80, 4, (byte)'c', .. "os\nsystem\n"u8, (byte)'.'], "*more than a string (opcode 0x63)*" },
        { "a call", [0x80, 4, 0x8c, 1, (byte)'a', 0x8c, 1, (byte)'b', 0x93, (byte)'.'], "*(opcode 0x8c)*" },
        { "a list", [0x80, 4, (byte)']', (byte)'.'], "*opcode 0x5d*" },
        { "cut in the text", [0x80, 4, 0x8c, 9, (byte)'a'], "*cut short*" },
        { "a length beyond the end", [0x8d, 255, 255, 255, 255, 255, 255, 255, 255, (byte)'a'], "*cut short*" },
        { "no end", [0x80, 4, 0x8c, 1, (byte)'a'], "*cut short*" },
        { "nothing", [0x80, 4, (byte)'.'], "*nothing*" },
        { "empty", [], "*cut short*" },
    };

    [Theory]
    [MemberData(nameof(Pickles))]
    public void A_pickled_string_is_read_in_every_protocol(string protocol, byte[] pickle) =>
        PackedText.Unpickle(pickle).Should().Be("[\u00e91", protocol);

    [Theory]
    [MemberData(nameof(NoPickles))]
    public void What_is_more_than_a_string_is_refused_unread(string name, byte[] pickle, string message)
    {
        var read = () => PackedText.Unpickle(pickle);

        read.Should().Throw<InvalidDataException>(name).WithMessage(message);
    }

    [Fact]
    public async Task An_official_row_is_judged_by_its_public_and_its_private_tests()
    {
        var row = Row(Stdin, Pack("[{\"input\": \"5 5\\n\", \"output\": \"10\\n\", \"testtype\": \"stdin\"}]"));
        var problem = LiveCodeBenchData.Read([row], "test.jsonl").Problems.Single();

        problem.Id.Should().Be("abc1_a");
        (await Judge(problem, "print(sum(map(int, input().split())))")).Kind.Should().Be(VerdictKind.Passed);
        var verdict = await Judge(problem, "print(7)");
        (verdict.Kind, verdict.Test).Should().Be((VerdictKind.Failed, 1));
    }

    [Fact]
    public async Task Its_metadata_names_the_function_and_plain_private_tests_are_read_too()
    {
        const string solution = "class Solution:\n    def scale(self, v: List[int], k): return [k * x for x in v]\n";
        var row = Row("[]", Call, "{\"func_name\": \"scale\"}");
        var problem = LiveCodeBenchData.Read([row], "test.jsonl").Problems.Single();

        (await Judge(problem, solution + "    def other(self): pass")).Passed.Should().BeTrue();
        (await Judge(problem, "def scale(v, k): return tuple(k * x for x in v)")).Passed.Should().BeTrue();
        (await Judge(problem, solution.Replace("k * x", "x", StringComparison.Ordinal))).Kind.Should().Be(VerdictKind.Failed);
    }

    [Theory]
    [InlineData(Stdin, "eJx", "*test.jsonl, row 1 (abc1_a): its private_test_cases cannot be read (it is no base64, or cut short)*")]
    [InlineData(Stdin, "AAAA", "*zlib*")]
    [InlineData(Stdin, "", "*cannot be read*")]
    [InlineData("[]", "[]", "*it has no tests*")]
    [InlineData("{", "[]", "*row 1*")]
    public void A_row_that_cannot_be_judged_is_refused_with_file_and_row(string open, string hidden, string message)
    {
        var read = () => LiveCodeBenchData.Read([Row(open, hidden)], "test.jsonl");

        read.Should().Throw<InvalidDataException>().WithMessage(message);
    }

    [Fact]
    public void A_row_without_a_field_is_refused_with_its_name()
    {
        var read = () => LiveCodeBenchData.Read([JsonSerializer.SerializeToElement(new { problem = "Print.", starter_code = "" })], "test.jsonl");

        read.Should().Throw<InvalidDataException>().WithMessage("test.jsonl, row 1: there is no field 'public_test_cases'.");
    }

    [Fact]
    public void The_row_from_the_field_is_refused_with_what_is_wrong_in_it()
    {
        var read = () => BenchmarkLoader.Load("livecodebench", SharedData.Require("field/eval/lcb-official-row.jsonl"));

        read.Should().Throw<InvalidDataException>().WithMessage("*lcb-official-row.jsonl, row 1 (abc1_a): its private_test_cases*");
    }

    // What the original lets a program take for granted: its imports, in its order, and its end.
    [Theory]
    [InlineData("print(prod(accumulate([3, 4])) - 14)", VerdictKind.Passed)]
    [InlineData("a, b = stdin.readline().split()\nprint(int(a) + int(b), file=stdout)", VerdictKind.Passed)]
    [InlineData("n = pow(7, 1, 5) + Counter('aab')['a'] + 3\nprint(n)\nexit(3)", VerdictKind.Passed)]
    [InlineData("import sys\nprint(sys.getrecursionlimit() // 50000 + 6)\nsys.exit('done')", VerdictKind.Passed)]
    [InlineData("print(f'{Decimal(7)}')", VerdictKind.RuntimeError)] // not among them
    [InlineData("print(' 7.0 ')\nprint()", VerdictKind.Passed)]
    [InlineData("print(8)", VerdictKind.Failed)]
    [InlineData("print(7)\n1 / 0", VerdictKind.RuntimeError)]
    [InlineData("from __future__ import annotations\ndef f(a: Unknown): print(a)\nf(7)", VerdictKind.Passed)]
    [InlineData("n = 0\ndef f():\n    global n\n    n += 7\nif '__main__' == __name__:\n    f()\n    print(n)", VerdictKind.Passed)]
    public async Task Whole_programs_have_its_header_and_its_exit_rule(string program, VerdictKind expected)
    {
        var problem = LiveCodeBenchData.Read([Row(Stdin, "[]")], "test.jsonl").Problems.Single();

        var verdict = await Judge(problem, program);

        verdict.Kind.Should().Be(expected, verdict.Detail + verdict.Stderr);
    }

    [Fact]
    public async Task Programs_from_the_field_pass_without_imports_of_their_own()
    {
        var path = SharedData.Require("field/judge/stdio/lcb-without-imports.jsonl");
        var benchmark = BenchmarkLoader.Load("livecodebench", SharedData.Require("data/benchmarks/lcb_879_public_tests.json"));
        var results = new List<Result>();

        await Evaluation.JudgeAsync(
            pool.Sandbox, benchmark, Samples.Read(path, benchmark).Of[benchmark.Name].ToAsyncEnumerable(), results.Add,
            TestContext.Current.CancellationToken);

        results.Where(r => !r.Verdict.Passed).Select(r => r.Sample.TaskId + ": " + r.Verdict.Detail).Should().BeEmpty();
        results.Should().NotBeEmpty();
    }

    private async Task<Verdict> Judge(Problem problem, string program) =>
        await problem.Grader.JudgeAsync(pool.Sandbox, program, TestContext.Current.CancellationToken);

    private static JsonElement Row(string open, string hidden, string metadata = "{}") => JsonSerializer.SerializeToElement(new
    {
        question_title = "Sum",
        question_content = "Print the sum.",
        question_id = "abc1_a",
        starter_code = "",
        public_test_cases = open,
        private_test_cases = hidden,
        metadata,
    });

    private static string Pack(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            zlib.Write([0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, (byte)'X', .. BitConverter.GetBytes(bytes.Length), .. bytes, 0x94, (byte)'.']);
        }

        return Convert.ToBase64String(packed.ToArray());
    }
}
