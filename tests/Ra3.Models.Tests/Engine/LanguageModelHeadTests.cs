using static TorchSharp.torch;

namespace Ra3.Models.Tests.Engine;

public sealed class LanguageModelHeadTests
{
    [Theory]
    [InlineData(1.0, false, 0)]
    [InlineData(0.7, true, 0)]
    [InlineData(0.7, true, 700)] // amid a chunk
    [InlineData(1.0, true, 1300)]
    public void Chunked_log_probs_and_gradients_equal_plain_log_softmax(double temperature, bool forbid, int freeRows)
    {
        using var scope = NewDisposeScope();
        using var decoder = TestModels.Create(ScalarType.Float64);
        var hidden = randn(1300, 32, ScalarType.Float64).requires_grad_();
        var targets = cat(
            [randint(0, 61, [freeRows], ScalarType.Int64), randint(10, 61, [1300 - freeRows], ScalarType.Int64)]);
        var forbidden = forbid ? arange(61).lt(10) : null;
        var weights = randn(1300, ScalarType.Float64);
        var head = decoder.Parameters["lm_head.weight"];

        var distribution = new HeadDistribution(temperature, forbidden, freeRows);
        (LanguageModelHead.LogProbs(decoder, hidden, targets, distribution) * weights).sum().backward();
        var (hiddenGradient, headGradient) = (hidden.grad!.clone(), head.grad!.clone());
        hidden.grad!.zero_();
        head.grad!.zero_();

        var logits = matmul(hidden, head.t()) / temperature;
        logits = forbidden is null ? logits : logits.masked_fill(
            forbidden.unsqueeze(0).logical_and(arange(1300).ge(freeRows).unsqueeze(1)), double.NegativeInfinity);
        (logits.log_softmax(-1).gather(1, targets.unsqueeze(1)).squeeze(1) * weights).sum().backward();
        (hidden.grad! - hiddenGradient).abs().max().item<double>().Should().BeLessThan(1e-10);
        (head.grad! - headGradient).abs().max().item<double>().Should().BeLessThan(1e-9);
    }
}
