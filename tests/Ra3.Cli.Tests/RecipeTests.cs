using System.ComponentModel.DataAnnotations;
using CsCheck;
using Ra3.Cli.Recipes;
using Ra3.Cli.Training;

namespace Ra3.Tests;

public sealed class RecipeTests
{
    private static readonly string[] Awkward =
        [string.Empty, "null", "~", "true", "1", "1e5", "a: b", "# c", "- x", " lead", "trail ", "line\nbreak\n", "tab\t", "é😀\u2028\u0085\0", "'\"\\", "---", "..."];

    public enum Schedule
    {
        Constant,
        WarmupCosine,
    }

    public sealed record Optimizer
    {
        [Range(0, 1, MinimumIsExclusive = true)]
        public double LearningRate { get; init; } = 3e-4;

        public Schedule Schedule { get; init; } = Schedule.WarmupCosine;

        [Range(0.0, double.MaxValue)]
        public double? ClipNorm { get; init; } = 1.0;
    }

    public sealed record Plan : IValidatableObject
    {
        public string Name { get; init; } = "plan";

        [Range(1, int.MaxValue)]
        public int Steps { get; init; } = 100;

        [Range(0, int.MaxValue)]
        public int Warmup { get; init; } = 10;

        public long Tokens { get; init; } = 1_000_000_000_000;

        public bool Compile { get; init; }

        public string? Note { get; init; }

        public IReadOnlyList<string> Paths { get; init; } = ["a"];

        public Optimizer Optimizer { get; init; } = new() { ClipNorm = 0.5 };

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Warmup > Steps)
            {
                yield return new ValidationResult("the warm-up cannot be longer than the run", [nameof(Warmup), nameof(Steps)]);
            }
        }
    }

    public sealed record Needing
    {
        public required string Model { get; init; }
    }

    [Fact]
    public void What_a_recipe_leaves_out_keeps_its_default_in_sections_too()
    {
        var plan = Recipe.Parse<Plan>("steps: 20\noptimizer:\n  learningRate: 0.01\n", "r.yaml", []);
        plan.Should().BeEquivalentTo(new Plan { Steps = 20, Optimizer = new Optimizer { LearningRate = 0.01, ClipNorm = 0.5 } });
    }

    [Fact]
    public void The_override_that_is_wrong_is_blamed_not_the_first_of_its_section()
    {
        var report = FluentActions.Invoking(() => Recipe.Parse<RlvrRecipe>("", "r", [
            "model=m", "problems.train=p", "grpo.maxNewTokens=16", "grpo.steps=-1", "python.memoryMb=2000000000"]))
            .Should().Throw<InvalidDataException>().Which.Message;
        report.Split('\n', StringSplitOptions.TrimEntries).Should().BeEquivalentTo(
            "r has 2 errors:",
            "--set grpo.steps=-1: grpo.steps: must not be negative: -1",
            "--set python.memoryMb=2000000000: python.memoryMb: must be 64 to 1048576: 2000000000");
    }

    [Fact]
    public void All_errors_come_at_once_each_with_its_key_and_line()
    {
        const string Yaml = """
            steps: many
            warmup: -1
            batchSize: 3
            paths: one
            compile: yes
            optimizer:
              learning_rate: 0.1
              learningRate: 1.4
              schedule: cosine
              clipNorm: [1]
            """;
        var report = FluentActions.Invoking(() => Recipe.Parse<Plan>(Yaml, "r.yaml", ["tokens=1.5", "optimiser.learningRate=1", "steps"]))
            .Should().Throw<InvalidDataException>().Which.Message;
        report.Split('\n', StringSplitOptions.TrimEntries).Should().Equal(
            "r.yaml has 12 errors:",
            "line 1: steps must be a whole number up to 2147483647, not \"many\"",
            "line 2: warmup must be at least 0, not -1",
            "line 3: batchSize is not a key; known here: name, steps, warmup, tokens, compile, note, paths, optimizer",
            "line 4: paths must be a list such as [a, b]",
            "line 5: compile must be true or false, not \"yes\"",
            "line 7: optimizer.learning_rate is not a key; did you mean optimizer.learningRate?",
            "line 8: optimizer.learningRate must be greater than 0 and at most 1, not 1.4",
            "line 9: optimizer.schedule must be one of constant, warmup-cosine, not \"cosine\"",
            "line 10: optimizer.clipNorm must be a number, not a list",
            "--set steps: an assignment looks like optimizer.learningRate=3e-4",
            "--set tokens=1.5: tokens must be a whole number, not \"1.5\"",
            "--set optimiser.learningRate=1: optimiser is not a key; did you mean optimizer?");
    }

    [Fact]
    public void A_key_in_the_wrong_section_is_sent_to_the_right_one() =>
        Errors("learningRate: 0.1").Should().EndWith("line 1: learningRate is not a key; did you mean optimizer.learningRate?");

    [Fact]
    public void Conflicting_values_are_named_together() =>
        Errors("steps: 5\nwarmup: 6").Should().EndWith("line 2: warmup, steps: the warm-up cannot be longer than the run");

    [Fact]
    public void A_required_key_that_is_missing_is_named() =>
        FluentActions.Invoking(() => Recipe.Parse<Needing>(string.Empty, "r.yaml", []))
            .Should().Throw<InvalidDataException>().WithMessage("*model is missing");

    [Fact]
    public void Broken_yaml_gives_the_line() =>
        FluentActions.Invoking(() => Recipe.Parse<Plan>("steps: 5\nname: [a\n", "r.yaml", []))
            .Should().Throw<InvalidDataException>().WithMessage("r.yaml, line *: not valid YAML*");

    [Fact]
    public void A_repeated_key_is_an_error() =>
        FluentActions.Invoking(() => Recipe.Parse<Plan>("steps: 5\nsteps: 6\n", "r.yaml", []))
            .Should().Throw<InvalidDataException>().WithMessage("r.yaml, line 2*");

    [Fact]
    public void Assignments_win_over_the_file_and_the_last_one_wins()
    {
        var plan = Recipe.Parse<Plan>(
            "steps: 5\noptimizer: { schedule: constant }",
            "r.yaml",
            ["steps=6", "steps=70", "optimizer.clipNorm=null", "paths=[x, y]", "note=a=b", "optimizer.schedule=warmupCosine"]);
        plan.Should().BeEquivalentTo(new Plan
        {
            Steps = 70,
            Note = "a=b",
            Paths = ["x", "y"],
            Optimizer = new Optimizer { ClipNorm = null, Schedule = Schedule.WarmupCosine },
        });
    }

    [Fact]
    public void A_resolved_recipe_reads_back_as_itself()
    {
        var text = Gen.OneOf(
            Gen.String[Gen.Char[' ', '~'], 0, 12],
            Gen.Int[0, Awkward.Length - 1].Select(i => Awkward[i]));
        var gen =
            from name in text
            from steps in Gen.Int[1, int.MaxValue]
            from tokens in Gen.Long
            from compile in Gen.Bool
            from note in Gen.OneOf(text, Gen.Const((string?)null)!)
            from paths in text.List[0, 3]
            from rate in Gen.Double[double.Epsilon, 1]
            from clip in Gen.OneOf(Gen.Const((double?)null), Gen.Double[0, 1e300].Select(d => (double?)d))
            from schedule in Gen.Enum<Schedule>()
            select new Plan
            {
                Name = name,
                Steps = steps,
                Warmup = 0,
                Tokens = tokens,
                Compile = compile,
                Note = note,
                Paths = paths,
                Optimizer = new Optimizer { LearningRate = rate, ClipNorm = clip, Schedule = schedule },
            };
        gen.Sample(plan =>
        {
            var back = Recipe.Parse<Plan>(Recipe.Write(plan), "resolved", []);
            back.Should().Be(plan with { Paths = back.Paths });
            back.Paths.Should().Equal(plan.Paths);
        });
    }

    private static string Errors(string yaml) =>
        FluentActions.Invoking(() => Recipe.Parse<Plan>(yaml, "r.yaml", [])).Should().Throw<InvalidDataException>().Which.Message;
}
