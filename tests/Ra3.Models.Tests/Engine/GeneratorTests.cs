using Ra3.Models.Generation;
using Ra3.Models.Tokenizers;
using static TorchSharp.torch;
using Generator = Ra3.Models.Generation.Generator;

namespace Ra3.Models.Tests.Engine;

public sealed class GeneratorTests : IDisposable
{
    private readonly Tokenizer tokenizer = Tokenizer.Train(["for x in range(10):\n    print(x)\n"], 280);
    private readonly Decoder decoder;

    public GeneratorTests()
    {
        decoder = Decoder.Create(TestModels.Config() with { VocabularySize = tokenizer.VocabularySize }, 5, ScalarType.Float32, CPU);
    }

    [Theory]
    [InlineData(9)]
    [InlineData(40, "e")] // ends at different lengths, so that others begin beside those that go on
    [InlineData(40, "e", "in", "\n    ")]
    public void A_completion_depends_on_its_index_and_seed_not_on_the_batch_it_ran_in(int count, params string[] stops)
    {
        var prompts = Prompts(count);
        var options = new GenerationOptions { MaxNewTokens = 24, Seed = 3, Stop = stops };
        var alone = Run(prompts, options with { BatchSize = 1 });
        var together = Run(prompts, options with { BatchSize = 4 });
        for (var i = 0; i < prompts.Length; i++)
        {
            together[i].Tokens.Should().Equal(alone[i].Tokens);
            together[i].LogProbs.Should().Equal(alone[i].LogProbs);
            together[i].Text.Should().Be(alone[i].Text);
            together[i].Reason.Should().Be(alone[i].Reason);
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
    [InlineData(2, 0.5)] // of what top-k leaves: 0.4 of 0.7 is enough
    public void Draws_follow_the_distribution_that_top_k_and_top_p_leave(int topK, double topP)
    {
        double[] probability = [0.05, 0.4, 0.25, 0.0, 0.3];
        var kept = (topK, topP) switch { (2, 1) => new[] { 1, 4 }, (2, _) => [1], (_, < 1) => [1, 4], _ => [0, 1, 2, 4] };
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

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(1, 0, 1)]
    [InlineData(1, 3, 1)]
    [InlineData(1, 0, 0.9)]
    public void Log_probabilities_that_are_no_numbers_stop_every_way_of_drawing(double temperature, int topK, double topP)
    {
        var options = new SamplingOptions { Temperature = temperature, TopK = topK, TopP = topP };
        foreach (var broken in new float[][]
        {
            [float.NaN, -1, -2, -3], [-1, -2, float.NaN, -3], [-1, -2, -3, float.NaN], [-1, float.PositiveInfinity, -1, -1],
            [float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity],
        })
        {
            FluentActions.Invoking(() => Sampler.Draw(broken, options, 0.5)).Should().Throw<InvalidDataException>().WithMessage("*not numbers*");
        }
    }

    [Fact]
    public void What_rounding_leaves_goes_to_the_likeliest_token()
    {
        // The probabilities add up to a little less than 1, and the last rows are padding.
        float[] log = [(float)Math.Log(0.3), (float)Math.Log(0.69999), -40, -40];
        Sampler.Draw(log, new SamplingOptions(), 1 - 1e-16).Token.Should().Be(1);
    }

    [Fact]
    public void A_stop_string_is_found_among_bytes_however_tokens_cut_its_characters()
    {
        // A model that writes "x中y" byte by byte, then "z" for ever.
        byte[] text = [.. "x中y"u8, (byte)'z', (byte)'z'];
        using var writer = Chain(text);
        var options = new GenerationOptions { Sampling = new SamplingOptions { Temperature = 0 }, MaxNewTokens = 8 };
        Completion Write(params string[] stops) => Generator.Generate(writer, tokenizer, [[text[0]]], options with { Stop = stops }).Single();

        Write().Text.Should().Be("中yzzzz");
        var stopped = Write("中");
        (stopped.Text, stopped.Tokens.Count, stopped.Reason).Should().Be(("", 3, FinishReason.Stop));
        (stopped = Write("q", "yz")).Text.Should().Be("中");
        stopped.Tokens.Should().HaveCount(5);
    }

    [Fact]
    public void A_completion_ends_where_the_models_positions_do()
    {
        using var small = Decoder.Create(decoder.Config with { MaxPositions = 9 }, 5, ScalarType.Float32, CPU);
        var options = new GenerationOptions { MaxNewTokens = 40, Seed = 2 };

        var completions = Generator.Generate(small, tokenizer, [[1, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8]], options).OrderBy(c => c.Index).ToList();
        completions.Select(c => (c.Tokens.Count, c.Reason)).Should().Equal((6, FinishReason.Length), (1, FinishReason.Length));
        FluentActions.Invoking(() => Generator.Generate(small, tokenizer, [new int[9]], options))
            .Should().Throw<ArgumentException>().WithMessage("*9 tokens*meant for 9*");
        FluentActions.Invoking(() => Generator.Generate(small, tokenizer, [[1]], options with { Stop = [""] })).Should().Throw<ArgumentException>();
    }

    public void Dispose() => decoder.Dispose();

    /// <summary>A model whose likeliest token is the one behind the last in a chain of bytes; the last of all follows itself.</summary>
    private Decoder Chain(byte[] chain)
    {
        var model = Decoder.Create(decoder.Config, 5, ScalarType.Float32, CPU);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, weight) in model.Parameters.Where(item => item.Key.Contains("o_proj", StringComparison.Ordinal) || item.Key.Contains("down_proj", StringComparison.Ordinal)))
        {
            weight.zero_(); // what is left is the embedding of the last token
        }

        var (embedding, head) = (model.Parameters["model.embed_tokens.weight"], model.Parameters["lm_head.weight"]);
        head.zero_();
        for (var i = 0; i + 1 < chain.Length; i++)
        {
            using var unit = zeros(model.Config.HiddenSize);
            unit[i].fill_(1);
            embedding[chain[i]].copy_(unit);
            head[chain[i + 1]].add_(unit);
        }

        model.Changed();
        return model;
    }

    private Completion[] Run(int[][] prompts, GenerationOptions options) =>
        [.. Generator.Generate(decoder, tokenizer, prompts, options).OrderBy(completion => completion.Index)];

    private int[][] Prompts(int count)
    {
        var random = new Random(11);
        return [.. Enumerable.Range(0, count).Select(i => TestModels.Tokens(random, 2 + (i * 3 % 7), 256))];
    }
}
