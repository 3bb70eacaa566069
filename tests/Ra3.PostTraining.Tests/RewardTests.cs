using Ra3.Sandbox;
using Ra3.Tests;

namespace Ra3.PostTraining.Tests;

/// <summary>Answers, programs and problem files.</summary>
public sealed class RewardTests
{
    [Theory]
    [InlineData("so 48+24 = 72 clips.\n#### 72", "72", true)]
    [InlineData("#### 1,234", "1234", true)]
    [InlineData("#### $1,234.00", "1234", true)]
    [InlineData("The answer is 18 dollars.", "18", true)]
    [InlineData("It costs $5.50.", "5.5", true)]
    [InlineData("The total is 12.", "12", true)]
    [InlineData("She lost: #### -3", "-3", true)]
    [InlineData("10-7=3", "3", true)]
    [InlineData("#### 72 because 5+5=10", "72", true)]
    [InlineData("#### 71", "72", false)]
    [InlineData("72 apples, or rather 73", "72", false)]
    [InlineData("#### many", "72", false)]
    [InlineData("no number", "72", false)]
    [InlineData("", "72", false)]
    [InlineData("#### 0.333", "0.33", false)]
    public async Task The_final_answer_decides(string completion, string answer, bool passes)
    {
        var score = await new AnswerReward().ScoreAsync(new AnswerProblem("q", "", [], answer), completion, CancellationToken.None);
        score.Passed.Should().Be(passes);
        score.Value.Should().Be(passes ? 1 : 0);
    }

    [Fact]
    public async Task Every_reference_answer_of_gsm8k_is_right()
    {
        var problems = KnownProblems.Read("gsm8k", SharedData.Require("data/rlvr/gsm8k-train.jsonl"));
        problems.Should().HaveCount(7473);
        var lines = await File.ReadAllLinesAsync(SharedData.Require("data/rlvr/gsm8k-train.jsonl"), TestContext.Current.CancellationToken);
        for (var i = 0; i < problems.Count; i += 10)
        {
            var reference = System.Text.Json.JsonDocument.Parse(lines[i]).RootElement.GetProperty("answer").GetString()!;
            (await new AnswerReward().ScoreAsync(problems[i], reference, CancellationToken.None)).Passed.Should().BeTrue(problems[i].Id);
        }
    }

    [Fact]
    public void The_splits_of_mbpp_and_leetcode_are_read()
    {
        var path = SharedData.Require("data/benchmarks/mbpp.jsonl");
        KnownProblems.Read("mbpp", path).Should().HaveCount(374);
        KnownProblems.Read("mbpp", path, isTest: true).Should().HaveCount(500);
        var leetCode = KnownProblems.Read("leetcode", SharedData.Require("data/rlvr/LeetCodeDataset-v0.2.0-train.jsonl.gz"));
        leetCode.Should().HaveCount(1769);
        var first = leetCode[0].Should().BeOfType<PythonProblem>().Subject;
        first.Prompt.Should().EndWith("```python\nclass Solution:\n    def twoSum(self, nums: List[int], target: int) -> List[int]:\n");
        first.EntryPoint.Should().Be("Solution().twoSum");
    }

    [Fact]
    public void A_problem_file_gives_both_kinds()
    {
        var path = Write("""
            {"id": "add", "prompt": "def add(a, b):\n", "entry_point": "add", "tests": "assert add(1, 2) == 3", "source": "me"}

            {"id": "sum", "prompt": "1+1=", "answer": "2", "stop": ["\n"]}
            """);
        var problems = ProblemFile.Read(path);
        problems[0].Should().Be(new PythonProblem("add", "def add(a, b):\n", ProblemFile.PythonStop, "def add(a, b):\n", "add", "assert add(1, 2) == 3")
        {
            Place = path + ", line 1",
        });
        problems[1].Should().BeOfType<AnswerProblem>().Which.Stop.Should().Equal("\n");
    }

    [Theory]
    [InlineData("""{"id": "a", "prompt": "p"}""", "*line 1: there are neither tests*")]
    [InlineData("""{"id": "a", "prompt": "p", "tests": "t", "answer": "a", "entry_point": "f"}""", "*line 1: there are both*")]
    [InlineData("""{"prompt": "p", "answer": "a"}""", "*line 1: id is missing*")]
    [InlineData("""{"id": "a", "prompt": 3, "answer": "a"}""", "*line 1: prompt must be a text, not number*")]
    [InlineData("""{"id": "a", "prompt": "p", "tests": "t"}""", "*line 1: entry_point is missing*")]
    [InlineData("""{"id": "a", "prompt": "p", "answer": "a", "stop": "x"}""", "*line 1: stop must be a list*")]
    [InlineData("[1]", "*line 1: a problem is an object*")]
    [InlineData("{\"id\": \"a\", \"prompt\": \"p\", \"answer\": \"1\"}\n{\"id\": \"a\", \"prompt\": \"p\", \"answer\": \"1\"}", "*line 2: the id 'a' is that of line 1*")]
    [InlineData("{\"id\": ", "*line 1: not valid JSON*")]
    [InlineData("""{"id": "a", "prompt": "p", "answer": ""}""", "*line 1: the answer is one that the checker can never match*")]
    [InlineData("""{"id": "a", "prompt": "p", "answer": " \n$ $."}""", "*line 1: the answer is one that the checker can never match*")]
    [InlineData("""{"id": "a", "prompt": "p", "answer": "\\boxed{}"}""", "*line 1: the answer is one that the checker can never match*")]
    [InlineData("""{"id": "a", "prompt": "p", "answer": "He has 9.\nSo 18.", "stop": []}""", "*line 1: the answer would have to be repeated word for word*")]
    [InlineData("""{"id": "a", "prompt": "p", "answer": "5 million"}""", "*line 1: the answer is matched in these words only: write it as a number*")]
    [InlineData("""{"id": "a", "prompt": "p", "answer": "one\n\ntwo"}""", "*line 1: no completion can hold the answer: it has the stop text*")]
    [InlineData("""{"id": "a", "prompt": "p", "answer": "New York", "stop": [" "]}""", "*line 1: no completion can hold the answer*")]
    [InlineData("""{"id": "a", "prompt": "p", "answer": 4}""", "*line 1: answer must be a text, not number*")]
    [InlineData("""{"task_id": 601, "text": "t", "code": "c", "test_list": []}""", "*line 1: this is a row of mbpp, which is read by its name: --problems mbpp *")]
    [InlineData("""{"question": "q", "answer": "#### 3"}""", "*line 1: this is a row of gsm8k*")]
    [InlineData("""{"task_id": "HumanEval/0", "prompt": "p", "entry_point": "f", "test": "t"}""", "*line 1: this is a row of HumanEval*")]
    [InlineData("""{"task_id": 2, "prompt": "x", "code": "c", "test_list": ["t"], "test_imports": []}""", "*line 1: this is a row of MBPP+ or the sanitized MBPP: task_id becomes id*")]
    [InlineData("""{"data_source": "d", "prompt": [{"role": "user", "content": "q"}], "reward_model": {"ground_truth": "4"}}""", "*line 1: this is a row of verl: *reward_model.ground_truth becomes answer*")]
    [InlineData("""{"problem_id": "x", "prompt": "q", "verification_info": "{}"}""", "*line 1: this is a row of prime-rl: problem_id becomes id*")]
    [InlineData("""{"problem": "q", "level": "Level 1", "solution": "4"}""", "*line 1: this is a row of MATH: problem becomes prompt*")]
    [InlineData("""{"problem": "q", "solution": "4", "answer": "4", "unique_id": "u"}""", "*line 1: this is a row of MATH-500: unique_id becomes id*")]
    [InlineData("""{"prompt": [{"role": "user", "content": "q"}], "solution": "4"}""", "*line 1: this is a row of TRL: *")]
    [InlineData("""{"prompt": "q", "chosen": "a", "rejected": "b"}""", "*line 1: this is a row of TRL: *")]
    [InlineData("""{"messages": []}""", "*line 1: this is a row of TRL: *")]
    [InlineData("""{"id": null, "foo": 1}""", "*line 1: id is missing: *this row has id, foo*")]
    [InlineData("""{"id": "a", "prompt": [], "answer": "4"}""", "*line 1: prompt must be a text, not a list: write chat messages out*")]
    [InlineData("""{"id": "a", "prompt": "p", "entry_point": "f(", "tests": "t"}""", "*line 1: entry_point must be the name of a function*: 'f('*")]
    [InlineData("""{"id": "a", "prompt": "p", "entry_point": "1+1", "tests": "t"}""", "*line 1: entry_point must be the name of a function*")]
    [InlineData("""{"id": "a", "prompt": "p", "entry_point": "", "tests": "t"}""", "*line 1: entry_point must be the name of a function*")]
    [InlineData("", "*holds no problem*")]
    public void A_line_that_is_no_problem_is_named(string text, string message)
    {
        var act = () => ProblemFile.Read(Write(text));
        act.Should().Throw<InvalidDataException>().WithMessage(message);
    }

    [Theory]
    [InlineData("\"names\": null, \"program\": null, \"stop\": null, \"answer\": null, \"entry_point\": \"S(1).f\", \"tests\": \"assert f(1) == 1\"")]
    [InlineData("\"tests\": null, \"entry_point\": null, \"answer\": \"4\"")]
    public void Null_is_as_good_as_absent_and_an_id_may_be_a_number(string fields)
    {
        var (with, without) = (Read(fields), Read(string.Join(", ", fields.Split(", ").Where(field => !field.EndsWith("null", StringComparison.Ordinal)))));

        with.Should().BeEquivalentTo(without, options => options.PreferringRuntimeMemberTypes());
        with.Id.Should().Be("7");

        Problem Read(string rest) => ProblemFile.Read(Write($"{{\"id\": 7, \"prompt\": \"p\", {rest}}}")).Single() with { Place = null };
    }

    [Theory]
    [InlineData("cpuSeconds", double.PositiveInfinity, 1, 1024, 0)]
    [InlineData("cpuSeconds", 1e308, 1, 1024, 0)]
    [InlineData("wallSeconds", 1, 1e300, 1024, 0)]
    [InlineData("wallSeconds", 1, double.NaN, 1024, 0)]
    [InlineData("memoryMb", 1, 1, int.MaxValue, 0)]
    [InlineData("memoryMb", 1, 1, 63, 0)]
    [InlineData("formatBonus", 1, 1, 1024, 1e300)]
    public void What_no_run_can_be_given_is_named(string key, double cpu, double wall, int memory, double bonus)
    {
        var options = new PythonRewardOptions { CpuSeconds = cpu, WallSeconds = wall, MemoryMb = memory, FormatBonus = bonus };

        options.Validate(new(options)).SelectMany(error => error.MemberNames).Should().Equal(key);
    }

    [Fact]
    public void All_that_is_wrong_with_a_file_is_told_at_once()
    {
        var act = () => ProblemFile.Read(Write("""
            {"id": "a", "prompt": "p", "answer": ""}
            {"id": "b", "prompt": "p", "answer": "4"}
            {"id": "c", "prompt": "p"}
            {"id": "d", "prompt": "p", "answer": " "}
            """));
        act.Should().Throw<InvalidDataException>().WithMessage("*line 1 (and 1 more): the answer is one that*\n*line 3: there are neither tests*");
    }

    [Fact]
    public async Task Programs_are_paid_for_their_tests()
    {
        await using var pool = await StartPool();
        var problem = new PythonProblem(
            "half", "", [], "def half(x):\n", "half", "assert half(4) == 2\nassert half(3) == 1\nassert half(10) == 5\nassert half(0) == 0\n");
        var all = new PythonReward(pool, new PythonRewardOptions());
        var share = new PythonReward(pool, new PythonRewardOptions { Credit = TestCredit.ShareOfTests, FormatBonus = 0.1 });
        (await ScoreAsync(all, "    return x // 2")).Should().BeEquivalentTo(new { Value = 1.0, Verdict = "passed" });
        (await ScoreAsync(share, "    return x // 2")).Value.Should().BeApproximately(1.1, 1e-12);
        (await ScoreAsync(all, "    return x / 2")).Should().BeEquivalentTo(new { Value = 0.0, Verdict = "failed" });
        (await ScoreAsync(share, "    return x / 2")).Value.Should().BeApproximately(0.75 + 0.1, 1e-12, "half(3) is 1.5, the others are right");
        (await ScoreAsync(share, "    return (")).Should().BeEquivalentTo(new { Value = 0.0, Verdict = "runtime_error" });

        Task<Score> ScoreAsync(PythonReward reward, string completion) => reward.ScoreAsync(problem, completion, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("def other(x):\n    return x // 2", 0)]
    [InlineData("import os\nos._exit(0)", 0)]
    [InlineData("while True: pass", 0)]
    [InlineData("def half(x):\n    while True: pass", 0.1)]
    [InlineData("def half(x):\n    return x", 0.1)]
    public async Task The_bonus_for_form_is_paid_once_the_function_was_found(string program, double reward)
    {
        await using var pool = await StartPool();
        var judge = new PythonReward(pool, new PythonRewardOptions { FormatBonus = 0.1, CpuSeconds = 1, WallSeconds = 2 });
        foreach (var tests in new[] { "assert half(4) == 2\n", "for x in (4, 6):\n    assert half(x) == x // 2\n" })
        {
            var problem = new PythonProblem("half", "", [], "", "half", tests);
            (await judge.ScoreAsync(problem, program, TestContext.Current.CancellationToken)).Value.Should().Be(reward);
        }
    }

    [Fact]
    public async Task Faulty_tests_of_a_file_are_named_with_their_place()
    {
        await using var pool = await StartPool();
        var path = Write("""
            {"id": "a", "prompt": "def half(x):\n", "entry_point": "half", "tests": "assert half(4) == 2"}
            {"id": "b", "prompt": "def half(x):\n", "entry_point": "half", "tests": ""}
            {"id": "c", "prompt": "Half of 4?", "answer": "2"}
            {"id": "d", "prompt": "def half(x):\n", "entry_point": "half", "tests": "assert half(4) == 2\nassert half("}
            """);
        var problems = ProblemFile.Read(path);
        var reward = new PythonReward(pool, new PythonRewardOptions());

        var require = () => reward.RequireSoundTestsAsync(problems, TestContext.Current.CancellationToken);
        (await require.Should().ThrowAsync<InvalidDataException>()).WithMessage(path + ", line 2: the tests of 'b': nothing calls half. 2 problems have faulty tests; this is the first.");
        await reward.RequireSoundTestsAsync([problems[0], problems[2]], TestContext.Current.CancellationToken);
        var score = () => reward.ScoreAsync(problems[3], "    return 0", TestContext.Current.CancellationToken);
        (await score.Should().ThrowAsync<InvalidDataException>()).WithMessage(path + ", line 4: the tests of 'd', line 2: SyntaxError*");
    }

    [Fact]
    public async Task Tests_have_helpers_from_the_text_before_the_completion_and_classes_from_the_program_where_it_is_said()
    {
        await using var pool = await StartPool();
        var reward = new PythonReward(pool, new PythonRewardOptions());
        var problems = ProblemFile.Read(Write("""
            {"id": "a", "prompt": "def twice(x):\n    return 2 * x\n\ndef half(x):\n", "entry_point": "half", "tests": "for x in (1, 2):\n    assert half(twice(x)) == x"}
            {"id": "b", "prompt": "# A pair\n", "entry_point": "total", "names": ["Pair"], "tests": "assert total([Pair(1, 2)]) == 3"}
            """));

        (await Score(problems[0], "    return x // 2")).Should().BeTrue();
        (await Score(problems[0], "    return 7\ndef twice(x):\n    return 7")).Should().BeFalse();
        (await Score(problems[1], "class Pair:\n    def __init__(self, a, b): self.a, self.b = a, b\ndef total(ps): return sum(p.a + p.b for p in ps)")).Should().BeTrue();
        (await Score(problems[1], "def total(ps): return 3")).Should().BeFalse();

        async Task<bool> Score(Problem problem, string completion) =>
            (await reward.ScoreAsync(problem, completion, TestContext.Current.CancellationToken)).Passed;
    }

    [Fact]
    public async Task All_tests_behind_a_failed_one_share_the_time_of_one_program()
    {
        await using var pool = await StartPool();
        var tests = string.Concat(Enumerable.Range(0, 40).Select(i => $"assert f({i}) == {i}\n"));
        var problem = new PythonProblem("f", "", [], "import time\ndef f(x):\n", "f", tests);
        var reward = new PythonReward(pool, new PythonRewardOptions { Credit = TestCredit.ShareOfTests, CpuSeconds = 0.3, WallSeconds = 0.6 });
        var clock = System.Diagnostics.Stopwatch.StartNew();

        foreach (var body in new[] { "    while x > 3: pass\n    return x", "    if x > 3: time.sleep(60)\n    return x" })
        {
            var score = await reward.ScoreAsync(problem, body, TestContext.Current.CancellationToken);
            score.Verdict.Should().Be("timeout");
            score.Value.Should().BeApproximately(4 / 40.0, 1e-12);
        }

        var slow = await reward.ScoreAsync(
            problem, "    start = time.process_time()\n    while time.process_time() < start + 0.1: pass\n    return -1", TestContext.Current.CancellationToken);
        slow.Value.Should().Be(0);
        clock.Elapsed.TotalSeconds.Should().BeLessThan(40, "not a limit for each of the tests, which is two minutes here");
    }

    [Fact]
    public async Task Problems_of_two_sets_may_share_an_id()
    {
        await using var pool = await StartPool();
        var reward = new PythonReward(pool, new PythonRewardOptions());
        foreach (var (name, answer) in new[] { ("one", 1), ("two", 2), ("one", 1) })
        {
            var problem = new PythonProblem("task/0", "", [], $"def {name}():\n", name, $"assert {name}() == {answer}\n");
            (await reward.ScoreAsync(problem, $"    return {answer}", TestContext.Current.CancellationToken)).Passed.Should().BeTrue();
            (await reward.ScoreAsync(problem, $"    return {3 - answer}", TestContext.Current.CancellationToken)).Passed.Should().BeFalse();
        }
    }

    [Fact]
    public async Task References_of_the_training_sets_pass()
    {
        var path = SharedData.Require("data/benchmarks/mbpp.jsonl");
        await using var pool = await StartPool();
        var reward = new PythonReward(pool, new PythonRewardOptions());
        var code = File.ReadLines(path).Select(line => System.Text.Json.JsonDocument.Parse(line).RootElement)
            .ToDictionary(row => $"MBPP/{row.GetProperty("task_id").GetInt32()}", row => row.GetProperty("code").GetString()!, StringComparer.Ordinal);
        var problems = KnownProblems.Read("mbpp", path).Where((_, i) => i % 12 == 0).ToList();
        foreach (var problem in problems)
        {
            var score = await reward.ScoreAsync(problem, code[problem.Id], TestContext.Current.CancellationToken);
            score.Passed.Should().BeTrue($"{problem.Id}: {score.Verdict} {score.Detail}");
        }
    }

    [Fact]
    public async Task References_of_LeetCodeDataset_pass()
    {
        var path = SharedData.Require("data/rlvr/LeetCodeDataset-v0.2.0-train.jsonl.gz");
        await using var pool = await StartPool();
        var reward = new PythonReward(pool, new PythonRewardOptions());
        var rows = new Dictionary<string, System.Text.Json.JsonElement>(StringComparer.Ordinal);
        using (var reader = new StreamReader(new System.IO.Compression.GZipStream(File.OpenRead(path), System.IO.Compression.CompressionMode.Decompress)))
        {
            while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
            {
                var row = System.Text.Json.JsonDocument.Parse(line).RootElement;
                rows.Add("leetcode/" + row.GetProperty("task_id").GetString(), row);
            }
        }

        // The reference is a whole class, so it stands behind the imports rather than behind the class's head.
        var sample = KnownProblems.Read("leetcode", path).OfType<PythonProblem>().Where((_, i) => i % 120 == 0).ToList();
        var failed = new List<string>();
        foreach (var problem in sample)
        {
            var row = rows[problem.Id];
            var score = await reward.ScoreAsync(
                problem with { Program = row.GetProperty("prompt").GetString()! }, "\n" + row.GetProperty("completion").GetString()!,
                TestContext.Current.CancellationToken);
            if (!score.Passed)
            {
                failed.Add($"{problem.Id}: {score.Verdict} {score.Detail}");
            }
        }

        failed.Should().BeEmpty();
    }

    private static async Task<SandboxPool> StartPool()
    {
        try
        {
            return await SandboxPool.StartAsync(new SandboxOptions { Workers = 1 }, TestContext.Current.CancellationToken);
        }
        catch (SandboxUnavailableException e)
        {
            Assert.Skip(e.Message);
            throw;
        }
    }

    private static string Write(string text)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("ra3-test-").FullName, "problems.jsonl");
        File.WriteAllText(path, text);
        return path;
    }
}
