using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Text;
using Ra3.Models.Files;
using Ra3.Models.Tokenizers;

namespace Ra3.Corpora;

/// <summary>
/// Encoded documents in one file on disk, mapped into memory: corpora of billions of tokens open at once and cost no memory but their index
/// (32 bytes a document). Reading is safe from several threads; disposing while spans are in use is not.
/// </summary>
public sealed unsafe class TokenStore : IDisposable
{
    private readonly MemoryMappedFile file;
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* origin;
    private readonly TokenStoreFormat.Document[] documents;
    private readonly int[][] openers;
    private bool disposed;

    private TokenStore(string path, Tokenizer tokenizer)
    {
        var length = new FileInfo(path).Length;
        if (length < TokenStoreFormat.FrameBytes)
        {
            throw Torn(path);
        }

        file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, 0, MemoryMappedFileAccess.Read);
        view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref origin);
        try
        {
            var trailer = *(TokenStoreFormat.Trailer*)(origin + length - sizeof(TokenStoreFormat.Trailer));
            if (*(ulong*)origin != TokenStoreFormat.Magic || trailer.Magic != TokenStoreFormat.Magic || trailer.FileBytes != length)
            {
                throw Torn(path);
            }

            if (!Encoding.ASCII.GetBytes(tokenizer.Fingerprint).AsSpan().SequenceEqual(new Span<byte>(origin + sizeof(ulong), TokenStoreFormat.FingerprintBytes)))
            {
                throw new InvalidDataException($"{path} was encoded with another tokenizer; delete it and build it again with this one.");
            }

            (TotalTokens, TotalBytes) = (trailer.Tokens, trailer.Bytes);
            documents = new ReadOnlySpan<TokenStoreFormat.Document>(origin + trailer.Index, checked((int)trailer.Documents)).ToArray();
            openers = TokenStoreFormat.ReadOpeners(new ReadOnlySpan<int>(origin + trailer.Openers, (int)((trailer.Index - trailer.Openers) / sizeof(int))));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Documents.</summary>
    public int Count => documents.Length;

    /// <summary>Tokens of all documents.</summary>
    public long TotalTokens { get; }

    /// <summary>UTF-8 bytes of all documents.</summary>
    public long TotalBytes { get; }

    /// <summary>A document, its arrays new.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such document.</exception>
    public EncodedDocument this[int document]
    {
        get
        {
            var entry = Entry(document);
            var actions = new EncodedAction[entry.Actions];
            var start = 0;
            var stored = new ReadOnlySpan<TokenStoreFormat.Action>(origin + entry.Offset + ((long)entry.Tokens * sizeof(int)), entry.Actions);
            for (var i = 0; i < actions.Length; i++)
            {
                var (tokens, bytes, opener, commentAllowed, isComment) = stored[i].Parts;
                actions[i] = new EncodedAction(start, tokens, commentAllowed, isComment, openers[opener], bytes);
                start += tokens;
            }

            return new EncodedDocument(Id(entry), TokensOf(document).ToArray(), actions);
        }
    }

    /// <summary>Builds a store of documents, in their order. The file appears whole or not at all.</summary>
    /// <param name="path">The file to write; an old one is replaced.</param>
    /// <param name="documents">The documents; those without any text are left out.</param>
    /// <param name="tokenizer">The tokenizer, which must also be given to open the store.</param>
    /// <param name="progress">Told the documents done so far, after each; null for none.</param>
    /// <exception cref="IOException">The disk is full or the path cannot be written.</exception>
    public static TokenStore Build(string path, IEnumerable<SourceDocument> documents, Tokenizer tokenizer, Action<long>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(documents);
        ArgumentNullException.ThrowIfNull(tokenizer);
        return Build(path, documents.Select(document => DocumentEncoder.Encode(document, tokenizer)), tokenizer, progress);
    }

    /// <summary>As above, from documents that are encoded already.</summary>
    public static TokenStore Build(string path, IEnumerable<EncodedDocument> documents, Tokenizer tokenizer, Action<long>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(documents);
        ArgumentNullException.ThrowIfNull(tokenizer);
        TokenStoreFormat.Write(path, documents, tokenizer.Fingerprint, progress);
        return Open(path, tokenizer);
    }

    /// <summary>Opens a store.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is torn, or was encoded with another tokenizer.</exception>
    public static TokenStore Open(string path, Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return File.Exists(path) ? new TokenStore(path, tokenizer) : throw new FileNotFoundException($"There is no token store {path}.", path);
    }

    /// <summary>
    /// Opens the store of a corpus in a folder, or builds it there when files (by path, size and time), options or tokenizer are not those
    /// of any store in it.
    /// </summary>
    public static TokenStore OpenOrBuild(string folder, CorpusReader corpus, Tokenizer tokenizer, Action<long>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(corpus);
        ArgumentNullException.ThrowIfNull(tokenizer);
        var path = Path.Combine(folder, $"{ContentHash.Of(tokenizer.Fingerprint + corpus.Fingerprint()):x32}.tokens");
        return File.Exists(path) ? Open(path, tokenizer) : Build(path, corpus.Read(), tokenizer, progress);
    }

    /// <summary>The tokens of a document, in the mapped file itself: good until the store is disposed.</summary>
    public ReadOnlySpan<int> TokensOf(int document)
    {
        var entry = Entry(document);
        return new ReadOnlySpan<int>(origin + entry.Offset, entry.Tokens);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            file.Dispose();
        }
    }

    private TokenStoreFormat.Document Entry(int document)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return (uint)document < (uint)documents.Length
            ? documents[document]
            : throw new ArgumentOutOfRangeException(nameof(document), document, $"The store holds {Count} documents.");
    }

    private string Id(TokenStoreFormat.Document entry)
    {
        var offset = entry.Offset + ((long)entry.Tokens * sizeof(int)) + ((long)entry.Actions * sizeof(TokenStoreFormat.Action));
        return Encoding.UTF8.GetString(new ReadOnlySpan<byte>(origin + offset, entry.IdBytes));
    }

    private static InvalidDataException Torn(string path)
        => new($"{path} is not a whole token store (it was cut short or is of another kind); delete it and it is built again.");
}

/// <summary>
/// The file: a magic number and the tokenizer's fingerprint; for each document its tokens (int32), actions and id; the openers; the index of
/// documents; a trailer that says where they are. Little-endian, everything on 4-byte boundaries (the index on 8).
/// </summary>
internal static class TokenStoreFormat
{
    public const ulong Magic = 0x31534E454B4F5401;
    public const int FingerprintBytes = 32;
    public const int HeaderBytes = sizeof(ulong) + FingerprintBytes;
    public static readonly int FrameBytes = HeaderBytes + Marshal.SizeOf<Trailer>();

    /// <summary>Makes the file, whole or not at all.</summary>
    public static void Write(string path, IEnumerable<EncodedDocument> documents, string fingerprint, Action<long>? progress)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        AtomicWrite.File(path, stream => Write(stream, documents, fingerprint, progress));
    }

    public static int[][] ReadOpeners(ReadOnlySpan<int> stored)
    {
        var openers = new int[stored[0]][];
        stored = stored[1..];
        for (var i = 0; i < openers.Length; i++)
        {
            openers[i] = stored[1..(1 + stored[0])].ToArray();
            stored = stored[(1 + stored[0])..];
        }

        return openers;
    }

    private static void Write(Stream stream, IEnumerable<EncodedDocument> documents, string fingerprint, Action<long>? progress)
    {
        var index = new List<Document>();
        var openers = new List<int[]>();
        var openerIds = new Dictionary<string, int>();
        var known = new Dictionary<int[], int>();
        var trailer = default(Trailer);
        stream.Write(MemoryMarshal.AsBytes([Magic]));
        stream.Write(Encoding.ASCII.GetBytes(fingerprint));
        foreach (var document in documents)
        {
            if (document.Tokens.Length == 0)
            {
                continue;
            }

            known.Clear();
            var id = Encoding.UTF8.GetBytes(document.Id);
            index.Add(new Document { Offset = stream.Position, Tokens = document.Tokens.Length, Actions = document.Actions.Length, IdBytes = id.Length });
            stream.Write(MemoryMarshal.AsBytes(document.Tokens.AsSpan()));
            foreach (var action in document.Actions)
            {
                stream.Write(MemoryMarshal.AsBytes([new Action(action, OpenerId(action.Opener))]));
            }

            stream.Write(id);
            Align(stream, sizeof(int));
            trailer.Tokens += document.Tokens.Length;
            trailer.Bytes += document.ByteLength;
            progress?.Invoke(index.Count);
        }

        trailer.Openers = stream.Position;
        stream.Write(MemoryMarshal.AsBytes([openers.Count]));
        foreach (var opener in openers)
        {
            stream.Write(MemoryMarshal.AsBytes([opener.Length, .. opener]));
        }

        Align(stream, sizeof(long));
        (trailer.Index, trailer.Documents) = (stream.Position, index.Count);
        stream.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(index)));
        (trailer.FileBytes, trailer.Magic) = (stream.Position + Marshal.SizeOf<Trailer>(), Magic);
        stream.Write(MemoryMarshal.AsBytes([trailer]));

        int OpenerId(int[] opener)
        {
            // Actions of one document share their openers, so most are known by reference.
            if (!known.TryGetValue(opener, out var id))
            {
                known.Add(opener, id = NewOpenerId(opener));
            }

            return id;
        }

        int NewOpenerId(int[] opener)
        {
            var key = string.Join(' ', opener);
            if (!openerIds.TryGetValue(key, out var id))
            {
                openerIds.Add(key, id = openers.Count);
                openers.Add(opener);
            }

            return id;
        }
    }

    private static void Align(Stream stream, int boundary)
    {
        while (stream.Position % boundary != 0)
        {
            stream.WriteByte(0);
        }
    }

    internal struct Document
    {
        public long Offset;
        public int Tokens;
        public int Actions;
        public int IdBytes;
        public int Reserved;
    }

    internal readonly struct Action(EncodedAction action, int opener)
    {
        private readonly int tokens = action.Length;
        private readonly int bytes = action.ByteLength;
        private readonly int flags = (opener << 2) | (action.CommentAllowed ? 1 : 0) | (action.IsComment ? 2 : 0);

        public (int Tokens, int Bytes, int Opener, bool CommentAllowed, bool IsComment) Parts
            => (tokens, bytes, flags >> 2, (flags & 1) != 0, (flags & 2) != 0);
    }

    internal struct Trailer
    {
        public long Openers;
        public long Index;
        public long Documents;
        public long Tokens;
        public long Bytes;
        public long FileBytes;
        public ulong Magic;
    }
}
