namespace Ra3.PostTraining.Tests;

public sealed class PassAt1Tests
{
    [Fact]
    public void None_or_all_of_80_is_not_known_exactly()
    {
        foreach (var passed in new[] { 0, 80 })
        {
            var result = new PassAt1Result([.. Enumerable.Range(0, 80).Select(i => (bool?)(i < passed))], [], 0);
            result.Rate.Should().Be(passed / 80.0);
            result.StandardError.Should().BeApproximately(1 / 162.0, 1e-12);
        }

        new PassAt1Result([.. Enumerable.Range(0, 80).Select(i => (bool?)(i % 2 == 0))], [], 0).StandardError.Should().BeApproximately(0.0556, 1e-4);
        new PassAt1Result([null], [], 0).StandardError.Should().Be(double.NaN);
    }
}
