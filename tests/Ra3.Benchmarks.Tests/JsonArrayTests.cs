using System.Text;
using System.Text.Json;
using Ra3.Benchmarks;

namespace Ra3.Tests;

public sealed class JsonArrayTests
{
    [Theory]
    [InlineData("]", 0)]
    [InlineData(" ]\n ", 0)]
    [InlineData("1]", 1)]
    [InlineData("{\"a\": \"],[{\\\"\\\\\"}, [1, [2, {\"b\": []}]], \"x,]\", null , true\n]\n", 5)]
    public void Its_members_are_those_of_the_whole(string rest, int count)
    {
        using var whole = JsonDocument.Parse("[" + rest);

        var members = JsonArray.Read(new MemoryStream(Encoding.UTF8.GetBytes(rest))).Select(m => m.GetRawText()).ToList();

        members.Should().HaveCount(count);
        members.Should().Equal(whole.RootElement.EnumerateArray().Select(m => m.GetRawText()));
    }

    [Fact]
    public void Members_may_lie_across_the_ends_of_what_is_read_at_once()
    {
        var texts = Enumerable.Range(0, 3000).Select(i => new string((char)('a' + (i % 26)), i % 97) + "\\\"]").ToList();
        var json = JsonSerializer.SerializeToUtf8Bytes(texts);

        JsonArray.Read(new MemoryStream(json[1..])).Select(m => m.GetString()).Should().Equal(texts);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1,]")]
    [InlineData(",1]")]
    [InlineData("1,,2]")]
    [InlineData("1 2]")]
    [InlineData("{]")]
    [InlineData("\"]")]
    [InlineData("1][2]")]
    [InlineData("1] x")]
    public void What_is_no_array_is_refused(string rest)
    {
        var read = () => JsonArray.Read(new MemoryStream(Encoding.UTF8.GetBytes(rest))).ToList();

        read.Should().Throw<JsonException>();
    }
}
