// Performance of the engine as ratios taken in one run: dotnet run -c Release --project bench/Ra3.Bench.Engine -- [training|tree|generation|latents|neighbour] [4M|10M|100M]
// The last line is JSON. Absolute numbers are this machine's; the ratios are what to compare.
using System.Text.Json;
using Ra3.Bench.Engine;
using static TorchSharp.torch;

if (args is [NeighbourBench.Child])
{
    return NeighbourBench.RunChild();
}

var parts = new (string Name, Func<object> Run)[]
{
    ("training", TrainingBench.Run), ("tree", TreeBench.Run), ("generation", GenerationBench.Run), ("latents", LatentBench.Run), ("neighbour", NeighbourBench.Run),
};
string[] names = [.. parts.Select(part => part.Name)];
if (args.Except(names).Except(Shapes.Names).Any())
{
    Console.Error.WriteLine($"Choose among: {string.Join(", ", names.Concat(Shapes.Names))}; all when left out.");
    return 2;
}

var chosen = Among(names);
Shapes.Chosen = Among(Shapes.Names);

Console.WriteLine($"{get_num_threads()} threads");
var results = parts.Where(part => chosen.Contains(part.Name)).ToDictionary(part => part.Name, part => part.Run());
Console.WriteLine(JsonSerializer.Serialize(results));
return 0;

string[] Among(string[] all) => all.Intersect(args).ToArray() is { Length: > 0 } some ? some : all;
