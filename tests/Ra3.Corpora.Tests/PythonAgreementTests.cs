using System.Diagnostics;
using System.Text.Json;
using Ra3.Corpora;

namespace Ra3.Tests.Corpora;

/// <summary>
/// The lexer against the interpreter, on a sample of the standard library (its tests too, which hold the odd cases). The whole of it was
/// compared when the lexer was written: 11,654 files of Python 3.11 with packages (3.1M actions) and 1,723 of 3.13 without (0.76M), no disagreement.
/// </summary>
public sealed class PythonAgreementTests
{
    /// <summary>Reads [source, with comments, flags of the first line of each action] and answers what is wrong, if anything.</summary>
    private const string Judge = """
        import ast, io, json, sys, token, tokenize, warnings
        warnings.simplefilter('ignore')
        for line in sys.stdin:
            source, commented, lines, allowed = json.loads(line)
            try:
                tree = ast.dump(ast.parse(source))
            except (SyntaxError, ValueError):
                print('invalid'); continue
            try:
                if ast.dump(ast.parse(commented)) != tree:
                    print('the comments change the program'); continue
            except SyntaxError as error:
                print('the comments are not legal: %s' % error); continue
            text = source.replace('\r\n', '\n').replace('\r', '\n')
            inside, opened, last = set(), [], (1, 0)
            for t in tokenize.generate_tokens(io.StringIO(text).readline):
                if t.type == token.STRING: inside.update(range(t.start[0] + 1, t.end[0] + 1))
                elif t.type == getattr(token, 'FSTRING_START', -1): opened.append(t.start[0])
                elif t.type == getattr(token, 'FSTRING_END', -1): inside.update(range(opened.pop() + 1, t.end[0] + 1))
                if t.type in (token.INDENT, token.DEDENT, token.ENDMARKER): continue
                # Between two tokens there is a new line without a newline token only after a backslash.
                inside.update(range(last[0] + 1, t.start[0] + 1))
                last = (t.end[0] + 1, 0) if t.type in (token.NEWLINE, tokenize.NL) else t.end
            wrong = [n for n, a in zip(lines, allowed) if a != (n > 2 and n not in inside)]
            print('lines %s' % wrong if wrong else 'ok')
        """;

    [Fact]
    public void Comments_at_every_allowed_place_keep_the_program_and_the_other_places_are_the_interpreters_own()
    {
        PythonStandardLibrary library;
        try
        {
            library = PythonStandardLibrary.Find();
        }
        catch (FileNotFoundException error)
        {
            Assert.Skip(error.Message);
            return;
        }

        var corpus = new CorpusReader([library.Folder], new CorpusOptions { Exclude = path => path.Contains("site-packages", StringComparison.Ordinal) || (uint)path.Sum(c => c) % 23 != 0 });
        var documents = corpus.Read().Where(document => !document.Text.Contains('\0')).Take(60).ToList();
        var verdicts = Ask(documents.Select(document => Question(document.Text)));

        verdicts.Should().HaveCount(documents.Count);
        verdicts.Count(verdict => verdict == "ok").Should().BeGreaterThan(documents.Count / 2);
        documents.Zip(verdicts).Where(pair => pair.Second is not ("ok" or "invalid")).Select(pair => (pair.First.Id, pair.Second)).Should().BeEmpty();
    }

    private static string Question(string source)
    {
        var actions = PythonActions.Split(source);
        var line = 1;
        var lines = new List<int>();
        foreach (var action in actions)
        {
            lines.Add(line);
            line += source.Substring(action.Start, action.Length).Replace("\r\n", "\n").Count(c => c is '\n' or '\r');
        }

        return JsonSerializer.Serialize(new object[] { source, Comments.Insert(source, actions), lines, actions.Select(action => action.CommentAllowed) });
    }

    private static List<string> Ask(IEnumerable<string> questions)
    {
        using var python = Process.Start(new ProcessStartInfo("python3", ["-I", "-X", "utf8", "-c", Judge]) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!;
        var answers = python.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        foreach (var question in questions)
        {
            python.StandardInput.WriteLine(question);
        }

        python.StandardInput.Close();
        return [.. answers.GetAwaiter().GetResult().Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }
}
