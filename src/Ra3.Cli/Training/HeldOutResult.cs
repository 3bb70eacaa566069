using System.Globalization;
using Ra3.MidTraining;
using Ra3.Models;
using Spectre.Console;

namespace Ra3.Cli.Training;

/// <summary>One model on held-out code.</summary>
internal sealed record HeldOutNumbers
{
    /// <summary>Nats per source token, without thoughts.</summary>
    public required double ActionCrossEntropy { get; init; }

    public required double BitsPerByte { get; init; }

    /// <summary>With the model's own thoughts, on fewer snippets; null where not measured, as for all that follow.</summary>
    public double? ThinkingCrossEntropy { get; init; }

    /// <summary>Without thoughts on those same snippets.</summary>
    public double? ThinkingBaseline { get; init; }

    public double? ThinkShare { get; init; }

    public double? LinesPerAbstraction { get; init; }

    public double? MeanLatentTokens { get; init; }
}

/// <summary>Held-out code before and after training; Before is null for a model from scratch.</summary>
/// <param name="Snippets">Measured without thoughts.</param>
/// <param name="Documents">That the snippets come from; the change varies from document to document.</param>
/// <param name="Before">Null for a model from scratch.</param>
/// <param name="After">The trained model.</param>
/// <param name="Change">Nats per token after less before.</param>
/// <param name="ChangeError">Standard error of the change over documents; null for one document.</param>
internal sealed record HeldOutResult(
    int Snippets, int Documents, HeldOutNumbers? Before, HeldOutNumbers After, double? Change, double? ChangeError)
{
    private const int EnoughDocuments = 10; // from fewer the standard error is itself a guess

    /// <summary>Measures the folders' models on the same snippets.</summary>
    public static HeldOutResult? Measure(
        TrainingData data, HeldOutRecipe recipe, string? before, string after, Precision precision, long seed, CancellationToken stop)
    {
        var plain = data.HeldOutSnippets(recipe, recipe.Snippets);
        if (plain.Count == 0)
        {
            return null;
        }

        var thinking = data.HeldOutSnippets(recipe, recipe.ThinkingSnippets);
        using var progress = new ProgressLine("held-out models", before is null ? 1 : 2);
        var first = before is null ? ((HeldOutNumbers Numbers, CodeLikelihood Plain)?)null : One(before);
        progress.Report(before is null ? 0 : 1);
        var second = One(after);
        progress.Report(before is null ? 1 : 2);
        var compared = first is { } one ? CodeLikelihood.Compare(second.Plain, one.Plain, plain) : ((double Difference, double StandardError)?)null;
        return new HeldOutResult(
            plain.Count, plain.Select(snippet => snippet.Document.Id).Distinct(StringComparer.Ordinal).Count(), first?.Numbers, second.Numbers,
            compared?.Difference, compared is { StandardError: var error } && double.IsFinite(error) ? error : null);

        (HeldOutNumbers Numbers, CodeLikelihood Plain) One(string folder)
        {
            stop.ThrowIfCancellationRequested();
            var (decoder, tokenizer) = ModelFolder.Load(folder, Compute.Type(precision, Compute.Device), Compute.Device, trainable: false);
            using (decoder)
            using (var format = new LatentFormat(tokenizer, decoder.Config.VocabularySize, Compute.Device))
            {
                return Numbers(decoder, format);
            }
        }

        (HeldOutNumbers Numbers, CodeLikelihood Plain) Numbers(Decoder decoder, LatentFormat format)
        {
            var likelihood = HeldOutEvaluation.Plain(decoder, format, plain, stop);
            var numbers = new HeldOutNumbers { ActionCrossEntropy = likelihood.ActionCrossEntropy, BitsPerByte = likelihood.BitsPerByte };
            if (thinking.Count == 0)
            {
                return (numbers, likelihood);
            }

            var (with, counts, _) = HeldOutEvaluation.Thinking(decoder, format, recipe.Latents, thinking, seed, stop);
            return (numbers with
            {
                ThinkingCrossEntropy = with.ActionCrossEntropy,
                ThinkingBaseline = HeldOutEvaluation.Plain(decoder, format, thinking, stop).ActionCrossEntropy,
                ThinkShare = counts.ThinkShare,
                LinesPerAbstraction = counts.Thoughts > 0 ? counts.LinesPerAbstraction : null,
                MeanLatentTokens = counts.MeanLatentTokens,
            }, likelihood);
        }
    }

    public void Print(IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn($"held-out code, {Snippets} snippets");
        foreach (var name in new[] { "nats/token", "bits/byte", "with own thoughts", "without, same snippets", "think share", "tokens/thought" })
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        foreach (var (name, numbers) in new[] { ("before", Before), ("after", After) })
        {
            if (numbers is not null)
            {
                table.AddRow(
                    name, Text(numbers.ActionCrossEntropy, "0.0000"), Text(numbers.BitsPerByte, "0.000"), Text(numbers.ThinkingCrossEntropy, "0.0000"),
                    Text(numbers.ThinkingBaseline, "0.0000"), Text(numbers.ThinkShare, "0.0 %"), Text(numbers.MeanLatentTokens, "0.0"));
            }
        }

        console.Write(table);
        if (Change is { } change)
        {
            var error = Documents >= EnoughDocuments && ChangeError is not null
                ? $" ± {Text(ChangeError, "0.0000")} (standard error over {Documents} documents)."
                : $", but on {Documents} held-out {(Documents == 1 ? "document" : "documents")} only: too few to tell a change from "
                    + $"chance. Hold out at least {EnoughDocuments} (heldOut.share, heldOut.paths).";
            console.WriteLine($"Change in nats per token: {Text(change, "+0.0000;-0.0000")}{error}");
        }

        static string Text(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "–";
    }
}
