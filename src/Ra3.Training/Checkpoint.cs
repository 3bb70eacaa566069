using System.Text.Json;
using Ra3.Models;
using Ra3.Models.Files;
using Ra3.Models.Tokenizers;

namespace Ra3.Training;

/// <summary>How far a training phase has come.</summary>
/// <param name="Step">Optimizer steps done; the data order is a function of it.</param>
/// <param name="Tokens">Tokens trained on so far.</param>
/// <param name="Seconds">Time spent so far, over all sittings.</param>
public sealed record TrainingState(long Step, long Tokens, double Seconds)
{
    /// <summary>Updates of the optimizer, as the checkpoint holds it: an E-step's iteration may make none or several.</summary>
    public long Updates { get; init; }
}

/// <summary>
/// A checkpoint is a Hugging Face model folder with the optimizer's moments (optimizer.safetensors) and the
/// <see cref="TrainingState"/> (training.json) beside the weights, made whole by a rename.
/// </summary>
public static class Checkpoint
{
    private const string OptimizerFile = "optimizer.safetensors";
    private const string StateFile = "training.json";

    /// <summary>Whether a checkpoint lies in the folder.</summary>
    public static bool Exists(string folder) =>
        AtomicWrite.FolderExists(folder) && File.Exists(Path.Combine(folder, StateFile));

    /// <summary>How far the checkpoint in the folder has come.</summary>
    /// <exception cref="InvalidDataException">The file is torn.</exception>
    public static TrainingState ReadState(string folder)
    {
        _ = AtomicWrite.FolderExists(folder);
        try
        {
            return JsonSerializer.Deserialize<TrainingState>(File.ReadAllText(Path.Combine(folder, StateFile))) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{folder}/{StateFile} is damaged: delete the folder to begin this phase again.", e);
        }
    }

    /// <summary>Replaces the checkpoint in the folder.</summary>
    /// <exception cref="IOException">Writing failed (a full disk, say); the checkpoint before it is untouched.</exception>
    /// <exception cref="InvalidDataException">The weights hold NaN or infinity; the checkpoint before them is untouched.</exception>
    public static void Save(string folder, Decoder decoder, Tokenizer tokenizer, AdamW optimizer, TrainingState state)
    {
        foreach (var (name, weight) in decoder.Parameters)
        {
            using var scope = TorchSharp.torch.NewDisposeScope();
            if (!Finite.All(weight.detach().cpu().contiguous()))
            {
                throw new InvalidDataException(
                    $"After step {state.Step} the weights are not finite (NaN or infinity in {name}), so they were not saved. "
                    + "Resume from the last checkpoint with a lower learning rate.");
            }
        }

        AtomicWrite.Folder(folder, partial =>
        {
            HuggingFaceFolder.Write(partial, decoder.Config, decoder.Parameters);
            tokenizer.Save(partial);
            SafetensorsFile.Write(Path.Combine(partial, OptimizerFile), optimizer.State);
            File.WriteAllText(Path.Combine(partial, StateFile), JsonSerializer.Serialize(state with { Updates = optimizer.Steps }) + "\n");
        });
    }

    /// <summary>Brings a decoder and its optimizer to the state of the checkpoint, bit for bit.</summary>
    /// <exception cref="InvalidDataException">The checkpoint is torn or of another model; says what to do.</exception>
    public static TrainingState Load(string folder, Decoder decoder, AdamW optimizer)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        var state = ReadState(folder);
        using (TorchSharp.torch.no_grad())
        {
            foreach (var (name, weight) in HuggingFaceFolder.LoadWeights(folder, decoder.Config))
            {
                decoder.Parameters[name].copy_(weight);
                weight.Dispose();
            }
        }

        decoder.Changed();
        using var file = SafetensorsFile.Open(Path.Combine(folder, OptimizerFile));
        optimizer.Restore(file.Entries.Keys.ToDictionary(name => name, file.Read), state.Updates);
        return state;
    }
}
