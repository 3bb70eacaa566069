using System.Reflection;

namespace Ra3.Tests;

/// <summary>Dependencies point one way: each assembly may use those of lower layers only; Sandbox and Theory use none.</summary>
public sealed class ArchitectureTests
{
    private static readonly Dictionary<string, int> Layer = new()
    {
        ["Ra3.Models"] = 0,
        ["Ra3.Corpora"] = 1,
        ["Ra3.Training"] = 1,
        ["Ra3.Sandbox"] = 1,
        ["Ra3.MidTraining"] = 2,
        ["Ra3.PostTraining"] = 2,
        ["Ra3.Benchmarks"] = 2,
        ["Ra3.Theory"] = 2,
        ["ra3"] = 3,
    };

    private static readonly HashSet<string> Standalone = ["Ra3.Models", "Ra3.Sandbox", "Ra3.Theory"];

    public static TheoryData<string> Assemblies =>
    [
        .. Directory.GetFiles(AppContext.BaseDirectory, "*.dll")
            .Select(f => Path.GetFileNameWithoutExtension(f))
            .Where(n => n == "ra3" || (n.StartsWith("Ra3.", StringComparison.Ordinal) && n != typeof(ArchitectureTests).Assembly.GetName().Name)),
    ];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void An_assembly_uses_only_lower_layers(string name)
    {
        Layer.Should().ContainKey(name, "every project has its place");
        Uses(name).Should().OnlyContain(used => Layer[used] < Layer[name] && !Standalone.Contains(name));
    }

    [Fact]
    public void Every_layer_is_looked_at() =>
        Assemblies.Select(a => (string)a.Data).Should().Contain(["Ra3.Models", "Ra3.Training", "Ra3.MidTraining", "ra3"]);

    private static IEnumerable<string> Uses(string name) =>
        Assembly.Load(name).GetReferencedAssemblies().Select(r => r.Name!).Where(Layer.ContainsKey);
}
