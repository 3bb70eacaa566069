namespace Ra3.Models.Generation;

/// <summary>How tokens are drawn.</summary>
public sealed record SamplingOptions
{
    /// <summary>Logits are divided by this; 0 takes the likeliest token.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Only the K likeliest tokens may be drawn; 0 for no bound.</summary>
    public int TopK { get; init; }

    /// <summary>Only the smallest set of likeliest tokens whose probability reaches this may be drawn; with <see cref="TopK"/>, of the
    /// probability that top-k leaves, as in transformers and vLLM.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Refuses values out of range.</summary>
    /// <exception cref="ArgumentException">Says which.</exception>
    public void Validate()
    {
        if (!(Temperature >= 0) || TopK < 0 || !(TopP > 0 && TopP <= 1))
        {
            throw new ArgumentException(
                $"Sampling needs temperature ≥ 0, top-k ≥ 0 and 0 < top-p ≤ 1; got {Temperature}, {TopK} and {TopP}.");
        }
    }
}

/// <summary>Draws a token from a row of log-probabilities.</summary>
public static class Sampler
{
    /// <summary>Draws by inverting the cumulative distribution.</summary>
    /// <param name="logProbs">Log-probabilities at the temperature of <paramref name="options"/> [VocabularySize]; −∞ is never drawn.</param>
    /// <param name="options">Top-k and top-p; temperature 0 takes the first likeliest.</param>
    /// <param name="uniform">A number in [0, 1).</param>
    /// <returns>The token, and its log-probability under the distribution it was drawn from (top-k and top-p included;
    /// under the model's own at temperature 0).</returns>
    /// <exception cref="InvalidDataException">The log-probabilities are not numbers.</exception>
    public static (int Token, double LogProb) Draw(ReadOnlySpan<float> logProbs, SamplingOptions options, double uniform)
    {
        var best = Likeliest(logProbs);
        if (options.Temperature == 0)
        {
            return (best, logProbs[best]);
        }

        if (options.TopK == 0 && options.TopP >= 1)
        {
            var token = Invert(logProbs, uniform, best);
            return (token, logProbs[token]);
        }

        var kept = Nucleus(logProbs, options, out var mass);
        var chosen = best; // takes what rounding leaves
        var left = uniform * mass;
        foreach (var token in kept)
        {
            left -= Math.Exp(logProbs[token]);
            if (left < 0)
            {
                chosen = token;
                break;
            }
        }

        return (chosen, logProbs[chosen] - Math.Log(mass));
    }

    /// <summary>The first likeliest token.</summary>
    private static int Likeliest(ReadOnlySpan<float> logProbs)
    {
        var best = -1;
        var highest = float.NegativeInfinity;
        for (var token = 0; token < logProbs.Length; token++)
        {
            if (!(logProbs[token] <= highest)) // so that NaN comes in here, too
            {
                (best, highest) = (token, logProbs[token]);
                if (!float.IsFinite(highest))
                {
                    best = -1;
                    break;
                }
            }
        }

        return best >= 0 ? best : throw new InvalidDataException("The model's probabilities are not numbers: its weights hold NaN or infinity.");
    }

    /// <summary>The token at a place of the cumulative distribution. The probabilities add up to 1 but for rounding; what is lacking goes to
    /// the likeliest token, never to an unlikely one at the end of the vocabulary, where padding lies.</summary>
    private static int Invert(ReadOnlySpan<float> logProbs, double uniform, int likeliest)
    {
        var left = uniform;
        for (var token = 0; token < logProbs.Length; token++)
        {
            left -= Math.Exp(logProbs[token]);
            if (left < 0)
            {
                return token;
            }
        }

        return likeliest;
    }

    /// <summary>The tokens that top-k and top-p leave, likeliest first (ties by id), and their total probability.</summary>
    private static int[] Nucleus(ReadOnlySpan<float> logProbs, SamplingOptions options, out double mass)
    {
        var order = new int[logProbs.Length];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        var keys = logProbs.ToArray();
        Array.Sort(order, (x, y) => keys[x] != keys[y] ? keys[y].CompareTo(keys[x]) : x.CompareTo(y));
        var count = options.TopK > 0 ? Math.Min(options.TopK, order.Length) : order.Length;
        var wanted = options.TopP * (options.TopK > 0 ? order[..count].Sum(token => Math.Exp(keys[token])) : 1);
        mass = 0;
        for (var i = 0; i < count; i++)
        {
            mass += Math.Exp(keys[order[i]]);
            if (mass >= wanted)
            {
                count = i + 1;
            }
        }

        return order[..count];
    }
}
