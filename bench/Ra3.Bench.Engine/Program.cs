// Performance of the engine as ratios taken in one run: dotnet run -c Release --project bench/Ra3.Bench.Engine -- [training|tree|generation|latents]
// The last line is JSON. Absolute numbers are this machine's; the ratios are what to compare.
using System.Text.Json;
using Ra3.Bench.Engine;
using static TorchSharp.torch;

var parts = new (string Name, Func<object> Run)[]
{
    ("training", TrainingBench.Run), ("tree", TreeBench.Run), ("generation", GenerationBench.Run), ("latents", LatentBench.Run),
};
if (args.Length > 0 && parts.All(part => !args.Contains(part.Name)))
{
    Console.Error.WriteLine($"Choose among: {string.Join(", ", parts.Select(part => part.Name))}; all when left out.");
    return 2;
}

Console.WriteLine($"{get_num_threads()} threads");
var results = parts.Where(part => args.Length == 0 || args.Contains(part.Name)).ToDictionary(part => part.Name, part => part.Run());
Console.WriteLine(JsonSerializer.Serialize(results));
return 0;
