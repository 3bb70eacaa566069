using Ra3.Cli.Quickstart;
using Ra3.Models;
using static TorchSharp.torch;

namespace Ra3.Tests;

public sealed class ShippedBaseTests
{
    [Fact]
    public void It_is_whole_and_of_the_shape_and_length_that_the_plan_has()
    {
        var folder = Directory.CreateTempSubdirectory("ra3-base-").FullName;
        try
        {
            ShippedBase.CopyTo(folder);
            var (decoder, tokenizer) = ModelFolder.Load(folder, ScalarType.Float32, CPU, trainable: false);
            using (decoder)
            {
                decoder.Config.ParameterCount()
                    .Should().Be(QuickstartPlan.Model(tokenizer.VocabularySize, tokenizer.EndOfText!.Value).ParameterCount());
            }

            new QuickstartPlan().PretrainSteps.Should().Be(ShippedBase.Steps);
            new QuickstartRequest().UsesShippedBase.Should().BeTrue("the first command starts from it");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Whatever_asks_for_another_base_makes_its_own()
    {
        var request = new QuickstartRequest();
        (request with { FromScratch = true }).UsesShippedBase.Should().BeFalse();
        (request with { Seed = 2 }).UsesShippedBase.Should().BeFalse();
        (request with { Seeds = 3 }).UsesShippedBase.Should().BeFalse("a comparison over seeds makes each of its own");
        (request with { Plan = new QuickstartPlan { PretrainSteps = 5 } }).UsesShippedBase.Should().BeFalse();
        request.Scaled(0.1).UsesShippedBase.Should().BeTrue("a scaled run scales what it does, not the base it is given");
        request.Scaled(0.1).Plan.MidTrainSteps.Should().Be(request.Plan.MidTrainSteps / 10);
        (request with { FromScratch = true }).Scaled(0.1).Plan.PretrainSteps.Should().Be(request.Plan.PretrainSteps / 10);
    }
}
