using System.Numerics;
using Ra3.Sandbox;

namespace Ra3.Benchmarks;

/// <summary>
/// Judges as EvalPlus does: answers are compared with those of the canonical solution, with EvalPlus's tolerances and its
/// special oracles (version 0.3.1 of the code, data HumanEval+ 0.1.10 and MBPP+ 0.2.0). Base inputs first, then the
/// added ones, each in a fresh process.
/// </summary>
internal sealed class EvalPlusGrader(
    bool mbpp, string entryPoint, string canonical, IReadOnlyList<string> baseCalls, IReadOnlyList<string> plusCalls,
    double tolerance) : Grader
{
    private const double RelativeTolerance = 1e-7;
    private const double FloatTolerance = 1e-6;
    private static readonly HashSet<string> NotNoneTasks = ["check_str", "text_match_three", "text_starta_endb"];
    private static readonly HashSet<string> SetTasks =
    [
        "similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum", "intersection_array",
        "find_dissimilar", "Diff",
    ];

    // EvalPlus allows at least 4 s per input, four times the reference's time, and about a minute in all.
    private static readonly Limits Limits = new(
        CpuSeconds: 60, WallSeconds: 62, MemoryMb: 4096, CallSeconds: 4);

    // The answers to all inputs of HumanEval/15 are 147 MB, one of HumanEval/130's is 11 MB.
    private static readonly Limits ReferenceLimits = Limits with
    {
        CpuSeconds = 300,
        WallSeconds = 600,
        CallSeconds = 0,
        ResultBytes = 1 << 29,
    };

    private const int LargeAnswer = 1 << 16; // bytes; above, a wanted answer is not kept as a value, ten times the size


    private readonly SemaphoreSlim gate = new(1);
    private double referenceSeconds;
    private IReadOnlyList<TestCase>? baseCases;
    private IReadOnlyList<TestCase>? plusCases;

    /// <inheritdoc/>
    public override int TestsLeftOut => baseCases is null || plusCases is null ? 0
        : baseCalls.Count + plusCalls.Count - baseCases.Count - plusCases.Count;

    /// <inheritdoc/>
    public override async Task<Verdict> JudgeAsync(SandboxPool pool, string program, CancellationToken ct)
    {
        if (baseCases is null)
        {
            await gate.WaitAsync(ct);
            try
            {
                if (baseCases is null)
                {
                    plusCases = await ExpectAsync(pool, plusCalls, ct);
                    var first = await ExpectAsync(pool, baseCalls, ct);
                    baseCases = first.Count + plusCases.Count > 0
                        ? first : throw new InvalidDataException($"The reference answers no input of {entryPoint}, so every program would pass.");
                }
            }
            finally
            {
                gate.Release();
            }
        }

        var limits = referenceSeconds <= Limits.CallSeconds ? Limits : Limits with
        {
            CpuSeconds = Math.Max(Limits.CpuSeconds, 4 * referenceSeconds),
            WallSeconds = Math.Max(Limits.WallSeconds, 6 * referenceSeconds),
            CallSeconds = 4 * referenceSeconds,
        };
        if (baseCases.Count == 0)
        {
            return await pool.JudgeAsync(new CasesRequest(program, entryPoint, plusCases!, limits), ct);
        }

        var verdict = await pool.JudgeAsync(new CasesRequest(program, entryPoint, baseCases, limits), ct);
        if (!verdict.Passed || plusCases!.Count == 0)
        {
            return verdict;
        }

        var second = await pool.JudgeAsync(new CasesRequest(program, entryPoint, plusCases, limits), ct);
        return second with
        {
            Test = second.Test + baseCases.Count,
            CpuSeconds = verdict.CpuSeconds + second.CpuSeconds,
            WallSeconds = verdict.WallSeconds + second.WallSeconds,
            MemoryMb = Math.Max(verdict.MemoryMb, second.MemoryMb),
        };
    }

    private async Task<IReadOnlyList<TestCase>> ExpectAsync(SandboxPool pool, IReadOnlyList<string> calls, CancellationToken ct)
    {
        if (calls.Count == 0)
        {
            return [];
        }

        var (expected, seconds) = await pool.CallAsync(canonical, entryPoint, calls, ReferenceLimits, ct);
        referenceSeconds = Math.Max(referenceSeconds, seconds);
        var cases = new List<TestCase>();
        var atol = tolerance;
        for (var i = 0; i < calls.Count; i++)
        {
            // Left out: an input on which the reference itself breaks a limit, or answers with millions of parts.
            if (expected[i] is not { } json)
            {
                continue;
            }

            var want = PyValue.Parse(json);
            if (want.Kind == PyKind.Opaque && !(mbpp && NotNoneTasks.Contains(entryPoint)))
            {
                continue;
            }

            var before = atol;
            // EvalPlus switches its tolerance on at the first float it expects, and leaves it on.
            if (atol == 0 && IsFloats(want))
            {
                atol = FloatTolerance;
            }

            var (call, now) = (calls[i], atol);
            Func<PyValue, Func<PyValue, bool>> accept = wanted =>
                Accept(PyValue.Parse(call).Items[0].Items, wanted, before, now);
            cases.Add(new TestCase(
                call, json.Length < LargeAnswer ? accept(want) : got => accept(PyValue.Parse(json))(got), json));
        }

        return cases;
    }

    private Func<PyValue, bool> Accept(IReadOnlyList<PyValue> arguments, PyValue want, double before, double atol)
    {
        if (!mbpp && entryPoint == "find_zero")
        {
            return got => got.ToDouble() is { } x && Math.Abs(Polynomial(arguments[0].Items, x)) <= tolerance;
        }

        if (mbpp && SetTasks.Contains(entryPoint))
        {
            return got => got.ToSet() is { } a && want.ToSet() is { } b && (a.Equals(b) || Near(got, want, atol));
        }

        if (mbpp && NotNoneTasks.Contains(entryPoint))
        {
            var wanted = want.Kind != PyKind.None;
            return got => (got.Kind == PyKind.Bool ? got.IsTrue : got.Kind != PyKind.None) == wanted;
        }

        Func<PyValue, bool> special = (mbpp ? entryPoint : "") switch
        {
            "are_equivalent" => _ => true, // Mbpp/164: its canonical solution is disputed, and every answer counts
            "sum_div" => got => got.IsReal && got.ToDouble() == 0, // Mbpp/295
            "surface_Area" => got => got.ToDouble() is { } x && Math.Abs(x - SurfaceArea(arguments)) <= before, // Mbpp/581
            "digit_distance_nums" => got => DigitDistance(arguments) is { } d && got.IsReal && got.ToDouble() == d, // Mbpp/558
            _ => _ => false,
        };
        return got => got.Equals(want) || special(got) || Near(got, want, atol);
    }

    private static bool Near(PyValue got, PyValue want, double atol) =>
        atol != 0 && got.Kind == want.Kind && IsClose(got, want, atol);

    /// <summary>numpy's allclose, for numbers and for nested lists and tuples of the same shape.</summary>
    private static bool IsClose(PyValue got, PyValue want, double atol)
    {
        if (want.Kind is PyKind.List or PyKind.Tuple)
        {
            return got.Kind is PyKind.List or PyKind.Tuple && got.Items.Count == want.Items.Count
                && got.Items.Zip(want.Items).All(pair => IsClose(pair.First, pair.Second, atol));
        }

        return got.ToComplex() is { } a && want.ToComplex() is { } b
            && (a == b || Complex.Abs(a - b) <= atol + (RelativeTolerance * Complex.Abs(b)));
    }

    private static bool IsFloats(PyValue value) => value.Kind == PyKind.Float
        || (value.Kind is PyKind.List or PyKind.Tuple && value.Items.Count > 0 && value.Items.All(i => i.Kind == PyKind.Float));

    private static double Polynomial(IReadOnlyList<PyValue> coefficients, double x)
    {
        var sum = 0.0;
        for (var i = 0; i < coefficients.Count; i++)
        {
            sum += coefficients[i].ToDouble()!.Value * Math.Pow(x, i);
        }

        return sum;
    }

    /// <summary>The reading of Mbpp/581 in which the height is the perpendicular one.</summary>
    private static double SurfaceArea(IReadOnlyList<PyValue> arguments)
    {
        var (edge, height) = (arguments[0].ToDouble()!.Value, arguments[1].ToDouble()!.Value);
        return Math.Round((edge * edge) + (4 * edge * Math.Sqrt(Math.Pow(edge / 2, 2) + (height * height)) / 2), MidpointRounding.ToEven);
    }

    /// <summary>The reading of Mbpp/558 in which the shorter number is padded with zeros; null for negative numbers.</summary>
    private static double? DigitDistance(IReadOnlyList<PyValue> arguments)
    {
        var (a, b) = (arguments[0].ToString(), arguments[1].ToString());
        var width = Math.Max(a.Length, b.Length);
        (a, b) = (a.PadLeft(width, '0'), b.PadLeft(width, '0'));
        return a.Concat(b).All(char.IsAsciiDigit) ? a.Zip(b).Sum(pair => Math.Abs(pair.First - pair.Second)) : null;
    }
}
