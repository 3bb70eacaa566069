using Ra3.Cli;

namespace Ra3.Tests;

public sealed class PagerTests
{
    private readonly StringWriter text = new();
    private readonly ManualClock clock = new();
    private readonly List<int> shown = [];

    [Fact]
    public void Enter_goes_on_other_keys_do_nothing_and_q_ends()
    {
        Show([Key('x', ConsoleKey.X), null, Key('\r', ConsoleKey.Enter), Key(' ', ConsoleKey.Spacebar), Key('q', ConsoleKey.Q)]);
        shown.Should().Equal(1, 2, 3);
        text.ToString().Should().Contain("1 of 5 · Enter: on, q: end").And.Contain("3 of 5").And.NotContain("4 of 5");
    }

    [Fact]
    public void Without_waiting_everything_comes_at_once()
    {
        Show([], waits: false);
        shown.Should().Equal(1, 2, 3, 4, 5);
        text.ToString().Should().BeEmpty();
    }

    [Fact]
    public void Where_nobody_answers_or_the_input_ends_the_rest_comes_without_waiting()
    {
        Show([]);
        shown.Should().Equal(1, 2, 3, 4, 5);
        text.ToString().Should().Contain("1 of 5").And.NotContain("2 of 5");

        shown.Clear();
        Show([Key('\u0004', ConsoleKey.D)]);
        shown.Should().Equal(1, 2, 3, 4, 5);
    }

    [Fact]
    public void Ctrl_C_ends_the_wait_for_a_key()
    {
        using var stop = new CancellationTokenSource();
        var pager = new Pager(waits: true, text, () => null, clock, _ => stop.Cancel(), stop.Token);
        var show = () => pager.Show([1, 2], shown.Add, "end");
        show.Should().Throw<OperationCanceledException>();
        shown.Should().Equal(1);
    }

    private void Show(IEnumerable<ConsoleKeyInfo?> keys, bool waits = true)
    {
        var next = new Queue<ConsoleKeyInfo?>(keys);
        new Pager(waits, text, () => next.TryDequeue(out var key) ? key : null, clock, clock.Advance, CancellationToken.None)
            .Show([1, 2, 3, 4, 5], shown.Add, "end");
    }

    private static ConsoleKeyInfo? Key(char character, ConsoleKey key) => new(character, key, shift: false, alt: false, control: false);
}
