using System.Security.Cryptography;
using System.Text;
using MathNet.Numerics.Random;

namespace Ra3.Theory;

/// <summary>Random numbers by seed and stream name, and the few draws the experiments share.</summary>
internal static class Sampling
{
    /// <summary>An independent generator for (<paramref name="seed"/>, <paramref name="stream"/>): the same two always give the same numbers.</summary>
    public static Random Stream(int seed, string stream)
    {
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}/{stream}"));
        return new Xoshiro256StarStar(BitConverter.ToInt32(digest, 0), threadSafe: false);
    }

    /// <summary>A point drawn uniformly from the probability simplex with <paramref name="size"/> corners.</summary>
    public static double[] Simplex(Random random, int size)
    {
        double[] weights = new double[size];
        for (int i = 0; i < size; i++)
        {
            weights[i] = -Math.Log(1 - random.NextDouble());
        }

        double sum = weights.Sum();
        return [.. weights.Select(w => w / sum)];
    }

    /// <summary>An index drawn with the given probabilities, which must sum to 1.</summary>
    public static int Index(Random random, ReadOnlySpan<double> probabilities)
    {
        double u = random.NextDouble();
        for (int i = 0; i < probabilities.Length - 1; i++)
        {
            u -= probabilities[i];
            if (u < 0)
            {
                return i;
            }
        }

        return probabilities.Length - 1;
    }

    /// <summary><c>exp(x_i) / Σ exp(x_j)</c>.</summary>
    public static double[] Softmax(ReadOnlySpan<double> logits)
    {
        double max = double.NegativeInfinity;
        foreach (double x in logits)
        {
            max = Math.Max(max, x);
        }

        double[] result = new double[logits.Length];
        double sum = 0;
        for (int i = 0; i < result.Length; i++)
        {
            sum += result[i] = Math.Exp(logits[i] - max);
        }

        for (int i = 0; i < result.Length; i++)
        {
            result[i] /= sum;
        }

        return result;
    }

    /// <summary><c>ln Σ exp(x_i)</c> without overflow.</summary>
    public static double LogSumExp(ReadOnlySpan<double> x)
    {
        double max = double.NegativeInfinity;
        foreach (double value in x)
        {
            max = Math.Max(max, value);
        }

        if (double.IsNegativeInfinity(max))
        {
            return max;
        }

        double sum = 0;
        foreach (double value in x)
        {
            sum += Math.Exp(value - max);
        }

        return max + Math.Log(sum);
    }
}
