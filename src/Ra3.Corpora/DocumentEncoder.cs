using System.Text;
using Ra3.Models.Tokenizers;

namespace Ra3.Corpora;

/// <summary>A text of a corpus.</summary>
/// <param name="Id">Where it came from: a path, and the line or row within it where the file holds many.</param>
/// <param name="Text">The text.</param>
public sealed record SourceDocument(string Id, string Text);

/// <summary>Turns source text into tokens, action by action (see <see cref="PythonActions"/> for when that equals encoding the whole).</summary>
public static class DocumentEncoder
{
    /// <summary>Encodes a document. Special tokens written out in the text stay ordinary text.</summary>
    public static EncodedDocument Encode(SourceDocument document, Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(document);
        ArgumentNullException.ThrowIfNull(tokenizer);
        var text = document.Text;
        var split = PythonActions.Split(text);
        var tokens = new List<int>(text.Length / 3);
        var openers = new Dictionary<string, int[]>();
        var actions = new EncodedAction[split.Length];
        for (var i = 0; i < split.Length; i++)
        {
            var action = split[i];
            if (!openers.TryGetValue(action.Indent, out var opener))
            {
                openers.Add(action.Indent, opener = tokenizer.Encode(action.Indent + "#"));
            }

            var span = text.AsSpan(action.Start, action.Length);
            var start = tokens.Count;
            tokenizer.Encode(span, tokens);
            actions[i] = new EncodedAction(start, tokens.Count - start, action.CommentAllowed, action.IsComment, opener, Encoding.UTF8.GetByteCount(span));
        }

        return new EncodedDocument(document.Id, [.. tokens], actions);
    }
}
