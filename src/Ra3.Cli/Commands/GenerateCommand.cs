using System.CommandLine;
using Ra3.Models;
using Ra3.Models.Files;
using Ra3.Models.Generation;
using Ra3.Models.Tokenizers;

namespace Ra3.Cli.Commands;

/// <summary>`ra3 generate`: completions of a prompt.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        var model = new Option<DirectoryInfo>("--model", "-m") { Description = "Hugging Face folder.", HelpName = "DIR", Required = true };
        var prompt = new Option<string?>("--prompt", "-p") { Description = "The text to complete; without it and --file, standard input.", HelpName = "TEXT" };
        var file = new Option<FileInfo?>("--file", "-f") { Description = "A file whose text to complete.", HelpName = "FILE" };
        var temperature = new Option<double>("--temperature", "-t") { Description = "0 takes the likeliest token.", DefaultValueFactory = _ => 0.8 };
        var topK = new Option<int>("--top-k") { Description = "Only the K likeliest tokens; 0 for no bound.", HelpName = "K" };
        var topP = new Option<double>("--top-p") { Description = "Only the likeliest tokens up to this probability.", DefaultValueFactory = _ => 0.95 };
        var tokens = new Option<int>("--max-new-tokens") { Description = "Most tokens of a completion.", HelpName = "N", DefaultValueFactory = _ => 256 }.AtLeast(1);
        var stops = new Option<string[]>("--stop") { Description = "Text that ends a completion; may be repeated.", HelpName = "TEXT", DefaultValueFactory = _ => [] };
        var seed = new Option<long>("--seed") { Description = "Seed of every draw.", DefaultValueFactory = _ => 1 };
        var count = new Option<int>("--n") { Description = "Completions.", HelpName = "N", DefaultValueFactory = _ => 1 }.AtLeast(1);
        var precision = new Option<Precision>("--precision") { Description = "auto, fp32 or bf16.", DefaultValueFactory = _ => Precision.Auto };
        var special = CommonOptions.SpecialTokens();
        var json = new Option<bool>("--json") { Description = "One JSON object a line for each completion, with tokens and log-probabilities." };
        var verb = new Verb(
            "generate",
            "Completes text with a model; completions appear as they finish.",
            "ra3 generate --model runs/base/model --prompt 'def add(a, b):'",
            "ra3 generate --model runs/base/model --file start.py --n 8 --temperature 0.2 --stop $'\\ndef ' --json",
            "ra3 generate --model chat --special-tokens --prompt $'<|im_start|>user\\nHello<|im_end|>\\n<|im_start|>assistant\\n'")
        { model, prompt, file, temperature, topK, topP, tokens, stops, special, seed, count, precision, json };
        verb.Validators.Add(result =>
        {
            if (result.GetValue(prompt) is not null && result.GetValue(file) is not null)
            {
                result.AddError("Give --prompt or --file, not both.");
            }
        });
        verb.Does((parsed, stop) =>
        {
            var text = parsed.GetValue(prompt)
                ?? (parsed.GetValue(file) is { } named ? File.ReadAllText(named.FullName) : Console.In.ReadToEnd());
            var options = new GenerationOptions
            {
                Sampling = new SamplingOptions { Temperature = parsed.GetValue(temperature), TopK = parsed.GetValue(topK), TopP = parsed.GetValue(topP) },
                MaxNewTokens = parsed.GetValue(tokens),
                Stop = parsed.GetRequiredValue(stops),
                Seed = parsed.GetValue(seed),
            };
            options.Sampling.Validate();
            Generate(
                parsed.GetRequiredValue(model).FullName, parsed.GetValue(precision), text, parsed.GetValue(special), parsed.GetValue(count), options,
                parsed.GetValue(json), stop);
            return 0;
        });
        return verb;
    }

    private static void Generate(
        string folder, Precision precision, string prompt, bool specialTokens, int count, GenerationOptions options, bool json, CancellationToken stop)
    {
        var device = Compute.Device;
        var (decoder, tokenizer) = ModelFolder.Load(Existing(folder), Compute.Type(precision, device), device, trainable: false);
        using (decoder)
        {
            var start = new PromptEncoder(tokenizer).Encode(prompt, specialTokens);
            var room = PromptEncoder.Room(start, decoder.Config);
            if (room < 1)
            {
                throw new ArgumentException($"The prompt has {start.Length} tokens; the model is meant for {decoder.Config.MaxPositions}. Give it less.");
            }

            if (options.MaxNewTokens > room)
            {
                Console.Error.WriteLine($"At most {room} new tokens fit behind this prompt.");
                options = options with { MaxNewTokens = room };
            }

            foreach (var done in Generator.Generate(decoder, tokenizer, [.. Enumerable.Repeat(start, count)], options, stop))
            {
                if (json)
                {
                    Terminal.WriteJson(new { done.Index, Prompt = prompt, done.Text, done.Reason, done.Tokens, done.LogProbs });
                    continue;
                }

                if (count > 1)
                {
                    Console.Out.WriteLine($"# --- {done.Index + 1} of {count}");
                }

                Console.Out.WriteLine(prompt + done.Text);
            }
        }
    }

    /// <summary>The folder, or a sentence.</summary>
    /// <exception cref="DirectoryNotFoundException">It is not there.</exception>
    internal static string Existing(string folder) => AtomicWrite.FolderExists(folder) ? folder
        : throw new DirectoryNotFoundException($"There is no model folder {folder}. Give a Hugging Face folder with config.json, tokenizer and weights.");
}
