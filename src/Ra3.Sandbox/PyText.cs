using System.Globalization;
using System.Numerics;
using System.Text;

namespace Ra3.Sandbox;

/// <summary>Values as a person reads them.</summary>
internal static class PyText
{
    private const int Most = 1000; // characters
    private const int MostBits = 4096; // of an integer: digits cost more than linear time

    /// <summary>The value much as Python would print it, cut after a thousand characters.</summary>
    public static string Of(PyValue value)
    {
        var text = new StringBuilder();
        Write(text, value);
        return text.Length > Most ? text.ToString(0, Most) + "…" : text.ToString();
    }

    private static void Write(StringBuilder text, PyValue value)
    {
        switch (value.Kind)
        {
            case PyKind.None:
                text.Append("None");
                break;
            case PyKind.Bool:
                text.Append(value.IsTrue ? "True" : "False");
                break;
            case PyKind.Int:
                text.Append(Digits(value.Integer));
                break;
            case PyKind.Float or PyKind.Fraction or PyKind.Decimal:
                text.Append(value.Payload is Quotient q
                    ? $"{Digits(q.Numerator)}/{Digits(q.Denominator)}"
                    : ((double)value.Payload!).ToString("R", CultureInfo.InvariantCulture));
                break;
            case PyKind.Str:
                var shown = (string)value.Payload!;
                text.Append('\'').Append(shown, 0, Math.Min(shown.Length, Most)).Append('\'');
                break;
            case PyKind.Bytes:
                var bytes = (byte[])value.Payload!;
                text.Append("b'").Append(Convert.ToHexString(bytes, 0, Math.Min(bytes.Length, Most))).Append('\'');
                break;
            case PyKind.List:
                WriteItems(text, "[", value, "]");
                break;
            case PyKind.Tuple:
                WriteItems(text, "(", value, value.Items.Count == 1 ? ",)" : ")");
                break;
            case PyKind.Set or PyKind.Dict:
                WriteItems(text, "{", value, "}");
                break;
            case PyKind.Opaque:
                text.Append('<').Append(value.Payload).Append('>');
                break;
            default:
                text.Append(value.Payload);
                break;
        }
    }

    private static void WriteItems(StringBuilder text, string open, PyValue value, string close)
    {
        text.Append(open);
        for (var i = 0; i < value.Items.Count && text.Length <= Most; i++)
        {
            text.Append(i == 0 ? "" : value.Kind == PyKind.Dict && i % 2 == 1 ? ": " : ", ");
            Write(text, value.Items[i]);
        }

        text.Append(close);
    }

    private static string Digits(BigInteger number) => number.GetBitLength() is > MostBits and var bits
        ? $"<an integer of {bits} bits>"
        : number.ToString(CultureInfo.InvariantCulture);
}
