using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

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
        var calls = Calls(Path.Combine(AppContext.BaseDirectory, assembly))
            .Where(call => !call.Caller.StartsWith("Ra3.Models.Kept::", StringComparison.Ordinal))
            .Where(call => Makers.Value.Contains(call.Callee) || call.Callee.StartsWith(Conversion, StringComparison.Ordinal))
            .Select(call => $"{call.Caller} calls {call.Callee}").Distinct().ToList();
        string.Join("\n", calls).Should().BeEmpty();
    }

    [Fact]
    public void The_sum_operator_is_known_to_make_one() =>
        Makers.Value.Should().Contain(maker => maker.StartsWith("TorchSharp.torch/Tensor::op_Addition(TorchSharp.torch/Tensor,TorchSharp.torch/Tensor", StringComparison.Ordinal));

    /// <summary>Methods of TorchSharp that convert a number, and those that call them.</summary>
    private static HashSet<string> MakersOfScalars()
    {
        var callers = Calls(Path.Combine(AppContext.BaseDirectory, "TorchSharp.dll")).ToLookup(call => call.Callee, call => call.Caller);
        var makers = new HashSet<string>();
        var next = new Queue<string>(callers.Where(call => call.Key.StartsWith(Conversion, StringComparison.Ordinal)).SelectMany(call => call));
        while (next.TryDequeue(out var maker))
        {
            if (makers.Add(maker))
            {
                callers[maker].ToList().ForEach(next.Enqueue);
            }
        }

        return makers;
    }

    private static IEnumerable<(string Caller, string Callee)> Calls(string path)
    {
        using var file = new PEReader(File.OpenRead(path));
        var metadata = file.GetMetadataReader();
        var names = new Names(metadata);
        foreach (var handle in metadata.MethodDefinitions)
        {
            var method = metadata.GetMethodDefinition(handle);
            if (method.RelativeVirtualAddress == 0)
            {
                continue;
            }

            var caller = names.Of(handle);
            foreach (var callee in names.Callees(file.GetMethodBody(method.RelativeVirtualAddress).GetILReader()))
            {
                yield return (caller, callee);
            }
        }
    }

    /// <summary>Names of methods as Type::Name(parameters), the same in every assembly.</summary>
    private sealed class Names(MetadataReader metadata) : ISignatureTypeProvider<string, object?>
    {
        private static readonly Dictionary<short, OpCode> OpCodesByValue = typeof(OpCodes).GetFields()
            .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

        public IEnumerable<string> Callees(BlobReader il)
        {
            var callees = new List<string>();
            while (il.RemainingBytes > 0)
            {
                short value = il.ReadByte();
                var code = OpCodesByValue[value == 0xfe ? (short)(0xfe00 | il.ReadByte()) : value];
                switch (code.OperandType)
                {
                    case OperandType.InlineMethod:
                        callees.Add(Of(System.Reflection.Metadata.Ecma335.MetadataTokens.EntityHandle(il.ReadInt32())));
                        break;
                    case OperandType.InlineSwitch:
                        var targets = il.ReadInt32();
                        il.Offset += 4 * targets;
                        break;
                    case OperandType.InlineNone:
                        break;
                    case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                        il.Offset += 1;
                        break;
                    case OperandType.InlineVar:
                        il.Offset += 2;
                        break;
                    case OperandType.InlineI8 or OperandType.InlineR:
                        il.Offset += 8;
                        break;
                    default:
                        il.Offset += 4;
                        break;
                }
            }

            return callees;
        }

        public string Of(EntityHandle handle)
        {
            switch (handle.Kind)
            {
                case HandleKind.MethodDefinition:
                    var method = metadata.GetMethodDefinition((MethodDefinitionHandle)handle);
                    return Full(TypeName(method.GetDeclaringType()), metadata.GetString(method.Name), method.DecodeSignature(this, null));
                case HandleKind.MemberReference:
                    var member = metadata.GetMemberReference((MemberReferenceHandle)handle);
                    return Full(TypeName(member.Parent), metadata.GetString(member.Name), member.DecodeMethodSignature(this, null));
                case HandleKind.MethodSpecification:
                    return Of(metadata.GetMethodSpecification((MethodSpecificationHandle)handle).Method);
                default:
                    return "?";
            }

            static string Full(string type, string name, MethodSignature<string> signature) =>
                $"{type}::{name}({string.Join(',', signature.ParameterTypes)})";
        }

        private string TypeName(EntityHandle handle) => handle.Kind switch
        {
            HandleKind.TypeDefinition => GetTypeFromDefinition(metadata, (TypeDefinitionHandle)handle, 0),
            HandleKind.TypeReference => GetTypeFromReference(metadata, (TypeReferenceHandle)handle, 0),
            HandleKind.TypeSpecification => GetTypeFromSpecification(metadata, null, (TypeSpecificationHandle)handle, 0),
            _ => "?",
        };

        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
        {
            var type = reader.GetTypeDefinition(handle);
            var name = reader.GetString(type.Name);
            return type.IsNested ? $"{GetTypeFromDefinition(reader, type.GetDeclaringType(), 0)}/{name}" : Joined(reader.GetString(type.Namespace), name);
        }

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind)
        {
            var type = reader.GetTypeReference(handle);
            var name = reader.GetString(type.Name);
            return type.ResolutionScope.Kind == HandleKind.TypeReference
                ? $"{GetTypeFromReference(reader, (TypeReferenceHandle)type.ResolutionScope, 0)}/{name}" : Joined(reader.GetString(type.Namespace), name);
        }

        public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
            reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();

        public string GetSZArrayType(string elementType) => elementType + "[]";

        public string GetArrayType(string elementType, ArrayShape shape) => elementType + "[,]";

        public string GetByReferenceType(string elementType) => elementType + "&";

        public string GetPointerType(string elementType) => elementType + "*";

        public string GetPinnedType(string elementType) => elementType;

        public string GetFunctionPointerType(MethodSignature<string> signature) => "fn";

        public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments) => $"{genericType}<{string.Join(',', typeArguments)}>";

        public string GetGenericMethodParameter(object? genericContext, int index) => "!!" + index;

        public string GetGenericTypeParameter(object? genericContext, int index) => "!" + index;

        public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;

        private static string Joined(string space, string name) => space.Length > 0 ? space + "." + name : name;
    }
}
