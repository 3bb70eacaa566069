using CsCheck;
using Ra3.Corpora;

namespace Ra3.Tests.Corpora;

public sealed class PythonActionsTests
{
    [Fact]
    public void Actions_joined_are_the_text() => Gen.OneOf(TestData.Strings, TestData.Programs).Sample(source =>
    {
        var actions = PythonActions.Split(source);

        string.Concat(actions.Select(action => source.Substring(action.Start, action.Length))).Should().Be(source);
        actions.Should().OnlyContain(action => action.Length > 0);
    });

    [Fact]
    public void Every_action_is_one_line_and_the_blank_lines_around_it() => TestData.Strings.Sample(source =>
    {
        var actions = PythonActions.Split(source);
        foreach (var action in actions)
        {
            var lines = LinesOf(source.Substring(action.Start, action.Length));
            var written = lines.Where(line => !string.IsNullOrWhiteSpace(line)).ToList();
            (written.Count == 1 || (actions.Length == 1 && written.Count == 0)).Should().BeTrue();
            (action.Start == 0 || !string.IsNullOrWhiteSpace(lines[0])).Should().BeTrue("only the first action has leading blank lines");
            written.Should().OnlyContain(line => line.TrimStart('\ufeff').StartsWith(action.Indent));
        }
    });

    [Theory]
    [InlineData("a\nb\nc\nd\n", "nnyy")] // never before the first two lines: shebang, encoding
    [InlineData("a\n\nc\nd", "nyy")] // the second line is blank and belongs to the first
    [InlineData("\n\n\na\nb\n", "ny")] // leading blank lines belong to the first action
    [InlineData("a\nb\nx = '''\nin\n\n'''\nc\n", "nnynny")] // triple-quoted
    [InlineData("a\nb\nx = \"\"\"it's '''\n\"\"\"\nc\n", "nnyny")] // other quotes inside
    [InlineData("a\nb\nx = '''\\'''\n'''\nc\n", "nnyny")] // an escaped quote does not close
    [InlineData("a\nb\nx = r'''\\'''\n'''\nc\n", "nnyny")] // nor does it in a raw string
    [InlineData("a\nb\nx = 1 + \\\n  2\nc\n", "nnyny")] // backslash
    [InlineData("a\nb\nx = 1 + \\\r\n  2\r\nc\r\n", "nnyny")]
    [InlineData("a\nb\nx = 'a\\\nb'\nc\n", "nnyny")] // backslash inside a string
    [InlineData("a\nb\n# x \\\nc\n", "nnyy")] // a comment does not continue
    [InlineData("a\nb\nx = [\n  1,\n  2]\nc\n", "nnyyyy")] // brackets
    [InlineData("a\nb\nx = '#'\nc\n'''#'''\nd", "nnyyyy")] // no comments inside strings
    [InlineData("a\nb\n# it's\nc\n", "nnyy")] // no string inside a comment
    [InlineData("a\nb\nx = 'open\nc\nd\n", "nnyyy")] // a string that was never closed ends with its line
    [InlineData("a\nb\nx = '''open\nc\nd\n", "nnynn")]
    [InlineData("a\nb\nx = f'''{a\n}'''\nc\n", "nnyny")] // a replacement field
    [InlineData("a\nb\nx = f'{x['a']}'\nc\n", "nnyy")] // the string's own quotes inside a field (3.12)
    [InlineData("a\nb\nx = f'''{f'''{\n1}'''}'''\nc\n", "nnyny")]
    [InlineData("a\nb\nx = f'{[\n1]}'\nc\n", "nnyny")] // a field of several lines in a simple f-string (3.12)
    [InlineData("a\nb\nx = f'{{'\nc\n'''}}'''\nd", "nnyyyy")] // doubled braces
    [InlineData("a\nb\nx = f'\\N{DIGIT ONE}'\nc\n", "nnyy")]
    [InlineData("a\nb\nx = f'{a!r:>{w}}'\nc\n", "nnyy")] // a field in a format specification
    [InlineData("a\nb\nx = f'{a:{'x'}}'\nc\n", "nnyy")]
    [InlineData("a\nb\nx = f'{a:%H:%M}'\nc\n", "nnyy")]
    [InlineData("a\nb\nx = f'{a[1:2]}{ {1: 2}[1] }'\nc\n", "nnyy")]
    [InlineData("a\nb\nx = f'{(lambda y: y)(1)}'\nc\n", "nnyy")]
    [InlineData("a\nb\nx = f'''{a:\n}'''\nc\n", "nnyny")]
    [InlineData("a\nb\nx = f'''{a # '''\n}'''\nc\n", "nnyny")] // a comment in a field (3.12)
    [InlineData("a\nb\nx = Rb'''\n'''\nc\n", "nnyny")]
    [InlineData("a\nb\nx = bar'{'\nc\n", "nnyy")] // "bar" is no prefix
    [InlineData("a\nb\nx = rf'\\{a}'\nc\n", "nnyy")]
    [InlineData("a\nb\nx = t'''{a}\n'''\nc\n", "nnyny")] // template strings (3.14)
    [InlineData("a\nb\nx = '\u2028'\nc\n", "nnyy")] // no line end to Python
    [InlineData("a\rb\rc\rd", "nnyy")] // \r alone is one
    [InlineData("\ufeffa\nb\nc\n", "nny")]
    [InlineData("a\nb\n\fc\n", "nny")]
    public void Comments_are_allowed_where_Python_allows_them(string source, string allowed)
        => string.Concat(PythonActions.Split(source).Select(action => action.CommentAllowed ? 'y' : 'n')).Should().Be(allowed);

    [Theory]
    [InlineData("# a\nb # c\n    # d\n'''\n# e\n'''\n(\n# f\n)\nx = \\\n# g\n", "ynynnnnynnn")]
    [InlineData("\ufeff#!x\n\n\n", "y")]
    [InlineData("\n \n  # x\ny", "yn")]
    public void Whole_lines_of_comment_are_told_from_what_looks_like_them(string source, string comments)
        => string.Concat(PythonActions.Split(source).Select(action => action.IsComment ? 'y' : 'n')).Should().Be(comments);

    [Fact]
    public void The_indent_is_that_of_the_line_to_come()
    {
        PythonActions.Split("\n   \n  a\n\n\tb\n \f c\n\u3000d").Select(action => action.Indent).Should().Equal("  ", "\t", " \f ", "");
    }

    [Fact]
    public void An_empty_text_has_no_actions_and_a_blank_one_has_one()
    {
        PythonActions.Split("").Should().BeEmpty();
        PythonActions.Split(" \n\n\t").Should().Equal(new CodeAction(0, 4, "", CommentAllowed: false, IsComment: false));
    }

    [Fact]
    public void A_comment_that_is_put_in_leaves_all_else_as_it_was() => TestData.Programs.Sample(source =>
    {
        var before = PythonActions.Split(source);
        var comments = before.Count(action => action.CommentAllowed);
        var changed = Comments.Insert(source, before);
        var after = PythonActions.Split(changed);

        after.Should().HaveCount(before.Length + comments);
        after.Count(action => action.IsComment).Should().Be(before.Count(action => action.IsComment) + comments);
        after.Count(action => action.CommentAllowed).Should().Be(2 * comments);
    });

    private static List<string> LinesOf(string text) => [.. text.Replace("\r\n", "\n").Replace('\r', '\n').Split('\n')];
}

/// <summary>Puts a comment before every action that allows one.</summary>
internal static class Comments
{
    public static string Insert(string source, CodeAction[] actions) => string.Concat(actions.Select(action
        => (action.CommentAllowed ? action.Indent + "# it's \"\"\" ''' { \\\n" : "") + source.Substring(action.Start, action.Length)));
}
