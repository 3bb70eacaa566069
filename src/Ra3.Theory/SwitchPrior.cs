namespace Ra3.Theory;

/// <summary>The KL of one line's latent against the sticky prior, by brute force and in closed form (RA3 §2).</summary>
internal static class SwitchPrior
{
    /// <summary>
    /// The closed form (standing S in words, D in form): <c>KL(Bern(ρ)‖Bern(1−α)) + ρ(ln|Z| − H(q_new))</c>. Exact when a
    /// switch is an event of its own (a comment is written), after which the intent is drawn from all of Z.
    /// </summary>
    public static double EventForm(double rho, double alpha, double[] fresh) =>
        Bernoulli(rho, 1 - alpha) + (rho * (Math.Log(fresh.Length) - Entropy(fresh)));

    /// <summary>The same KL summed over (kept, or switched to z).</summary>
    public static double EventBruteForce(double rho, double alpha, double[] fresh) =>
        Divergence([1 - rho, .. fresh.Select(f => rho * f)], [alpha, .. fresh.Select(_ => (1 - alpha) / fresh.Length)]);

    /// <summary>
    /// When only the value of z_t is seen and U includes the intent already active (standing D): the chance of a new value is
    /// <c>1−α' = (1−α)(|Z|−1)/|Z|</c>, and there are |Z|−1 of them.
    /// </summary>
    /// <param name="rho">ρ = q(z_t ≠ z_{t−1}).</param>
    /// <param name="alpha">α.</param>
    /// <param name="fresh">q_new over the |Z|−1 other abstractions.</param>
    public static double ValueForm(double rho, double alpha, double[] fresh)
    {
        double size = fresh.Length + 1;
        return Bernoulli(rho, (1 - alpha) * fresh.Length / size) + (rho * (Math.Log(fresh.Length) - Entropy(fresh)));
    }

    /// <summary>The same KL summed over the values of z_t.</summary>
    public static double ValueBruteForce(double rho, double alpha, double[] fresh)
    {
        double uniform = (1 - alpha) / (fresh.Length + 1);
        return Divergence([1 - rho, .. fresh.Select(f => rho * f)], [alpha + uniform, .. fresh.Select(_ => uniform)]);
    }

    /// <summary>The event form overstates the KL over values by exactly this (standing D), so the bound stays a bound: <c>(1−ρ) ln(1 + (1−α)/(α|Z|))</c>.</summary>
    public static double EventExcess(double rho, double alpha, int abstractions) =>
        (1 - rho) * Math.Log(1 + ((1 - alpha) / (alpha * abstractions)));

    /// <summary>
    /// What one switch costs a deterministic q over values (standing D): <c>c = ln(1 + α|Z|/(1−α))</c>, which goes to
    /// infinity as α → 1.
    /// </summary>
    public static double Cost(double alpha, int abstractions) => Math.Log(1 + (alpha * abstractions / (1 - alpha)));

    private static double Bernoulli(double p, double q) => Divergence([p, 1 - p], [q, 1 - q]);

    private static double Divergence(double[] p, double[] q) =>
        p.Zip(q, (a, b) => a == 0 ? 0 : a * Math.Log(a / b)).Sum();

    private static double Entropy(double[] p) => -p.Sum(x => x == 0 ? 0 : x * Math.Log(x));
}
