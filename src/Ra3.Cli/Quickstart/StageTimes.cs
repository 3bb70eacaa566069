namespace Ra3.Cli.Quickstart;

/// <summary>
/// What a plan takes. Seconds a unit come from the first command on 2 cores of an AMD EPYC with AVX512-BF16, where page faults are dear
/// (docs/experiments.md, 2026-12-01). This machine is so many times slower or faster as its finished stages say, or, before the first, as some
/// training steps say.
/// </summary>
internal sealed class StageTimes
{
    private const double Step = 0.142; // of next-token training, 2,048 tokens: 540 in 77 s
    private const double Iteration = 0.68; // of the E-step: 180 in 122 s
    private const double Program = 0.013; // its thoughts: 600 in 8 s
    private const double RlvrStep = 1.2; // with a task's it makes up the 62 s that 32 steps and five evaluations took, on average
    private const double Task = 0.015; // solved once, and judged
    private const double Snippet = 0.01;

    private readonly IReadOnlyList<(string Stage, double Seconds)> stages;
    private double slowness = 1;

    private StageTimes(IReadOnlyList<(string, double)> stages) => this.stages = stages;

    /// <summary>The stages of one seed, in order.</summary>
    public static StageTimes Of(QuickstartRequest request, bool judges)
    {
        var plan = request.Plan;
        List<(string, double)> planned = [];
        var ra3 = (plan.EStep.Iterations * Iteration) + (plan.MidTrainPrograms * Program) + (plan.MidTrainSteps * Step);
        foreach (var arm in request.Arms)
        {
            planned.Add((arm.Key, arm.Source switch
            {
                ArmSource.None => request.UsesShippedBase ? 0 : plan.PretrainSteps * Step,
                ArmSource.Thoughts => arm.SharesEStep || arm.Key is "untrained" or "bestOfGroup" ? ra3 - (plan.EStep.Iterations * Iteration) : ra3,
                ArmSource.EqualTime => ra3,
                _ => plan.MidTrainSteps * Step,
            }));
        }

        if (judges && plan.RlvrSteps > 0)
        {
            planned.AddRange(request.Arms.Where(arm => arm.IsMain).Select(arm => (
                "rlvr-" + arm.Key, (plan.RlvrSteps * RlvrStep) + (5 * 2 * plan.TasksPerSplit * Task))));
        }

        planned.Add(("evaluation", request.Arms.Count * (
            (plan.HeldOutSnippets * Snippet) + (plan.ThinkingSnippets * 3 * Snippet) + (judges ? 3 * plan.TasksPerSplit * Task : 0))));
        return new StageTimes(planned);
    }

    /// <summary>Before the first stage: how long a training step takes here.</summary>
    public void Measured(double secondsPerStep) => slowness = secondsPerStep / Step;

    /// <summary>Seconds of the stages that are not done.</summary>
    /// <param name="spent">Seconds of those that are.</param>
    public double Left(IReadOnlyDictionary<string, double> spent)
    {
        var done = stages.Where(stage => spent.ContainsKey(stage.Stage) && stage.Seconds > 0).ToList();
        if (done.Count > 0)
        {
            slowness = done.Sum(stage => spent[stage.Stage]) / done.Sum(stage => stage.Seconds);
        }

        return slowness * stages.Where(stage => !spent.ContainsKey(stage.Stage)).Sum(stage => stage.Seconds);
    }
}
