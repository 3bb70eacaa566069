using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;
using Ra3.Bench;
using Ra3.Corpora;
using Tokenizer = Ra3.Models.Tokenizers.Tokenizer;

// Tokenizer speed on real Python (the standard library of python3) on one thread, beside Microsoft.ML.Tokenizers with the same
// vocabulary, merges and words, in the same run. Passes take turns and the best of each counts, in CPU time of the thread where the system
// tells it, so that a busy machine disturbs little.
//
//     dotnet run -c Release --project bench/Ra3.Bench.Tokenizer [-- FOLDER]
//
// FOLDER: a tokenizer (tokenizer.json with Qwen 2.5's words); without it one of 4,096 tokens is trained first, and the training timed.
const int Passes = 7;
const string Words = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

var texts = PythonStandardLibrary.Find().Reader().Read().Select(document => document.Text).ToList();
var megabytes = texts.Sum(text => (long)Encoding.UTF8.GetByteCount(text)) / 1e6;
Console.WriteLine($"{texts.Count} files, {megabytes:F1} MB");

var start = Clock.Seconds();
var tokenizer = args.Length > 0 ? Tokenizer.Load(args[0]) : Tokenizer.Train(texts, 4096);
var made = Clock.Seconds() - start;
Console.WriteLine($"{(args.Length > 0 ? "loaded" : "trained")} {tokenizer.VocabularySize} tokens in {made:F2} s");

var folder = Directory.CreateTempSubdirectory("ra3-bench-").FullName;
tokenizer.Save(folder);
var peer = Peer(Path.Combine(folder, "tokenizer.json"));

// The first pass through a fresh tokenizer starts with an empty cache: what a short run sees.
var fresh = Tokenizer.Load(folder);
start = Clock.Seconds();
var tokens = texts.Sum(text => (long)fresh.Encode(text).Length);
var first = megabytes / (Clock.Seconds() - start);

var differing = texts.Count(text => !tokenizer.Encode(text).SequenceEqual(peer.EncodeToIds(text)));
Console.WriteLine($"{tokens} tokens, {megabytes * 1e6 / tokens:F2} bytes each; texts where the peer's ids differ: {differing}");

var (ours, theirs, documents) = (0.0, 0.0, 0.0);
for (var pass = 0; pass < Passes; pass++)
{
    ours = Math.Max(ours, Speed(text => tokenizer.Encode(text).Length));
    theirs = Math.Max(theirs, Speed(text => peer.EncodeToIds(text).Count));
    documents = Math.Max(documents, Speed(text => DocumentEncoder.Encode(new SourceDocument("x", text), tokenizer).Tokens.Length));
}

Directory.Delete(folder, recursive: true);
Console.WriteLine($"encode {ours:F1} MB/s (first pass {first:F1}), action by action {documents:F1} MB/s, Microsoft.ML.Tokenizers {theirs:F1} MB/s: {ours / theirs:F1} times");
Console.WriteLine(JsonSerializer.Serialize(new
{
    bench = "tokenizer",
    megabytes,
    vocabulary = tokenizer.VocabularySize,
    trainSeconds = args.Length > 0 ? (double?)null : made,
    bytesPerToken = megabytes * 1e6 / tokens,
    encodeMBps = ours,
    encodeFirstPassMBps = first,
    encodeByActionMBps = documents,
    peerMBps = theirs,
    overPeer = ours / theirs,
    differing,
}));

double Speed(Func<string, int> encode)
{
    var begin = Clock.Seconds();
    long total = 0;
    foreach (var text in texts)
    {
        total += encode(text);
    }

    return total > 0 ? megabytes / (Clock.Seconds() - begin) : 0;
}

static BpeTokenizer Peer(string path)
{
    using var file = JsonDocument.Parse(File.ReadAllBytes(path));
    var model = file.RootElement.GetProperty("model");
    return BpeTokenizer.Create(new BpeOptions(model.GetProperty("vocab").EnumerateObject().Select(entry => KeyValuePair.Create(entry.Name, entry.Value.GetInt32())))
    {
        Merges = [.. model.GetProperty("merges").EnumerateArray().Select(merge => merge.ValueKind == JsonValueKind.String ? merge.GetString()! : $"{merge[0]} {merge[1]}")],
        ByteLevel = true,
        PreTokenizer = new RegexPreTokenizer(new Regex(Words, RegexOptions.Compiled, Regex.InfiniteMatchTimeout), specialTokens: null),
    });
}
