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
    [InlineData("{\"q\":[\"0x1\",\"0xa\"]}", "{\"m\":[\"0x1\",\"0xa\",\"0.1\"]}", true)]
    [InlineData("{\"m\":[\"0x1\",\"0x2\",\"0.5\"]}", "0.5", true)]
    [InlineData("{\"m\":[\"0x3\",\"0x1\",\"3\"]}", "3", true)]
    [InlineData("{\"m\":[\"Infinity\"]}", "{\"f\":\"inf\"}", true)]
    [InlineData("{\"m\":[\"-Infinity\"]}", "{\"f\":\"inf\"}", false)]
    [InlineData("{\"m\":[\"NaN\"]}", "{\"m\":[\"NaN\"]}", false)]
    [InlineData("{\"c\":[0,{\"f\":\"nan\"}]}", "{\"c\":[0,{\"f\":\"nan\"}]}", false)]
    [InlineData("{\"c\":[-0.0,1]}", "{\"c\":[0.0,1]}", true)]
    [InlineData("{\"s\":[{\"f\":\"nan\"}]}", "{\"s\":[{\"f\":\"nan\"}]}", false)]
    [InlineData("{\"s\":[{\"t\":[1,2]},{\"z\":[1]},\"a\",null,0.5,{\"i\":\"0x10000000000000000\"}]}", "{\"s\":[18446744073709551616.0,{\"q\":[\"0x1\",\"0x2\"]},null,\"a\",{\"s\":[true]},{\"t\":[1.0,2]}]}", true)]
    [InlineData("{\"d\":[[1,\"a\"],[1,\"b\"]]}", "{\"d\":[[1,\"b\"]]}", true)]
    [InlineData("{\"d\":[[{\"f\":\"nan\"},1]]}", "{\"d\":[[{\"f\":\"nan\"},1]]}", false)]
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

    // Each line: answer, wanted, tolerance, and what Python says of abs(answer - wanted) < tolerance (false: or it raises).
    [Theory]
    [InlineData("1.0000001", "1", 1e-6, true)]
    [InlineData("1.1", "1", 1e-6, false)]
    [InlineData("{\"c\":[1.0,1e-7]}", "1", 1e-6, true)]
    [InlineData("{\"c\":[3,4]}", "0", 5.1, true)]
    [InlineData("{\"c\":[3,4]}", "0", 5.0, false)]
    [InlineData("1", "{\"c\":[1.0,1e-7]}", 1e-6, true)]
    [InlineData("{\"c\":[1,{\"f\":\"nan\"}]}", "1", 1e9, false)]
    [InlineData("{\"m\":[\"0x1\",\"0x2\",\"0.5\"]}", "0.5", 1.0, false)] // Decimal - float raises
    [InlineData("0.5", "{\"m\":[\"0x1\",\"0x2\",\"0.5\"]}", 1.0, false)]
    [InlineData("{\"m\":[\"0x1\",\"0x2\",\"0.5\"]}", "{\"q\":[\"0x1\",\"0x2\"]}", 1.0, false)]
    [InlineData("{\"m\":[\"0x1\",\"0x2\",\"0.5\"]}", "{\"c\":[0,1]}", 9.0, false)]
    [InlineData("{\"m\":[\"0x3\",\"0xa\",\"0.3\"]}", "{\"m\":[\"0x5\",\"0x2\",\"2.5\"]}", 2.3, true)]
    [InlineData("{\"m\":[\"0x3\",\"0xa\",\"0.3\"]}", "1", 0.8, true)]
    [InlineData("{\"m\":[\"Infinity\"]}", "1", 1e300, false)]
    [InlineData("{\"q\":[\"0x1\",\"0x3\"]}", "{\"q\":[\"0x1\",\"0x3\"]}", 1e-300, true)]
    [InlineData("{\"q\":[\"0x1\",\"0x3\"]}", "0.3333333333333333", 1e-16, true)]
    [InlineData("{\"i\":\"0x20000000000001\"}", "9007199254740992", 1.5, true)]
    [InlineData("{\"i\":\"0x20000000000001\"}", "9007199254740992", 1.0, false)]
    [InlineData("true", "1", 1e-9, true)]
    [InlineData("\"1\"", "1", 1e-9, false)]
    [InlineData("[1]", "1", 1e-9, false)]
    public void A_tolerance_is_Pythons(string answer, string wanted, double tolerance, bool near) =>
        PyValue.Parse(answer).IsNear(PyValue.Parse(wanted), tolerance, strict: true).Should().Be(near);

    [Fact]
    public void The_order_is_total_and_its_equality_is_that_of_values()
    {
        string[] values = ["null", "true", "1", "1.0", "0.5", "{\"q\":[\"0x1\",\"0x2\"]}", "{\"q\":[\"0x1\",\"0x3\"]}", "{\"m\":[\"0x1\",\"0x3\",\"x\"]}",
            "1e300", "{\"i\":\"0x7fffffffffffffffffffffffff\"}", "{\"f\":\"inf\"}", "{\"f\":\"-inf\"}", "{\"f\":\"nan\"}", "-5e-324", "{\"c\":[1,0]}",
            "{\"c\":[1,2]}", "{\"c\":[0,2]}", "\"a\"", "\"b\"", "{\"b\":\"00\"}", "[]", "[1]", "[2]", "{\"t\":[1]}", "{\"s\":[1,2]}", "{\"z\":[2,1]}",
            "{\"d\":[[1,2]]}", "{\"d\":[[2,1]]}", "{\"o\":\"x\"}"];
        Gen.Int[0, values.Length - 1].Select(i => PyValue.Parse(values[i])).Array[3].Sample(v =>
        {
            var (a, b, c) = (v[0], v[1], v[2]);
            Math.Sign(PyOrder.Compare(a, b)).Should().Be(-Math.Sign(PyOrder.Compare(b, a)));
            if (PyOrder.Compare(a, b) <= 0 && PyOrder.Compare(b, c) <= 0)
            {
                PyOrder.Compare(a, c).Should().BeLessThanOrEqualTo(0);
            }

            a.Equals(b).Should().Be(PyOrder.Compare(a, b) == 0 && a.Equals(a));
        }, iter: 5_000);
    }

    [Fact]
    public void Chosen_numbers_do_not_collide_in_sets()
    {
        // All of these round to the same double: a hash of that double would make the set quadratic.
        var json = "{\"s\":[" + string.Join(',', Enumerable.Range(0, 200_000).Select(i => ((1L << 61) + i).ToString())) + "]}";

        PyValue.Parse(json).Items.Should().HaveCount(200_000);
    }
}
