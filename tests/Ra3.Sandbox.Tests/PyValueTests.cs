using CsCheck;
using Ra3.Sandbox;

namespace Ra3.Tests;

public sealed class PyValueTests
{
    // Each line: two values as tagged JSON, and what Python's == says of them.
    [Theory]
    [InlineData("1", "1.0", true)]
    [InlineData("1", "true", true)]
    [InlineData("0", "false", true)]
    [InlineData("1.5", "1", false)]
    [InlineData("9007199254740993", "9007199254740992.0", false)]
    [InlineData("{\"i\":\"0x10000000000000000\"}", "18446744073709551616.0", true)]
    [InlineData("{\"i\":\"-0x10000000000000001\"}", "-18446744073709551616.0", false)]
    [InlineData("{\"f\":\"nan\"}", "{\"f\":\"nan\"}", false)]
    [InlineData("{\"f\":\"inf\"}", "{\"f\":\"inf\"}", true)]
    [InlineData("-0.0", "0", true)]
    [InlineData("[1,2]", "{\"t\":[1,2]}", false)]
    [InlineData("[1,2]", "[1.0,2.0]", true)]
    [InlineData("{\"s\":[1,2,2]}", "{\"z\":[2.0,true]}", true)]
    [InlineData("{\"s\":[]}", "{\"d\":[]}", false)]
    [InlineData("{\"d\":[[1,\"a\"],[2,\"b\"]]}", "{\"d\":[[2.0,\"b\"],[1,\"a\"]]}", true)]
    [InlineData("{\"d\":[[1,\"a\"]]}", "{\"d\":[[1,\"b\"]]}", false)]
    [InlineData("\"a\"", "\"A\"", false)]
    [InlineData("\"\"", "null", false)]
    [InlineData("{\"c\":[1,0]}", "1", true)]
    [InlineData("{\"c\":[0,1]}", "{\"c\":[0.0,1.0]}", true)]
    [InlineData("{\"q\":[\"0x1\",\"0x2\"]}", "0.5", true)]
    [InlineData("{\"q\":[\"0x1\",\"0xa\"]}", "0.1", false)]
    [InlineData("{\"o\":\"range\"}", "{\"o\":\"range\"}", false)]
    [InlineData("{\"u\":[55296]}", "{\"u\":[55296]}", true)]
    [InlineData("{\"b\":\"6869\"}", "\"hi\"", false)]
    public void Equality_is_Pythons(string left, string right, bool equal)
    {
        var (a, b) = (PyValue.Parse(left), PyValue.Parse(right));

        a.Equals(b).Should().Be(equal);
        b.Equals(a).Should().Be(equal);
        if (equal)
        {
            a.GetHashCode().Should().Be(b.GetHashCode());
        }
    }

    [Fact]
    public void Bytes_from_a_hostile_program_are_a_value_or_an_error_and_nothing_else()
    {
        var fragments = new[] { "{", "}", "[", "]", ",", ":", "\"t\"", "\"d\"", "\"q\"", "\"u\"", "\"i\"", "\"b\"", "\"c\"", "1", "-1e999",
            "\"\\ud800\"", "\"0x\"", "null", "99999999999999999999", "\"zz\"", "[1,2]", "true" };
        Gen.OneOf(
                Gen.Byte.Array[0, 40],
                Gen.Int[0, fragments.Length - 1].Select(i => fragments[i]).Array[0, 12].Select(parts => System.Text.Encoding.UTF8.GetBytes(string.Concat(parts))))
            .Sample(bytes =>
            {
                try
                {
                    var value = PyValue.Parse(bytes);
                    _ = value.ToString();
                    _ = value.GetHashCode();
                    _ = value.Equals(value);
                }
                catch (InvalidDataException)
                {
                    // The one way to refuse.
                }
            }, iter: 20_000);
    }

    [Fact]
    public void Chosen_numbers_do_not_collide_in_sets()
    {
        // All of these round to the same double: a hash of that double would make the set quadratic.
        var json = "{\"s\":[" + string.Join(',', Enumerable.Range(0, 200_000).Select(i => ((1L << 61) + i).ToString())) + "]}";

        PyValue.Parse(json).Items.Should().HaveCount(200_000);
    }
}
