using System.CommandLine;
using System.Globalization;
using Ra3.Cli.Report;
using Ra3.Corpora;
using Ra3.MidTraining;
using Ra3.Models;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 inspect`: a model's thoughts on a file, line by line.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var model = new Option<DirectoryInfo>("--model", "-m") { Description = "Hugging Face folder.", HelpName = "DIR", Required = true };
        var file = new Argument<FileInfo>("FILE") { Description = "A Python file." };
        var seed = new Option<long>("--seed") { Description = "Seed of the thoughts.", DefaultValueFactory = _ => 1 };
        var snippetTokens = new Option<int>("--snippet-tokens") { Description = "Most tokens the model sees at once.", HelpName = "N", DefaultValueFactory = _ => 256 }.AtLeast(16);
        var thoughtTokens = new Option<int>("--thought-tokens") { Description = "Most tokens of a thought.", HelpName = "N", DefaultValueFactory = _ => 32 }.AtLeast(2);
        var precision = new Option<Precision>("--precision") { Description = "auto, fp32 or bf16.", DefaultValueFactory = _ => Precision.Auto };
        var noPager = Pager.Option();
        var json = CommonOptions.Json();
        var verb = new Verb(
            "inspect",
            "Walks through a file with a model: where it thinks, what it writes, how likely each line is with and without.",
            "ra3 inspect --model runs/ra3/model example.py") { model, file, seed, snippetTokens, thoughtTokens, precision, noPager, json };
        verb.Does((parsed, stop) =>
        {
            var latents = new LatentOptions { MaxTokens = parsed.GetValue(thoughtTokens), SnippetTokens = parsed.GetValue(snippetTokens) };
            var device = Compute.Device;
            var documents = new CorpusReader([parsed.GetRequiredValue(file).FullName]).Read().Take(2).ToList();
            var document = documents[0];
            var (decoder, tokenizer) = ModelFolder.Load(
                GenerateCommand.Existing(parsed.GetRequiredValue(model).FullName), Compute.Type(parsed.GetValue(precision), device), device, trainable: false);
            using (decoder)
            using (var format = new LatentFormat(tokenizer, decoder.Config.VocabularySize, device))
            {
                var most = decoder.Config.MaxPositions - 1; // behind the token before a document
                if (latents.SnippetTokens > most)
                {
                    throw new ArgumentException($"--snippet-tokens is {latents.SnippetTokens}, but {most} fit into the model's positions.");
                }

                // A line longer than a snippet is one of its own, and may be too long even so.
                var fitting = Snippet.Cut(DocumentEncoder.Encode(document, tokenizer), latents.SnippetTokens).ToLookup(snippet => snippet.Tokens.Length <= most);
                List<Snippet> snippets = [.. fitting[true]];
                var (_, counts, trajectories) = HeldOutEvaluation.Thinking(decoder, format, latents, snippets, parsed.GetValue(seed), stop);
                var walks = new List<CodeWalk>();
                foreach (var trajectory in trajectories)
                {
                    stop.ThrowIfCancellationRequested();
                    walks.Add(TrajectoryWalk.Of(decoder, format, tokenizer, trajectory));
                }

                var summary = new Summary(
                    parsed.GetRequiredValue(file).Name, walks.Sum(LinesOf), counts.Choices, counts.Thoughts, counts.ThinkShare,
                    counts.Thoughts > 0 ? counts.LinesPerAbstraction : null, counts.MeanLatentTokens, snippets.Sum(snippet => snippet.Tokens.Length),
                    walks.Sum(walk => walk.Lines.Sum(line => line.Before!.Value)), walks.Sum(walk => walk.Lines.Sum(line => line.After!.Value)),
                    fitting[false].Count(), trajectories.Count(trajectory => trajectory.Tokens.Count > most));
                if (parsed.GetValue(json))
                {
                    Terminal.WriteJson(new { Summary = summary, Lines = walks.SelectMany(walk => walk.Lines) });
                    return 0;
                }

                var console = Terminal.For(json: false);
                new Pager(!parsed.GetValue(noPager), stop).Show(walks, walk => WalkPrinter.Print(console, walk), "to the summary");
                summary.Print(console);
                if (documents.Count > 1)
                {
                    console.WriteLine("The file holds more documents than this one, its first.");
                }
            }

            return 0;
        });
        return verb;
    }

    /// <summary>Lines of the file: an action carries the blank lines after it.</summary>
    private static int LinesOf(CodeWalk walk) => walk.Lines.Sum(line => 1 + line.Text.Count(c => c == '\n'));

    /// <summary>The file as a whole; log-probabilities in nats.</summary>
    private sealed record Summary(
        string File, int Lines, long Choices, long Thoughts, double ThinkShare, double? LinesPerAbstraction, double MeanLatentTokens,
        int Tokens, double LogProbWithout, double LogProbWith, int LinesTooLong, int StretchesTooLong)
    {
        public void Print(IAnsiConsole console)
        {
            if (LinesTooLong > 0)
            {
                console.WriteLine($"{LinesTooLong} lines are left out: each alone is longer than the model's positions.");
            }

            if (StretchesTooLong > 0)
            {
                console.WriteLine($"{StretchesTooLong} stretches are longer with their thoughts than the model's positions: lower --snippet-tokens.");
            }

            console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{File}: {Lines} lines, {Thoughts} thoughts at {Choices} possible places (think share {100 * ThinkShare:0.0} %)."));
            if (LinesPerAbstraction is { } lines)
            {
                console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"One thought every {lines:0.0} lines, {MeanLatentTokens:0.0} tokens each."));
            }

            console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"Nats per token: {-LogProbWithout / Tokens:0.0000} without thoughts, {-LogProbWith / Tokens:0.0000} with its own (one sample)."));
        }
    }
}
