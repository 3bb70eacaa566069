using Ra3.Cli.Recipes;
using Ra3.Cli.Training;

namespace Ra3.Tests;

/// <summary>The recipes in recipes/ are read without error, and written out they say the same.</summary>
public sealed class ShippedRecipeTests
{
    private static string Folder
    {
        get
        {
            var at = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(at!.FullName, "Ra3.slnx")))
            {
                at = at.Parent;
            }

            return Path.Combine(at.FullName, "recipes");
        }
    }

    [Fact]
    public void The_pretraining_recipe_is_read()
    {
        var recipe = Recipe.Load<PretrainRecipe>(Path.Combine(Folder, "pretrain-small.yaml"), []);
        recipe.Training.Optimizer.LearningRate.Should().Be(2e-3);
        Recipe.Parse<PretrainRecipe>(Recipe.Write(recipe), "written", []).Should().BeEquivalentTo(recipe);
    }

    [Theory]
    [InlineData("midtrain-ra3.yaml", MidTrainMethod.Ra3)]
    [InlineData("midtrain-ntp.yaml", MidTrainMethod.Ntp)]
    internal void The_midtraining_recipes_are_read(string file, MidTrainMethod method)
    {
        var recipe = Recipe.Load<MidTrainRecipe>(Path.Combine(Folder, file), ["model=base"]);
        recipe.Method.Should().Be(method);
        (recipe.Ntp.BatchRows, recipe.Ra3.MStep.BatchRows).Should().Be((16, 16));
        Recipe.Parse<MidTrainRecipe>(Recipe.Write(recipe), "written", []).Should().BeEquivalentTo(recipe); // .inf included
    }

    [Fact]
    public void The_rlvr_recipe_is_read()
    {
        var recipe = Recipe.Load<RlvrRecipe>(Path.Combine(Folder, "rlvr.yaml"), ["model=base"]);
        (recipe.Grpo.GroupSize, recipe.Grpo.Temperature, recipe.Grpo.ClipHigh, recipe.Grpo.Optimizer.LearningRate).Should().Be((8, 0.6, 0.28, 1e-6));
        Recipe.Parse<RlvrRecipe>(Recipe.Write(recipe), "written", []).Should().BeEquivalentTo(recipe);
    }
}
