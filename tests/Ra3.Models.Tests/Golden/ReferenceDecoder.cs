using Ra3.Models;

namespace Ra3.Tests.Golden;

/// <summary>
/// The decoder as the papers and the Hugging Face conventions define it, in double precision, one token and one number
/// at a time: slow, and simple enough to check by eye. Nothing of it is shared with the product but the configuration.
/// </summary>
internal static class ReferenceDecoder
{
    /// <summary>Logits, one row per token.</summary>
    /// <param name="config">The shape and the arithmetic.</param>
    /// <param name="weights">Row-major parameters by Hugging Face name.</param>
    /// <param name="tokens">Token ids.</param>
    /// <param name="positions">Position of each token; null for 0, 1, 2, …</param>
    /// <param name="sees">Whether query q may look at key k; null for k ≤ q.</param>
    public static double[][] Logits(
        ModelConfig config, IReadOnlyDictionary<string, double[]> weights, int[] tokens,
        int[]? positions = null, Func<int, int, bool>? sees = null)
    {
        positions ??= [.. Enumerable.Range(0, tokens.Length)];
        sees ??= (q, k) => k <= q;
        var frequencies = InverseFrequencies(config);
        var embedding = weights["model.embed_tokens.weight"];
        var stream = tokens.Select(token => Row(embedding, token, config.HiddenSize)).ToArray();
        for (var layer = 0; layer < config.Layers; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            var mixed = Attention(config, weights, prefix + "self_attn.",
                [.. stream.Select(x => RmsNorm(x, weights[prefix + "input_layernorm.weight"], config.RmsNormEpsilon))],
                positions, sees, frequencies);
            for (var t = 0; t < stream.Length; t++)
            {
                stream[t] = Add(stream[t], mixed[t]);
                var normed = RmsNorm(stream[t], weights[prefix + "post_attention_layernorm.weight"], config.RmsNormEpsilon);
                var gate = Linear(weights, prefix + "mlp.gate_proj", normed);
                var up = Linear(weights, prefix + "mlp.up_proj", normed);
                double[] hidden = [.. gate.Zip(up, (g, u) => g / (1 + Math.Exp(-g)) * u)];
                stream[t] = Add(stream[t], Linear(weights, prefix + "mlp.down_proj", hidden));
            }
        }

        var head = config.TieEmbeddings ? "model.embed_tokens" : "lm_head";
        return [.. stream.Select(
            x => Linear(weights, head, RmsNorm(x, weights["model.norm.weight"], config.RmsNormEpsilon)))];
    }

    /// <summary>Mean of −log softmax(logits[t])[tokens[t+1]] over t, in nats.</summary>
    public static double MeanNll(ModelConfig config, IReadOnlyDictionary<string, double[]> weights, int[] tokens)
    {
        var logits = Logits(config, weights, tokens);
        return Enumerable.Range(0, tokens.Length - 1).Average(t => -LogSoftmax(logits[t])[tokens[t + 1]]);
    }

    public static double[] LogSoftmax(double[] logits)
    {
        var max = logits.Max();
        var logSum = max + Math.Log(logits.Sum(logit => Math.Exp(logit - max)));
        return [.. logits.Select(logit => logit - logSum)];
    }

    /// <summary>Radians per position of each of the HeadSize/2 planes.</summary>
    public static double[] InverseFrequencies(ModelConfig config)
    {
        var half = config.HeadSize / 2;
        var frequencies = new double[half];
        for (var i = 0; i < half; i++)
        {
            frequencies[i] = Math.Pow(config.RopeTheta, -2.0 * i / config.HeadSize);
            if (config.RopeScaling is { } scaling)
            {
                // How often the plane turns over the length the model was first trained on.
                var turns = scaling.OriginalMaxPositions * frequencies[i] / (2 * Math.PI);
                var keep = Math.Clamp(
                    (turns - scaling.LowFrequencyFactor) / (scaling.HighFrequencyFactor - scaling.LowFrequencyFactor), 0, 1);
                frequencies[i] *= keep + ((1 - keep) / scaling.Factor);
            }
        }

        return frequencies;
    }

    private static double[][] Attention(
        ModelConfig config, IReadOnlyDictionary<string, double[]> weights, string prefix, double[][] inputs,
        int[] positions, Func<int, int, bool> sees, double[] frequencies)
    {
        int size = config.HeadSize, queriesPerKey = config.Heads / config.KeyValueHeads;
        var queries = inputs.Select((x, t) => Heads(x, t, "q", config.Heads)).ToArray();
        var keys = inputs.Select((x, t) => Heads(x, t, "k", config.KeyValueHeads)).ToArray();
        var values = inputs.Select((x, t) => Heads(x, t, "v", config.KeyValueHeads)).ToArray();
        var outputs = new double[inputs.Length][];
        for (var q = 0; q < inputs.Length; q++)
        {
            int[] visible = [.. Enumerable.Range(0, inputs.Length).Where(k => sees(q, k))];
            var joined = new double[config.Heads * size];
            for (var head = 0; head < config.Heads; head++)
            {
                var shared = head / queriesPerKey;
                double[] scores = [.. visible.Select(k => Dot(queries[q][head], keys[k][shared]) / Math.Sqrt(size))];
                double[] shares = [.. LogSoftmax(scores).Select(Math.Exp)];
                for (var i = 0; i < size; i++)
                {
                    joined[(head * size) + i] = visible.Select((k, at) => shares[at] * values[k][shared][i]).Sum();
                }
            }

            outputs[q] = Linear(weights, prefix + "o_proj", joined);
        }

        return outputs;

        double[][] Heads(double[] x, int t, string kind, int count)
        {
            var all = Linear(weights, $"{prefix}{kind}_proj", x);
            return [.. Enumerable.Range(0, count).Select(head =>
            {
                var vector = Row(all, head, size);
                if (kind == "v")
                {
                    return vector;
                }

                if (config.QkNorm)
                {
                    vector = RmsNorm(vector, weights[$"{prefix}{kind}_norm.weight"], config.RmsNormEpsilon);
                }

                return Rotate(vector, positions[t], frequencies);
            })];
        }
    }

    /// <summary>Turns plane (i, i + HeadSize/2) by position × frequency i.</summary>
    private static double[] Rotate(double[] x, int position, double[] frequencies)
    {
        var half = x.Length / 2;
        var turned = new double[x.Length];
        for (var i = 0; i < half; i++)
        {
            var (sin, cos) = Math.SinCos(position * frequencies[i]);
            turned[i] = (x[i] * cos) - (x[i + half] * sin);
            turned[i + half] = (x[i + half] * cos) + (x[i] * sin);
        }

        return turned;
    }

    private static double[] RmsNorm(double[] x, double[] weight, double epsilon)
    {
        var scale = 1 / Math.Sqrt(x.Average(v => v * v) + epsilon);
        return [.. x.Zip(weight, (v, w) => v * scale * w)];
    }

    private static double[] Linear(IReadOnlyDictionary<string, double[]> weights, string name, double[] x)
    {
        var weight = weights[name + ".weight"];
        var bias = weights.GetValueOrDefault(name + ".bias");
        var y = new double[weight.Length / x.Length];
        for (var row = 0; row < y.Length; row++)
        {
            var sum = bias is null ? 0 : bias[row];
            for (var i = 0; i < x.Length; i++)
            {
                sum += weight[(row * x.Length) + i] * x[i];
            }

            y[row] = sum;
        }

        return y;
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private static double[] Row(double[] matrix, int row, int width) => matrix[(row * width)..((row + 1) * width)];
}
