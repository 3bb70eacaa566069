using System.ComponentModel.DataAnnotations;
using Ra3.PostTraining.Tasks;

namespace Ra3.Cli.Quickstart;

/// <summary>What the quickstart was asked for; the run keeps it as its recipe.</summary>
internal sealed record QuickstartRequest : IValidatableObject
{
    /// <summary>The first seed.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>How many, one after the other.</summary>
    [Range(1, 100)]
    public int Seeds { get; init; } = 1;

    /// <summary>Pre-trains the base here even where the shipped one would do.</summary>
    public bool FromScratch { get; init; }

    /// <summary>Controls beside the base, NTP and RA3; `all` for every one.</summary>
    public IReadOnlyList<string> Controls { get; init; } = [];

    /// <summary>The part of the tasks that is measured: settings are chosen on `tune`, results come from `test`.</summary>
    public TaskPart Split { get; init; } = TaskPart.Test;

    /// <summary>How much of everything.</summary>
    public QuickstartPlan Plan { get; init; } = new();

    /// <summary>Whether the shipped base is used: it was made by seed 1 and the default plan, and a comparison over seeds makes each of its own.</summary>
    public bool UsesShippedBase => !FromScratch && Seeds == 1 && Seed == ShippedBase.Seed && Plan.PretrainSteps == ShippedBase.Steps;

    /// <summary>The arms, in the order in which they run.</summary>
    public IReadOnlyList<QuickstartArm> Arms =>
        [.. QuickstartArm.All.Where(arm => arm.IsMain || Controls.Contains("all") || Controls.Contains(arm.Key))];

    /// <summary>So much of every count of the plan; the shipped base stays as it is.</summary>
    public QuickstartRequest Scaled(double scale)
    {
        var plan = scale == 1 ? Plan : Plan.Scaled(scale);
        return this with { Plan = UsesShippedBase ? plan with { PretrainSteps = Plan.PretrainSteps } : plan };
    }

    /// <summary>Where the work of a seed goes.</summary>
    public string Folder(string run, int seed) => Seeds > 1 ? Path.Combine(run, $"seed-{Seed + seed}") : run;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var control in Controls.Where(control => control != "all" && QuickstartArm.All.All(arm => arm.IsMain || arm.Key != control)))
        {
            yield return new ValidationResult(
                $"there is no control '{control}'; choose among {string.Join(", ", QuickstartArm.All.Where(arm => !arm.IsMain).Select(arm => arm.Key))}, or all",
                [nameof(Controls)]);
        }

        if (Split == TaskPart.Train)
        {
            yield return new ValidationResult("measure on tune or test: RLVR learns from train", [nameof(Split)]);
        }
    }
}
