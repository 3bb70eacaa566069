using System.Diagnostics;
using System.Globalization;
using Ra3.Corpora;
using Ra3.MidTraining;
using Ra3.Models;
using Ra3.Models.Tokenizers;
using Ra3.Training;
using Spectre.Console;

namespace Ra3.Cli.Training;

/// <summary>What a run would do and need; printed by --dry-run.</summary>
internal sealed record TrainingPlan
{
    /// <summary>What to lower where the memory does not suffice.</summary>
    public const string MemoryKeys = "microBatchRows, windowTokens or, for RA3, treeTokens";

    private const double PatienceSeconds = 30; // a measurement that takes longer is given up
    private const int LineTokens = 16; // of a long line of code, in a horizon

    public required int Documents { get; init; }

    public required long Tokens { get; init; }

    public required int HeldOutDocuments { get; init; }

    public required long Parameters { get; init; }

    /// <summary>Optimizer steps of next-token prediction, over all rounds.</summary>
    public required long Steps { get; init; }

    public required long TokensPerStep { get; init; }

    /// <summary>Passes over the corpus that the steps make; thoughts not counted.</summary>
    public double Epochs => (double)Steps * TokensPerStep / Math.Max(1, Tokens);

    /// <summary>Iterations of the E-step, over all rounds.</summary>
    public long EStepIterations { get; init; }

    /// <summary>Trajectories of an iteration, at most.</summary>
    public long SamplesPerIteration { get; init; }

    /// <summary>Snippets of the corpus.</summary>
    public long Snippets { get; init; }

    /// <summary>Source tokens of the documents that thoughts are drawn for, over all rounds: what the M-steps read.</summary>
    public long ThoughtTokens { get; init; }

    /// <summary>Estimated bytes, by what takes them.</summary>
    public required IReadOnlyDictionary<string, long> Memory { get; init; }

    /// <summary>Expected seconds by phase, from a short measurement here; null where none was made.</summary>
    public IReadOnlyDictionary<string, double>? Seconds { get; init; }

    /// <summary>Why nothing was measured.</summary>
    public string? NotMeasured { get; init; }

    public static TrainingPlan Of(
        TrainingData data, ModelConfig config, NextTokenOptions options, Precision precision, MidTrainingOptions? ra3, long seed)
    {
        var rounds = ra3?.Rounds ?? 1;
        var learns = ra3?.LearnsThoughts == true;
        return new TrainingPlan
        {
            Documents = data.Training.Count + (data.Replay?.Count ?? 0),
            Tokens = data.Training.TotalTokens + (data.Replay?.TotalTokens ?? 0),
            HeldOutDocuments = data.HeldOutDocuments,
            Parameters = config.ParameterCount(),
            Steps = (long)rounds * options.Steps,
            TokensPerStep = (long)options.BatchRows * options.WindowTokens,
            EStepIterations = learns ? (long)rounds * ra3!.EStep.Iterations : 0,
            SamplesPerIteration = learns ? (long)ra3!.EStep.Snippets * ra3.EStep.PlacesPerSnippet * ra3.EStep.GroupSize : 0,
            Snippets = ra3 is null ? 0 : Enumerable.Range(0, data.Training.Count).Sum(i => (long)Snippet.Cut(data.Training[i], ra3.Latents.SnippetTokens).Count()),
            ThoughtTokens = ra3 is { Thinks: true } ? rounds * PackedWindows.DocumentsFor(
                (long)options.Steps * options.BatchRows, options.WindowTokens, (ulong)seed,
                data.Replay is null ? [data.Training] : [data.Training, data.Replay])
                .Where(document => document < data.Training.Count).Sum(document => (long)data.Training.TokensOf(document).Length) : 0,
            Memory = MemoryOf(config, options, precision, ra3),
        };
    }

    /// <summary>The plan with expected times: one micro-batch, and one small iteration of the E-step, are really run.</summary>
    public TrainingPlan Measured(
        Func<Decoder> load, Tokenizer tokenizer, TrainingData data, NextTokenOptions options, MidTrainingOptions? ra3, long seed, CancellationToken stop)
    {
        if (!MemoryEstimate.Fits(Memory))
        {
            return this with { NotMeasured = $"the estimated memory exceeds what this machine has; lower {MemoryKeys}" };
        }

        using var decoder = load();
        var windows = new PackedWindows(data.Training, tokenizer, options.WindowTokens, (ulong)seed);
        var micro = Math.Min(options.MicroBatchRows, options.BatchRows);
        var rows = NextTokenTrainer.Rows(windows, options, 0).Take(micro).ToList();
        var first = Timed(() => NextTokenLoss.Backward(decoder, rows.Take(1).ToList(), 1, TokensPerStep, stop));
        stop.ThrowIfCancellationRequested();
        if (first * micro > PatienceSeconds)
        {
            return this with { NotMeasured = $"one window takes {ProgressLine.Duration(TimeSpan.FromSeconds(first))} here, too long for a short measurement" };
        }

        double batch, update;
        using (var optimizer = new AdamW(decoder, options.Optimizer))
        {
            optimizer.Step(0); // and so the weights stay as they are, but for nothing
            batch = Timed(() => NextTokenLoss.Backward(decoder, rows, micro, TokensPerStep, stop));
            update = Timed(() => optimizer.Step(0));
        }

        var seconds = new Dictionary<string, double> { ["next-token steps"] = Steps * ((batch * options.BatchRows / micro) + update) };
        if (ra3 is { Thinks: true })
        {
            MeasureThoughts(seconds, decoder, tokenizer, data, ra3, seed, stop);
        }

        return this with { Seconds = seconds };
    }

    public void Print(IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Simple).HideHeaders().AddColumns("", "");
        table.AddRow("corpus", Invariant($"{Documents:N0} documents, {Tokens:N0} tokens{(Snippets > 0 ? $", {Snippets:N0} snippets" : "")}; {HeldOutDocuments:N0} documents held out"));
        table.AddRow("model", Invariant($"{Parameters:N0} parameters"));
        table.AddRow("steps", Invariant($"{Steps:N0} of {TokensPerStep:N0} tokens: {Epochs:0.##} passes over the corpus"));
        if (EStepIterations > 0)
        {
            table.AddRow("E-step", Invariant($"{EStepIterations:N0} iterations of up to {SamplesPerIteration:N0} trajectories"));
        }

        if (ThoughtTokens > 0)
        {
            table.AddRow("thoughts", Invariant($"for {ThoughtTokens:N0} tokens of source, which the M-step reads"));
        }

        table.AddRow("memory", MemoryEstimate.Text(Memory));
        table.AddRow("time", Seconds is { } seconds
            ? $"about {Text(seconds.Values.Sum())}, measured here: {string.Join(", ", seconds.Select(part => $"{part.Key} {Text(part.Value)}"))}"
            : $"not measured: {NotMeasured}");
        console.Write(table);

        static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
        static string Text(double seconds) => ProgressLine.Duration(TimeSpan.FromSeconds(seconds));
    }

    private void MeasureThoughts(
        Dictionary<string, double> seconds, Decoder policy, Tokenizer tokenizer, TrainingData data, MidTrainingOptions ra3, long seed,
        CancellationToken stop)
    {
        using var scorer = policy.Copy(trainable: false);
        using var format = new LatentFormat(tokenizer, policy.Config.VocabularySize, policy.Device);
        var snippets = Enumerable.Range(0, data.Training.Count).SelectMany(i => Snippet.Cut(data.Training[i], ra3.Latents.SnippetTokens))
            .Where(snippet => snippet.Tokens.Length <= ra3.Latents.SnippetTokens).Take(8).ToList();
        if (EStepIterations > 0 && snippets.Count > 0)
        {
            using var step = new EStep(policy, scorer, format, ra3.Latents, ra3.EStep with { Optimizer = ra3.EStep.Optimizer with { LearningRate = 1e-12 } }, seed);
            step.Iterate(0, [snippets[0]], stop);
            IReadOnlyList<Snippet> some = [.. snippets.TakeLast(Math.Min(4, ra3.EStep.Snippets))];
            seconds["E-step"] = EStepIterations * ra3.EStep.Snippets * Timed(() => step.Iterate(0, some, stop)) / some.Count;
        }

        var sampler = new LatentSampler(scorer, format, ra3.Latents);
        seconds["thoughts in the corpus"] = (double)ThoughtTokens / Math.Max(1, snippets.Sum(snippet => snippet.Tokens.Length))
            * Timed(() => sampler.SampleWhole(snippets, i => new SeededRandom(seed, "plan", i), stop));
    }

    private static double Timed(Action work)
    {
        var watch = Stopwatch.StartNew();
        work();
        return watch.Elapsed.TotalSeconds;
    }

    /// <summary>The activations are those of one micro-batch, or of one tree of the E-step where that is more.</summary>
    public static Dictionary<string, long> MemoryOf(ModelConfig config, NextTokenOptions options, Precision precision, MidTrainingOptions? ra3)
    {
        var type = Compute.Type(precision, Compute.Device);
        var memory = MemoryEstimate.Of(config, type, (long)Math.Min(options.MicroBatchRows, options.BatchRows) * options.WindowTokens, options.WindowTokens);
        if (ra3 is null)
        {
            return memory;
        }

        var (latents, step) = (ra3.Latents, ra3.EStep);
        var groups = (long)step.PlacesPerSnippet * step.GroupSize * step.Horizon * (latents.MaxTokens + LineTokens);
        var perToken = (long)config.Layers * config.KeyValueHeads * ((2 * config.HeadSize) + 8) * 4;
        memory["cache"] = perToken * Math.Max(ra3.LearnsThoughts ? groups : 0, (long)latents.BatchSize * latents.SnippetTokens * 5 / 4);
        if (ra3.LearnsThoughts)
        {
            var tree = MemoryEstimate.Of(config, type, Math.Min(step.TreeTokens, latents.SnippetTokens + groups), latents.SnippetTokens);
            memory["activations"] = Math.Max(memory["activations"], tree["activations"]);
            memory["scorer"] = config.ParameterCount() * MemoryEstimate.SizeOf(type);
        }

        return memory;
    }
}
