using Ra3.Models.Generation;
using Ra3.Models.Tokenizers;
using static TorchSharp.torch;

namespace Ra3.Models.Tests.Engine;

public sealed class GeneratorTests : IDisposable
{
    private readonly Tokenizer tokenizer = Tokenizer.Train(["for x in range(10):\n    print(x)\n"], 280);
    private readonly Decoder decoder;

    public GeneratorTests()
    {
        decoder = Decoder.Create(TestModels.Config() with { VocabularySize = tokenizer.VocabularySize }, 5, ScalarType.Float32, CPU);
    }

    [Fact]
    public void A_completion_depends_on_its_index_and_seed_not_on_the_batch_it_ran_in()
    {
        var prompts = Prompts(9);
        var options = new GenerationOptions { MaxNewTokens = 12, Seed = 3 };
        var alone = Run(prompts, options with { BatchSize = 1 });
        var together = Run(prompts, options with { BatchSize = 4 });
        for (var i = 0; i < prompts.Length; i++)
        {
            together[i].Tokens.Should().Equal(alone[i].Tokens);
            together[i].LogProbs.Should().Equal(alone[i].LogProbs);
        }

        Run(prompts, options with { Seed = 4 }).SelectMany(c => c.Tokens).Should().NotEqual(alone.SelectMany(c => c.Tokens));
    }

    [Fact]
    public void Greedy_takes_the_likeliest_token_of_a_plain_forward_each_time()
    {
        var prompt = Prompts(1)[0];
        var completion = Run([prompt], new GenerationOptions { Sampling = new SamplingOptions { Temperature = 0 }, MaxNewTokens = 10 })[0];
        List<int> sequence = [.. prompt];
        foreach (var (token, logProb) in completion.Tokens.Zip(completion.LogProbs))
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var hidden = decoder.Hidden(
                TestModels.Int64(sequence), TestModels.Int64(Enumerable.Range(0, sequence.Count)), new CausalAttention(1, sequence.Count));
            var log = decoder.Logits(hidden)[-1].log_softmax(-1);
            token.Should().Be((int)log.argmax().item<long>());
            logProb.Should().BeApproximately(log[token].item<float>(), 1e-4f);
            sequence.Add(token);
        }
    }

    [Fact]
    public void A_stop_string_ends_the_completion_and_is_not_part_of_its_text()
    {
        var free = Run(Prompts(6), new GenerationOptions { MaxNewTokens = 40, Seed = 1 });
        var (sample, stop) = free.SelectMany(c => Enumerable.Range(2, c.Text.Length - 4).Select(at => (c, c.Text[at..(at + 2)])))
            .First(item => item.Item2.All(char.IsAscii));
        var stopped = Run(Prompts(6), new GenerationOptions { MaxNewTokens = 40, Seed = 1, Stop = [stop] })[sample.Index];
        stopped.Reason.Should().Be(FinishReason.Stop);
        stopped.Text.Should().Be(sample.Text[..sample.Text.IndexOf(stop, StringComparison.Ordinal)]);
        stopped.Tokens.Count.Should().BeLessThan(sample.Tokens.Count);
    }

    [Theory]
    [InlineData(0, 1.0)]
    [InlineData(2, 1.0)]
    [InlineData(0, 0.6)]
    public void Draws_follow_the_distribution_that_top_k_and_top_p_leave(int topK, double topP)
    {
        double[] probability = [0.05, 0.4, 0.25, 0.0, 0.3];
        var kept = topK == 2 ? new[] { 1, 4 } : topP < 1 ? [1, 4] : [0, 1, 2, 4];
        float[] log = [.. probability.Select(p => (float)Math.Log(p))];
        var options = new SamplingOptions { TopK = topK, TopP = topP };
        const int Count = 20_000;
        var counts = new int[5];
        for (var i = 0; i < Count; i++)
        {
            var (token, logProb) = Sampler.Draw(log, options, (i + 0.5) / Count); // an even grid of u: frequencies are exact to 1/Count
            counts[token]++;
            logProb.Should().BeApproximately(Math.Log(probability[token] / kept.Sum(t => probability[t])), 1e-6);
        }

        for (var token = 0; token < 5; token++)
        {
            var expected = kept.Contains(token) ? probability[token] / kept.Sum(t => probability[t]) : 0;
            ((double)counts[token] / Count).Should().BeApproximately(expected, 2.0 / Count);
        }
    }

    public void Dispose() => decoder.Dispose();

    private Completion[] Run(int[][] prompts, GenerationOptions options) =>
        [.. Ra3.Models.Generation.Generator.Generate(decoder, tokenizer, prompts, options).OrderBy(completion => completion.Index)];

    private int[][] Prompts(int count)
    {
        var random = new Random(11);
        return [.. Enumerable.Range(0, count).Select(i => TestModels.Tokens(random, 2 + (i * 3 % 7), 256))];
    }
}
