using System.CommandLine;
using System.Diagnostics;
using Ra3.Cli.Training;
using Ra3.Corpora;
using Ra3.Models.Tokenizers;
using Spectre.Console;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 tokenizer train`: a byte-level BPE tokenizer for models made from scratch.</summary>
internal static class TokenizerCommand
{
    public static Command Create() => new("tokenizer", "Makes tokenizers.") { Train() };

    private static Verb Train()
    {
        var paths = new Argument<string[]>("PATH")
        {
            Description = "Files and folders of text: .py, .jsonl(.gz|.zst), .parquet. None: the standard library of python3.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var output = new Option<DirectoryInfo>("--out", "-o") { Description = "Where tokenizer.json and tokenizer_config.json go.", HelpName = "DIR", Required = true };
        var size = new Option<int>("--vocabulary", "-n") { Description = "Tokens in all: 256 bytes, merges, and <|endoftext|>.", HelpName = "N", DefaultValueFactory = _ => 4096 };
        var field = new Option<string?>("--text-field") { Description = "The JSON or Parquet field of the text (default: text, content or code).", HelpName = "NAME" };
        var json = CommonOptions.Json();
        var verb = new Verb(
            "train",
            "Trains a byte-level BPE tokenizer (words as in Qwen 2.5) that the Hugging Face libraries load.",
            "ra3 tokenizer train --out tokenizer",
            "ra3 tokenizer train corpus/ extra.jsonl.zst --vocabulary 32000 --out tokenizer") { paths, output, size, field, json };
        verb.Does((parsed, stop) =>
        {
            var folder = parsed.GetRequiredValue(output).FullName;
            var corpus = parsed.GetValue(paths) is { Length: > 0 } named
                ? new CorpusReader(named, new CorpusOptions { TextField = parsed.GetValue(field) })
                : PythonStandardLibrary.Find().Reader();
            var watch = Stopwatch.StartNew();
            var tokenizer = Tokenizer.Train(Texts(corpus, stop), parsed.GetValue(size), stop);
            tokenizer.Save(folder);
            var seconds = watch.Elapsed.TotalSeconds;

            var console = Terminal.For(parsed.GetValue(json));
            console.WriteLine(corpus.Report.ToString());
            console.WriteLine($"{tokenizer.VocabularySize} tokens after {seconds:F1} s, in {folder}");
            if (tokenizer.VocabularySize < parsed.GetValue(size))
            {
                console.WriteLine("That is fewer than asked for: no pair of tokens was left that occurs twice. More text gives more.");
            }

            if (parsed.GetValue(json))
            {
                Terminal.WriteJson(new { folder, tokenizer.VocabularySize, corpus.Report.Documents, corpus.Report.Bytes, seconds, Corpus = CorpusSummary.Of(corpus.Report) });
            }

            return 0;
        });
        return verb;
    }

    private static IEnumerable<string> Texts(CorpusReader corpus, CancellationToken stop)
    {
        using var progress = new ProgressLine("reading");
        foreach (var document in corpus.Read())
        {
            stop.ThrowIfCancellationRequested();
            progress.Report(corpus.Report.Documents);
            yield return document.Text;
        }
    }
}
