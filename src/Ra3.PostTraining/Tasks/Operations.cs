namespace Ra3.PostTraining.Tasks;

/// <summary>Every operation of the family. The coined names mean nothing and share no part with the English.</summary>
public static class Operations
{
    private const string Vowels = "aeiou";

    /// <summary>All operations, each kind's together.</summary>
    public static IReadOnlyList<Operation> All { get; } =
    [
        List("zorvex", "keep the even numbers", "values = [x for x in values if x % 2 == 0]", (v, _) => v.Where(x => x % 2 == 0)),
        List("flimp", "keep the odd numbers", "values = [x for x in values if x % 2 == 1]", (v, _) => v.Where(x => x % 2 != 0)),
        List("quord", "keep the numbers above {k}", "values = [x for x in values if x > {k}]", (v, k) => v.Where(x => x > k)),
        List("brakt", "drop the numbers above {k}", "values = [x for x in values if x <= {k}]", (v, k) => v.Where(x => x <= k)),
        List("snelp", "add {k} to each number", "values = [x + {k} for x in values]", (v, k) => v.Select(x => x + k)),
        List("drulm", "multiply each number by {k}", "values = [x * {k} for x in values]", (v, k) => v.Select(x => x * k)),
        List("wexin", "square each number", "values = [x * x for x in values]", (v, _) => v.Select(x => x * x)),
        List("hobant", "negate each number", "values = [-x for x in values]", (v, _) => v.Select(x => -x)),
        List("criv", "reverse the order", "values = values[::-1]", (v, _) => Enumerable.Reverse(v)),
        List("tamrek", "sort from small to large", "values = sorted(values)", (v, _) => v.Order()),
        List("plonz", "sort from large to small", "values = sorted(values, reverse=True)", (v, _) => v.OrderDescending()),
        List("yilth", "drop the first {k} numbers", "values = values[{k}:]", (v, k) => v.Skip(k)),
        List("gastor", "take the first {k} numbers", "values = values[:{k}]", (v, k) => v.Take(k)),
        List("munkel", "remove repeated numbers", "values = list(dict.fromkeys(values))", (v, _) => v.Distinct()),
        List(
            "vashod", "take running totals", "totals = []\nfor x in values:\n    totals.append(x + sum(totals[-1:]))\nvalues = totals",
            (v, _) => v.Select((_, i) => v.Take(i + 1).Sum())),
        List(
            "jeppik", "take differences of neighbours", "values = [b - a for a, b in zip(values, values[1:])]",
            (v, _) => v.Zip(v.Skip(1), (a, b) => b - a)),

        Text("orblen", "write it in capitals", "text = text.upper()", (t, _) => t.ToUpperInvariant()),
        Text("kwest", "keep the vowels", "text = \"\".join(c for c in text if c in \"aeiou\")", (t, _) => string.Concat(t.Where(Vowels.Contains))),
        Text("drimsy", "drop the vowels", "text = \"\".join(c for c in text if c not in \"aeiou\")", (t, _) => string.Concat(t.Where(c => !Vowels.Contains(c)))),
        Text("fanzol", "turn the text around", "text = text[::-1]", (t, _) => string.Concat(Enumerable.Reverse(t))),
        Text("huxley", "take the first {k} letters", "text = text[:{k}]", (t, k) => string.Concat(t.Take(k))),
        Text("pindor", "cut off the first {k} letters", "text = text[{k}:]", (t, k) => string.Concat(t.Skip(k))),
        Text("trogan", "repeat the text {k} times", "text = text * {k}", (t, k) => string.Concat(Enumerable.Repeat(t, k))),
        Text("selmik", "double each letter", "text = \"\".join(c + c for c in text)", (t, _) => string.Concat(t.Select(c => $"{c}{c}"))),
        Text("wubrat", "sort the letters", "text = \"\".join(sorted(text))", (t, _) => string.Concat(t.Order())),
        Text("clavin", "put dashes between the letters", "text = \"-\".join(text)", (t, _) => string.Join('-', t.ToCharArray())),
        Text("nizzer", "keep every second letter", "text = text[::2]", (t, _) => string.Concat(t.Where((_, i) => i % 2 == 0))),
        Text("bolquin", "remove repeated letters", "text = \"\".join(dict.fromkeys(text))", (t, _) => string.Concat(t.Distinct())),

        Table("ephrod", "keep the entries above {k}", "table = {a: n for a, n in table.items() if n > {k}}", (t, k) => t.Where(e => e.Value > k)),
        Table("gurnic", "drop the entries above {k}", "table = {a: n for a, n in table.items() if n <= {k}}", (t, k) => t.Where(e => e.Value <= k)),
        Table("lasper", "add {k} to each value", "table = {a: n + {k} for a, n in table.items()}", (t, k) => Values(t, n => n + k)),
        Table("moxten", "multiply each value by {k}", "table = {a: n * {k} for a, n in table.items()}", (t, k) => Values(t, n => n * k)),
        Table("risbol", "turn the keys around", "table = {a[::-1]: n for a, n in table.items()}", (t, _) => Keys(t, a => string.Concat(Enumerable.Reverse(a)))),
        Table("tevlun", "write the keys in capitals", "table = {a.upper(): n for a, n in table.items()}", (t, _) => Keys(t, a => a.ToUpperInvariant())),
        Table("ondrix", "shorten the keys to {k} letters", "table = {a[:{k}]: n for a, n in table.items()}", (t, k) => Keys(t, a => string.Concat(a.Take(k)))),
        Table("zaplin", "keep the entries with even values", "table = {a: n for a, n in table.items() if n % 2 == 0}", (t, _) => t.Where(e => e.Value % 2 == 0)),
        Table(
            "skorv", "subtract the smallest value", "low = min(table.values(), default=0)\ntable = {a: n - low for a, n in table.items()}",
            (t, _) => Values(t, n => n - t.Values.Min())),
        Table("yundle", "negate each value", "table = {a: -n for a, n in table.items()}", (t, _) => Values(t, n => -n)),
    ];

    private static Operation List(string jargon, string english, string code, Func<long[], int, IEnumerable<long>> apply) =>
        new(TaskKind.List, jargon, english, code, (value, k) => apply((long[])value, k).ToArray());

    private static Operation Text(string jargon, string english, string code, Func<string, int, string> apply) =>
        new(TaskKind.Text, jargon, english, code, (value, k) => apply((string)value, k));

    private static Operation Table(
        string jargon, string english, string code, Func<Dictionary<string, long>, int, IEnumerable<KeyValuePair<string, long>>> apply) =>
        new(TaskKind.Table, jargon, english, code, (value, k) =>
        {
            var result = new Dictionary<string, long>(StringComparer.Ordinal);
            foreach (var (key, number) in apply((Dictionary<string, long>)value, k))
            {
                result[key] = number; // of keys that become equal the last wins, as in Python
            }

            return result;
        });

    private static IEnumerable<KeyValuePair<string, long>> Values(Dictionary<string, long> table, Func<long, long> change) =>
        table.Select(entry => KeyValuePair.Create(entry.Key, change(entry.Value)));

    private static IEnumerable<KeyValuePair<string, long>> Keys(Dictionary<string, long> table, Func<string, string> change) =>
        table.Select(entry => KeyValuePair.Create(change(entry.Key), entry.Value));
}
