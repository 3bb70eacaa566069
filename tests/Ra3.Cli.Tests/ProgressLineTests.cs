using Ra3.Cli;

namespace Ra3.Tests;

public sealed class ProgressLineTests
{
    private readonly StringWriter text = new();
    private readonly ManualClock clock = new();

    [Fact]
    public void On_a_pipe_a_plain_line_appears_every_ten_seconds_and_at_the_end()
    {
        using (var progress = new ProgressLine("pretrain", total: 100, writer: text, terminal: false, clock: clock))
        {
            for (var step = 1; step <= 25; step++)
            {
                clock.Advance(TimeSpan.FromSeconds(1));
                progress.Report(step, step * 1500L, ("loss", 2.5));
            }
        }

        text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Should().Equal(
            "pretrain  10/100  1.5k tok/s  loss 2.5  10 s, 1 min 30 s left",
            "pretrain  20/100  1.5k tok/s  loss 2.5  20 s, 1 min 20 s left",
            "pretrain  25/100  1.5k tok/s  loss 2.5  25 s, 1 min 15 s left");
    }

    [Fact]
    public void Steps_done_before_a_resume_do_not_shorten_the_time_left()
    {
        using (var progress = new ProgressLine("train", total: 100, firstStep: 90, writer: text, terminal: false, clock: clock))
        {
            clock.Advance(TimeSpan.FromSeconds(20));
            progress.Report(92);
        }

        text.ToString().Should().Contain("1 min 20 s left");
    }

    [Fact]
    public void On_a_terminal_the_line_is_rewritten_in_place_at_most_ten_times_a_second()
    {
        using (var progress = new ProgressLine("train", total: 1000, writer: text, terminal: true, clock: clock))
        {
            for (var step = 1; step <= 1000; step++)
            {
                clock.Advance(TimeSpan.FromMilliseconds(1));
                progress.Report(step);
            }
        }

        text.ToString().Count(c => c == '\r').Should().BeInRange(10, 12);
        text.ToString().Should().EndWith("train  1000/1000  1 s\e[K\n");
    }

    [Fact]
    public void On_a_terminal_a_loop_is_seen_before_its_first_step_is_done()
    {
        using var progress = new ProgressLine("E-step", total: 40, firstStep: 5, writer: text, terminal: true, clock: clock);

        text.ToString().Should().Be("\rE-step  5/40  0 s\e[K");
    }

    [Fact]
    public void A_note_stays_above_the_line()
    {
        using (var progress = new ProgressLine("train", writer: text, terminal: true, clock: clock))
        {
            progress.Report(1);
            progress.Note("saved");
        }

        text.ToString().Should().Be("\rtrain  1  0 s\e[K\r\e[Ksaved\ntrain  1  0 s\n");
    }
}
