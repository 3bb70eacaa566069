using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text.Json;
using Ra3.Cli.Data;
using Ra3.Models;
using Ra3.Models.Tokenizers;
using Ra3.PostTraining;

namespace Ra3.Cli.Training;

/// <summary>`ra3 rlvr`: verifiable rewards on problems.</summary>
internal sealed record RlvrRecipe : IValidatableObject
{
    /// <summary>The Hugging Face folder to start from; --model sets it.</summary>
    public string? Model { get; init; }

    public ProblemsRecipe Problems { get; init; } = new();

    /// <summary>How programs are judged and paid; questions with an answer need none of it.</summary>
    public PythonRewardOptions Python { get; init; } = new();

    public GrpoOptions Grpo { get; init; } = new();

    public long Seed { get; init; } = 1;

    public Precision Precision { get; init; }

    public WeightType Weights { get; init; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (string.IsNullOrEmpty(Model))
        {
            yield return new ValidationResult("is missing: name a Hugging Face folder with --model DIR", [nameof(Model)]);
        }

        if (string.IsNullOrEmpty(Problems.Train))
        {
            yield return new ValidationResult(
                $"is missing: give --problems with a file, or one of {string.Join(", ", KnownProblems.Names)}", ["problems.train"]);
        }
    }
}

/// <summary>What to learn from and what to be measured on.</summary>
internal sealed record ProblemsRecipe : IValidatableObject
{
    /// <summary>mbpp, leetcode, gsm8k, or a file of problems (docs/rlvr.md says how it is written); --problems sets it.</summary>
    public string? Train { get; init; }

    /// <summary>Whether special tokens written out in the prompts are those tokens (prompts in a chat's form) rather than ordinary text.</summary>
    public bool SpecialTokens { get; init; }

    /// <summary>A file of held-out problems; null takes the set's own held-out part, or else <see cref="HeldOutShare"/>.</summary>
    public string? HeldOut { get; init; }

    /// <summary>Share of the training problems held out where there is no other held-out part; 0 for none.</summary>
    [Range(0, 0.9)]
    public double HeldOutShare { get; init; } = 0.1;

    /// <summary>Most held-out problems measured, drawn by seed; 0 for all.</summary>
    [Range(0, int.MaxValue)]
    public int HeldOutLimit { get; init; } = 200;

    /// <summary>Where the files of mbpp, leetcode and gsm8k lie; null is where `ra3 data get` puts them.</summary>
    public string? Data { get; init; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (HeldOut is not null && HeldOut == Train)
        {
            yield return new ValidationResult("is the file of the training problems", ["heldOut"]);
        }
    }
}

/// <summary>The problems of a run.</summary>
internal sealed record RlvrProblems(IReadOnlyList<Problem> Train, IReadOnlyList<Problem> Test)
{
    public int Count => Train.Count + Test.Count;

    /// <summary>32 hexadecimal digits that differ between sets of problems; where they lie plays no part.</summary>
    public string Fingerprint
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (var problem in Train.Concat(Test))
            {
                hash.AppendData(JsonSerializer.SerializeToUtf8Bytes(problem with { Place = null }, problem.GetType()));
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset())[..32];
        }
    }

    /// <summary>Those whose prompt leaves room for a completion.</summary>
    /// <exception cref="ArgumentException">None is left to train on.</exception>
    public RlvrProblems Fitting(Tokenizer tokenizer, ModelConfig config, int maxNewTokens)
    {
        var train = GrpoTrainer.Fitting(Train, tokenizer, config, maxNewTokens);
        return train.Count > 0
            ? new RlvrProblems(train, GrpoTrainer.Fitting(Test, tokenizer, config, maxNewTokens))
            : throw new ArgumentException(
                $"No prompt leaves room for {maxNewTokens} new tokens in the model's {config.MaxPositions} positions: lower maxNewTokens.");
    }

    /// <exception cref="InvalidDataException">A file is not as it should be; or a problem lies in both parts.</exception>
    /// <exception cref="IOException">A file is absent; says how to fetch it.</exception>
    public static RlvrProblems Read(ProblemsRecipe recipe, long seed)
    {
        var name = recipe.Train!;
        var known = KnownProblems.Names.Contains(name);
        var train = known ? Part(name, KnownProblems.FilesOf(name).Train, isTest: false) : ProblemFile.Read(name);
        var random = new SeededRandom(seed, "rlvr/held-out");
        if (recipe.HeldOut is null && !(known && KnownProblems.FilesOf(name).Test is not null))
        {
            var order = train.ToArray();
            random.Shuffle<Problem>(order);
            var count = (int)Math.Round(recipe.HeldOutShare * order.Length);
            var held = order[..count].ToHashSet();
            return Whole(train.Where(problem => !held.Contains(problem)), Limited(order[..count]));
        }

        var test = (recipe.HeldOut is { } file ? ProblemFile.Read(file) : Part(name, KnownProblems.FilesOf(name).Test!, isTest: true)).ToArray();
        var ids = train.Select(problem => problem.Id).ToHashSet(StringComparer.Ordinal);
        if (Array.Find(test, problem => ids.Contains(problem.Id)) is { } shared)
        {
            throw new InvalidDataException($"The problem {shared.Id} is trained on and held out: the score would mean nothing.");
        }

        random.Shuffle<Problem>(test);
        return Whole(train, Limited(test));

        RlvrProblems Whole(IEnumerable<Problem> learn, IEnumerable<Problem> measure) => new(
            [.. learn.Select(problem => problem with { SpecialTokens = recipe.SpecialTokens })],
            [.. measure.Select(problem => problem with { SpecialTokens = recipe.SpecialTokens })]);

        IReadOnlyList<Problem> Limited(Problem[] problems) => recipe.HeldOutLimit > 0 ? problems[..Math.Min(problems.Length, recipe.HeldOutLimit)] : problems;

        IReadOnlyList<Problem> Part(string set, string file, bool isTest)
        {
            var path = Path.Combine(recipe.Data ?? DataFile.DefaultFolder, file);
            return File.Exists(path) ? KnownProblems.Read(set, path, isTest) : throw new FileNotFoundException(
                $"{path} is not there: fetch it with 'ra3 data get {(set == "mbpp" ? "mbpp" : $"{set}-{(isTest ? "test" : "train")}")}', "
                + "or say with --set problems.data=DIR where it lies.", path);
        }
    }
}

/// <summary>Pays programs by their tests and questions by their answers, so that one file may hold both.</summary>
internal sealed class RlvrReward(PythonReward? python) : IReward
{
    private readonly AnswerReward answers = new();

    public Task<Score> ScoreAsync(Problem problem, string completion, CancellationToken stop) =>
        (problem is PythonProblem ? python ?? throw new InvalidOperationException("There is no sandbox for programs.") : (IReward)answers)
            .ScoreAsync(problem, completion, stop);
}
