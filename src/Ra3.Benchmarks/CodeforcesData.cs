using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>Codeforces problems. How each is judged was decided by reading its statement: <c>codeforces.tsv</c> has a
/// row for each, with the reason, and knows a statement by the first 12 hexadecimal digits of its SHA-256.</summary>
internal static partial class CodeforcesData
{
    /// <summary>The decision where no fixed output can judge.</summary>
    private const string None = "none";

    private static readonly (string, string) Undecided =
        (None, "unknown statement: give its row a field 'checker'");

    /// <summary>Checker and reason by statement.</summary>
    internal static IReadOnlyDictionary<string, (string Checker, string Reason)> Decisions { get; } = ReadDecisions();

    /// <summary>Reads rows of the published file, or rows that bring their own <c>checker</c>.</summary>
    /// <exception cref="InvalidDataException">A row cannot be judged; the message names file and row.</exception>
    public static Benchmark Read(IReadOnlyList<JsonElement> rows, string path)
    {
        var excluded = new List<(string, string)>();
        var problems = BenchmarkLoader.Problems(rows, path, (row, i) =>
        {
            var id = "CF/" + i.ToString(CultureInfo.InvariantCulture);
            var text = row.Text("problem");
            var hasOwn = row.TryGetProperty("checker", out var own) && own.ValueKind != JsonValueKind.Null;
            var (checker, reason) = hasOwn
                ? (row.Text("checker"), "")
                : Decisions.GetValueOrDefault(StatementKey(text), Undecided);
            if (checker == None)
            {
                excluded.Add((id, reason));
                return null;
            }

            var tests = ContestData.Tests(row, "tests");
            if (tests.Count == 0)
            {
                throw new InvalidDataException($"{id} has no tests, so every program would pass.");
            }

            var grader = GraderOf(tests, checker, LimitsOf(text), $"{path}, row {i + 1} ({id})");
            return new Problem(id, ContestData.Ask(text, ""), ["\n```"], "", null, grader);
        });
        return new Benchmark("codeforces", problems, excluded);
    }

    /// <summary>What a statement is known by.</summary>
    internal static string StatementKey(string statement) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(statement)))[..12];

    private static Grader GraderOf(IReadOnlyList<JsonElement> tests, string checker, Limits limits, string place) =>
        checker.Contains("def check", StringComparison.Ordinal)
            ? new CheckerGrader(tests.Select(t => (t.Text("input"), t.Text("output"))).ToList(), checker, limits, place)
            : new StdioGrader(tests.Select(t => ContestData.Test(t, Checker.Named(checker))).ToList(), limits);

    // Contest limits are meant for C++: Python gets the usual three times as much.
    private static Limits LimitsOf(string statement)
    {
        var limit = TimeLimit().Match(statement) is { Success: true } m ? m.Groups["ms"].Value : "2000";
        var milliseconds = double.Parse(limit, CultureInfo.InvariantCulture);
        return new Limits(CpuSeconds: 3 * milliseconds / 1000, WallSeconds: 9 * milliseconds / 1000);
    }

    private static Dictionary<string, (string Checker, string Reason)> ReadDecisions()
    {
        using var stream = typeof(CodeforcesData).Assembly.GetManifestResourceStream("codeforces.tsv")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Skip(1)
            .Select(line => line.Split('\t'))
            .ToDictionary(row => row[1], row => (row[2], row[3]), StringComparer.Ordinal);
    }

    [GeneratedRegex(@"Time Limit:\s*(?<ms>\d+)\s*ms", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex TimeLimit();
}
