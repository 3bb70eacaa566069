using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>MBPP (Austin et al. 2021, arXiv 2108.07732) and MBPP+ (EvalPlus).</summary>
internal static partial class MbppData
{
    private static readonly Limits Limits = new(CpuSeconds: 5, WallSeconds: 15, MemoryMb: 4096);
    private static readonly int[] Shots = [2, 3, 4];
    private const int FirstTest = 11; // the paper's test split
    private const int LastTest = 510;

    /// <summary>All 974 problems; each prompt is the paper's with three worked problems (ids 2, 3, 4). Rows of the
    /// sanitized set, which have <c>prompt</c> and <c>test_imports</c>, are read too.</summary>
    /// <exception cref="InvalidDataException">A row is not as it should be; names file and row.</exception>
    public static Benchmark Read(IReadOnlyList<JsonElement> rows, string path, bool alwaysSplit)
    {
        var worked = BenchmarkLoader.Each(rows, path, (row, _) => (Number: row.Whole("task_id"), Text: Shots.Contains(row.Whole("task_id"))
            ? Ask(row) + row.Text("code").ReplaceLineEndings("\n") + "\n[DONE]\n\n" : ""));
        var shots = string.Concat(Shots.Select(id => worked.Find(problem => problem.Number == id).Text));
        return new Benchmark("mbpp", BenchmarkLoader.Problems(rows, path, (row, _) =>
        {
            var code = row.Text("code");
            var tests = string.Join('\n', Tests(row)) + "\n";
            var number = row.Whole("task_id");
            var id = "MBPP/" + number.ToString(CultureInfo.InvariantCulture);
            // The set-up code of two problems builds objects of a class that the program defines, so it is part of the tests.
            var grader = new AssertGrader(
                id, SetUp(row) + "\n" + tests, EntryPoint(tests, code), "", Limits, alwaysSplit, Classes(code));
            return new Problem(id, shots + Ask(row), ["[DONE]", "\n[BEGIN]"], "", code, grader)
            {
                IsAsked = number is >= FirstTest and <= LastTest,
            };
        }), []);
    }

    public static Benchmark ReadPlus(IReadOnlyList<JsonElement> rows, string path) => new("mbpp+", BenchmarkLoader.Problems(rows, path, (row, _) =>
    {
        var (prompt, id) = (row.Text("prompt"), row.Text("task_id"));
        if (!int.TryParse(id.AsSpan(id.IndexOf('/') + 1), CultureInfo.InvariantCulture, out var number))
        {
            throw new InvalidDataException($"the field 'task_id' must be Mbpp/ and a number, not '{id}'.");
        }

        var reference = prompt + row.Text("canonical_solution");
        var grader = new EvalPlusGrader(
            mbpp: true, row.Text("entry_point"), reference, Calls(row, "base_input", number), Calls(row, "plus_input", number),
            row.Number("atol"));
        return new Problem(id, prompt, ["\n\"\"\"", "\nassert", "\nif __name__", "\nprint", "\n```"], prompt, reference, grader);
    }), []);

    /// <summary>Classes that the reference defines: where tests use them, the program defines them too.</summary>
    private static List<string> Classes(string code) =>
        Definition().Matches(code).Where(m => m.Value.StartsWith("class", StringComparison.Ordinal)).Select(m => m.Groups["name"].Value).ToList();

    private static IEnumerable<string> Tests(JsonElement row) => Texts(row, "test_list");

    private static IEnumerable<string> Texts(JsonElement row, string key) =>
        row.List(key).Select((text, i) => text.AsText($"{key}[{i}]"));

    private static string SetUp(JsonElement row) => row.TryGetProperty("test_setup_code", out _) || !row.TryGetProperty("test_imports", out _)
        ? row.Text("test_setup_code") : string.Join('\n', Texts(row, "test_imports"));

    private static string Ask(JsonElement row) =>
        $"You are an expert Python programmer, and here is your task: {row.Text(row.TryGetProperty("text", out _) || !row.TryGetProperty("prompt", out _) ? "text" : "prompt")} Your code should pass these tests:\n\n"
        + string.Join('\n', Tests(row)) + "\n[BEGIN]\n";

    /// <summary>The function that the tests call: the first name called there that the reference defines.</summary>
    private static string EntryPoint(string tests, string code)
    {
        var defined = Definition().Matches(code).Select(m => m.Groups["name"].Value).ToHashSet(StringComparer.Ordinal);
        return CalledName().Matches(tests).Select(m => m.Groups["name"].Value).FirstOrDefault(defined.Contains)
            ?? throw new InvalidDataException("The tests call nothing that the reference defines: " + tests);
    }

    /// <summary>
    /// Inputs as EvalPlus means them: JSON knows no tuples, sets or complex numbers, so for these problems it turns
    /// lists back into what the original tests pass.
    /// </summary>
    private static List<string> Calls(JsonElement row, string key, int problem)
    {
        Func<JsonElement, IEnumerable<string>> arguments = problem switch
        {
            2 or 116 or 132 or 143 or 222 or 261 or 273 or 394 or 399 or 421 or 424 or 429 or 470 or 560 or 579 or 596
                or 616 or 630 or 726 or 740 or 744 or 809 => call => call.EnumerateArray().Select(Tuple),
            63 or 64 or 70 or 94 or 120 or 237 or 272 or 299 or 400 or 409 or 417 or 438 or 473 or 614 or 780 =>
                call => call.EnumerateArray().Select(ListOfTuples),
            75 or 413 or 444 or 753 => call => [ListOfTuples(call[0]), TaggedJson.Of(call[1])],
            106 or 750 => call => [TaggedJson.Of(call[0]), Tuple(call[1])],
            115 => call => [TaggedJson.List(call[0], SetOrEmptyDict)],
            124 => call => [Float(call[0]), Complex(call[1])],
            250 or 405 or 446 or 617 or 720 or 763 or 808 => call => [Tuple(call[0]), TaggedJson.Of(call[1])],
            259 or 401 or 445 => call => call.EnumerateArray().Select(a => TaggedJson.Tuple(a, Tuple)),
            278 => call => [TaggedJson.Tuple(call[0], Tuple)],
            307 => call => [Tuple(call[0]), TaggedJson.Of(call[1]), TaggedJson.Of(call[2])],
            722 => call => [TaggedJson.Dict(call[0], Tuple), .. call.EnumerateArray().Skip(1).Select(TaggedJson.Of)],
            252 => call => [Complex(call[0])],
            580 or 615 or 791 => call => call.EnumerateArray().Select(TaggedJson.DeepTuple),
            _ => call => call.EnumerateArray().Select(TaggedJson.Of),
        };
        var calls = row.Field(key); // a problem without added inputs has an empty object there
        return calls.ValueKind == JsonValueKind.Array
            ? calls.EnumerateArray().Select((call, i) => call.ValueKind == JsonValueKind.Array ? TaggedJson.Call(arguments(call))
                : throw new InvalidDataException($"{key}[{i}] must be a list, not {JsonFields.Kind(call)}.")).ToList()
            : calls.ValueKind == JsonValueKind.Object ? []
            : throw new InvalidDataException($"the field '{key}' must be a list, not {JsonFields.Kind(calls)}.");
    }

    private static string Tuple(JsonElement value) => TaggedJson.Tuple(value, TaggedJson.Of);

    private static string ListOfTuples(JsonElement value) => TaggedJson.List(value, Tuple);

    private static string SetOrEmptyDict(JsonElement value) => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0
        ? "{\"s\":[" + string.Join(',', value.EnumerateArray().Select(TaggedJson.Of)) + "]}"
        : "{\"d\":[]}";

    private static string Float(JsonElement value) => double.Parse(Raw(value), CultureInfo.InvariantCulture) is var d && d % 1 == 0
        ? d.ToString("F1", CultureInfo.InvariantCulture)
        : d.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>A complex number as Python writes it: <c>(1+2j)</c>, <c>2j</c>, <c>1.5</c>.</summary>
    private static string Complex(JsonElement value)
    {
        var match = ComplexNumber().Match(Raw(value).Trim('(', ')'));
        string Part(string name) => match.Groups[name].Value switch { "" => "0", "+" => "1", "-" => "-1", var s => s.TrimStart('+') };
        return match.Success
            ? $"{{\"c\":[{Part("re")},{Part("im")}]}}"
            : throw new InvalidDataException("No complex number: " + Raw(value));
    }

    private static string Raw(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    [GeneratedRegex(@"\b(?<name>\w+)\s*\(", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex CalledName();

    [GeneratedRegex(@"^(def|class)\s+(?<name>\w+)", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex Definition();

    [GeneratedRegex(@"^((?<re>[+-]?[\d.]+(e[+-]?\d+)?)(?![\dj.e]))?((?<im>[+-]?([\d.]+(e[+-]?\d+)?)?)j)?$", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase, 1000)]
    private static partial Regex ComplexNumber();
}
