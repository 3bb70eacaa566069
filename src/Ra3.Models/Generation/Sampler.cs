namespace Ra3.Models.Generation;

/// <summary>How tokens are drawn.</summary>
public sealed record SamplingOptions
{
    /// <summary>Logits are divided by this; 0 takes the likeliest token.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Only the K likeliest tokens may be drawn; 0 for no bound.</summary>
    public int TopK { get; init; }

    /// <summary>Only the smallest set of likeliest tokens whose probability reaches this may be drawn.</summary>
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
    public static (int Token, double LogProb) Draw(ReadOnlySpan<float> logProbs, SamplingOptions options, double uniform)
    {
        if (options.Temperature == 0)
        {
            var best = 0;
            for (var token = 1; token < logProbs.Length; token++)
            {
                best = logProbs[token] > logProbs[best] ? token : best;
            }

            return (best, logProbs[best]);
        }

        if (options.TopK == 0 && options.TopP >= 1)
        {
            var token = Invert(logProbs, uniform, 1);
            return (token, logProbs[token]);
        }

        var kept = Nucleus(logProbs, options, out var mass);
        var chosen = kept[^1];
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

    private static int Invert(ReadOnlySpan<float> logProbs, double uniform, double mass)
    {
        var left = uniform * mass;
        var last = -1;
        for (var token = 0; token < logProbs.Length; token++)
        {
            var probability = Math.Exp(logProbs[token]);
            if (probability > 0)
            {
                last = token; // rounding may leave a remainder: it goes to the last token that can be drawn
                left -= probability;
                if (left < 0)
                {
                    break;
                }
            }
        }

        return last >= 0 ? last : throw new InvalidDataException("The model's probabilities are not numbers: its weights hold NaN or infinity.");
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
        mass = 0;
        for (var i = 0; i < count; i++)
        {
            mass += Math.Exp(keys[order[i]]);
            if (mass >= options.TopP)
            {
                count = i + 1;
            }
        }

        return order[..count];
    }
}
