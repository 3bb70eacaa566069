using Mono.Cecil;

namespace Ra3.Tests;

/// <summary>
/// TorchSharp turns numbers into native scalars that the finalizer may free while the native call still reads them: a + b
/// makes a 1 of its own, and runs of minutes died of it. So no method of ours calls one of TorchSharp's that makes a scalar; numbers
/// go through Kept.
/// </summary>
public sealed class KeptScalarTests
{
    private const string Conversion = "TorchSharp.Scalar::op_Implicit";

    private static readonly Lazy<HashSet<string>> Makers = new(MakersOfScalars);

    public static TheoryData<string> Assemblies =>
    [
        .. Directory.GetFiles(AppContext.BaseDirectory, "*.dll").Select(file => Path.GetFileName(file))
            .Where(name => name == "ra3.dll" || (name.StartsWith("Ra3.", StringComparison.Ordinal) && name != "Ra3.EndToEnd.dll")),
    ];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void No_method_lets_the_tensor_library_make_a_scalar(string assembly)
    {
        var calls = Calls(assembly)
            .Where(call => !call.Caller.Contains(" Ra3.Models.Kept::", StringComparison.Ordinal))
            .Where(call => Makers.Value.Contains(call.Callee) || Converts(call.Callee))
            .Select(call => $"{call.Caller} calls {call.Callee}").Distinct().ToList();
        string.Join("\n", calls).Should().BeEmpty();
    }

    [Fact]
    public void The_sum_operator_is_known_to_make_one() => Makers.Value.Should().Contain(
        "TorchSharp.torch/Tensor TorchSharp.torch/Tensor::op_Addition(TorchSharp.torch/Tensor,TorchSharp.torch/Tensor)");

    /// <summary>Methods of TorchSharp that convert a number, and those that call them.</summary>
    private static HashSet<string> MakersOfScalars()
    {
        var callers = Calls("TorchSharp.dll").ToLookup(call => call.Callee, call => call.Caller);
        var makers = new HashSet<string>();
        var next = new Queue<string>(callers.Where(call => Converts(call.Key)).SelectMany(call => call));
        while (next.TryDequeue(out var maker))
        {
            if (makers.Add(maker))
            {
                callers[maker].ToList().ForEach(next.Enqueue);
            }
        }

        return makers;
    }

    private static bool Converts(string method) => method.Contains(Conversion, StringComparison.Ordinal);

    /// <summary>Which method names which, by full names.</summary>
    private static List<(string Caller, string Callee)> Calls(string assembly)
    {
        using var module = ModuleDefinition.ReadModule(Path.Combine(AppContext.BaseDirectory, assembly));
        return
        [
            .. from type in module.GetTypes()
               from method in type.Methods
               where method.HasBody
               from instruction in method.Body.Instructions
               let callee = instruction.Operand as MethodReference
               where callee is not null
               select (method.FullName, callee.GetElementMethod().FullName),
        ];
    }
}
