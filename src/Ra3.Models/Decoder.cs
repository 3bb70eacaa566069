using static TorchSharp.torch;

namespace Ra3.Models;

/// <summary>
/// A decoder-only transformer of the Llama, Qwen2 or Qwen3 family, as plain functions over parameters keyed by their
/// Hugging Face names. Tokens of all sequences lie in one flat row; only attention knows which row belongs to what,
/// so the same code trains on packed windows, scores trees of latents and decodes with a cache.
/// </summary>
/// <remarks>
/// The residual stream, norms, rotary embedding and attention run in fp32 (fp64 if computing in fp64); the linear layers
/// run in <see cref="ComputeType"/> with master weights cast on the way. Forward passes may run on several threads at once, updates
/// may not. Not here: dropout, sliding windows, experts.
/// </remarks>
public sealed class Decoder : IDisposable
{
    private readonly Dictionary<string, Tensor> parameters;
    private readonly Dictionary<string, Tensor> casts = [];

    static Decoder() => NativeMemory.KeepPages();

    /// <summary>Takes ownership of <paramref name="weights"/>: every parameter of <paramref name="config"/>, by name.</summary>
    /// <param name="config">Shapes and constants.</param>
    /// <param name="weights">Parameters in any floating type; held in fp32 (fp64 when computing in fp64), or in
    /// <paramref name="computeType"/> when the decoder is not trainable.</param>
    /// <param name="computeType">Type of the matrix products: Float32, BFloat16 or Float64.</param>
    /// <param name="device">Where parameters live.</param>
    /// <param name="trainable">Whether parameters receive gradients.</param>
    /// <exception cref="ArgumentException">A parameter is missing.</exception>
    public Decoder(
        ModelConfig config, IReadOnlyDictionary<string, Tensor> weights, ScalarType computeType, Device device, bool trainable)
    {
        Config = config;
        ComputeType = computeType;
        Device = device;
        Trainable = trainable;
        ResidualType = computeType == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        parameters = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        using var noGrad = no_grad();
        foreach (var (name, _) in config.ParameterShapes())
        {
            if (!weights.TryGetValue(name, out var weight))
            {
                throw new ArgumentException($"The weights lack the parameter '{name}'.");
            }

            // Norm gains stay in the residual type: they multiply the residual stream, not a matrix.
            var type = trainable || weight.dim() == 1 ? ResidualType : computeType;
            var held = weight.to(type, device).contiguous();
            held.DetachFromDisposeScope();
            held.requires_grad = trainable;
            if (!ReferenceEquals(held, weight))
            {
                weight.Dispose();
            }

            parameters.Add(name, held);
        }

    }

    /// <summary>Shapes and constants.</summary>
    public ModelConfig Config { get; }

    /// <summary>Type of the matrix products.</summary>
    public ScalarType ComputeType { get; }

    /// <summary>Type of the residual stream, norms and attention: Float32, or Float64 when computing in it.</summary>
    public ScalarType ResidualType { get; }

    /// <summary>Where parameters live.</summary>
    public Device Device { get; }

    /// <summary>Whether parameters receive gradients.</summary>
    public bool Trainable { get; }

    /// <summary>Parameters by Hugging Face name; the master copy that optimizers update.</summary>
    public IReadOnlyDictionary<string, Tensor> Parameters => parameters;

    /// <summary>Fresh weights: normal with <see cref="ModelConfig.InitializerRange"/>, gains 1, biases 0; the two
    /// projections that write to the residual stream are divided by √(2·layers), so that its variance does not grow
    /// with depth.</summary>
    public static Decoder Create(ModelConfig config, long seed, ScalarType computeType, Device device)
    {
        config.Validate();
        using var generator = new Generator((ulong)seed);
        var weights = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var shrink = 1 / Math.Sqrt(2.0 * config.Layers);
        foreach (var (name, shape) in config.ParameterShapes())
        {
            if (shape.Length == 1)
            {
                weights[name] = name.EndsWith(".bias", StringComparison.Ordinal) ? zeros(shape) : ones(shape);
                continue;
            }

            var residual = name.EndsWith("o_proj.weight", StringComparison.Ordinal)
                || name.EndsWith("down_proj.weight", StringComparison.Ordinal);
            weights[name] = empty(shape).normal_(0, config.InitializerRange * (residual ? shrink : 1), generator);
        }

        return new Decoder(config, weights, computeType, device, trainable: true);
    }

    /// <summary>The same weights in tensors of their own.</summary>
    public Decoder Copy(bool trainable) =>
        new(Config, parameters.ToDictionary(p => p.Key, p => p.Value.detach().clone()), ComputeType, Device, trainable);

    /// <summary>Final normalised hidden states.</summary>
    /// <param name="tokens">Token ids [N], int64.</param>
    /// <param name="positions">Position of each token in its own sequence [N], int64.</param>
    /// <param name="attention">Which rows see which; N must be what it was laid out for.</param>
    /// <returns>[N, HiddenSize] in <see cref="ComputeType"/>.</returns>
    public Tensor Hidden(Tensor tokens, Tensor positions, Attention attention)
    {
        using var scope = NewDisposeScope();
        var (cos, sin) = RotaryEmbedding.Tables(Config, positions, ResidualType);

        // Rounded to the compute type, so that a frozen copy, which holds its matrices in it, gives the same numbers.
        var x = parameters["model.embed_tokens.weight"].index_select(0, tokens).to_type(ComputeType).to_type(ResidualType);
        for (var layer = 0; layer < Config.Layers; layer++)
        {
            x = Layer(layer, x, cos, sin, attention);
        }

        return Normed(x, "model.norm.weight").MoveToOuterDisposeScope();
    }

    /// <summary>Next-token logits in the residual type for rows of hidden states [n, HiddenSize] → [n, VocabularySize].</summary>
    public Tensor Logits(Tensor hidden) => nn.functional.linear(hidden, HeadWeight()).to_type(ResidualType);

    /// <summary>The LM head's matrix [VocabularySize, HiddenSize] in <see cref="ComputeType"/>; differentiable.</summary>
    public Tensor HeadWeight() =>
        Matrix(Config.TieEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");

    /// <summary>To be called after parameters changed in place: drops the cached casts.</summary>
    public void Changed()
    {
        foreach (var cast in casts.Values)
        {
            cast.Dispose();
        }

        casts.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Changed();
        foreach (var parameter in parameters.Values)
        {
            parameter.Dispose();
        }
    }

    private Tensor Layer(int layer, Tensor x, Tensor cos, Tensor sin, Attention attention)
    {
        using var scope = NewDisposeScope();
        var prefix = $"model.layers.{layer}.";
        long rows = x.shape[0], size = Config.HeadSize;
        var normed = Normed(x, prefix + "input_layernorm.weight");
        var q = Linear(normed, prefix + "self_attn.q_proj").to_type(ResidualType).view(rows, Config.Heads, size);
        var k = Linear(normed, prefix + "self_attn.k_proj").to_type(ResidualType).view(rows, Config.KeyValueHeads, size);
        var v = Linear(normed, prefix + "self_attn.v_proj").to_type(ResidualType).view(rows, Config.KeyValueHeads, size);
        if (Config.QkNorm)
        {
            q = RmsNorm.Apply(q, parameters[prefix + "self_attn.q_norm.weight"], Config.RmsNormEpsilon);
            k = RmsNorm.Apply(k, parameters[prefix + "self_attn.k_norm.weight"], Config.RmsNormEpsilon);
        }

        q = RotaryEmbedding.Rotate(q, cos, sin);
        k = RotaryEmbedding.Rotate(k, cos, sin);
        var attended = attention.Attend(layer, q, k, v).reshape(rows, Config.Heads * size).to_type(ComputeType);
        x = x.Plus(Linear(attended, prefix + "self_attn.o_proj"));

        normed = Normed(x, prefix + "post_attention_layernorm.weight");
        var gate = Linear(normed, prefix + "mlp.gate_proj");
        var up = Linear(normed, prefix + "mlp.up_proj");
        return x.Plus(Linear(nn.functional.silu(gate) * up, prefix + "mlp.down_proj")).MoveToOuterDisposeScope();
    }

    private Tensor Normed(Tensor x, string gain) =>
        RmsNorm.Apply(x, parameters[gain], Config.RmsNormEpsilon).to_type(ComputeType);

    private Tensor Linear(Tensor x, string name)
    {
        var bias = parameters.TryGetValue(name + ".bias", out var found) ? found.to_type(ComputeType) : null;
        return nn.functional.linear(x, Matrix(name + ".weight"), bias);
    }

    /// <summary>A matrix in the compute type: cast inside the graph while gradients are on, from a cache otherwise.</summary>
    private Tensor Matrix(string name)
    {
        var master = parameters[name];
        if (master.dtype == ComputeType)
        {
            return master;
        }

        if (is_grad_enabled() && Trainable)
        {
            return master.to_type(ComputeType);
        }

        lock (casts)
        {
            if (!casts.TryGetValue(name, out var cast))
            {
                using var noGrad = no_grad();
                cast = master.to_type(ComputeType).DetachFromDisposeScope();
                casts.Add(name, cast);
            }

            return cast;
        }
    }
}
