using System.Globalization;
using Ra3.Corpora;
using Ra3.Models;
using Ra3.Models.Tokenizers;
using Ra3.PostTraining.Tasks;
using Ra3.Training;
using Ra3.Training.Runs;
using TorchSharp;

namespace Ra3.Tests;

/// <summary>What the libraries write is the same bytes under every culture, and reads back.</summary>
public sealed class CultureTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("ra3-cultures-").FullName;
    private readonly CultureInfo before = CultureInfo.CurrentCulture;

    public void Dispose()
    {
        CultureInfo.CurrentCulture = before;
        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public void The_cultures_are_real()
    {
        0.5.ToString(Culture("de-DE")).Should().Be("0,5");
        (-1).ToString(Culture("sv-SE")).Should().Be("\u22121");
        "I".ToLower(Culture("tr-TR")).Should().Be("\u0131");
    }

    [Theory]
    [InlineData("de-DE")] // a decimal comma
    [InlineData("sv-SE")] // another minus sign
    [InlineData("tr-TR")] // another lower case of I
    [InlineData("ar-SA")] // another calendar
    [InlineData("th-TH")]
    public void Files_are_the_same_under_every_culture(string culture)
    {
        var wanted = Written(CultureInfo.InvariantCulture);

        Written(Culture(culture)).Should().Equal(wanted);
    }

    /// <summary>A real culture; where the system has none, because it runs without libicu, the calling test is skipped.</summary>
    private static CultureInfo Culture(string name)
    {
        try
        {
            return CultureInfo.GetCultureInfo(name);
        }
        catch (CultureNotFoundException)
        {
            Assert.Skip("needs real cultures: libicu, and no DOTNET_SYSTEM_GLOBALIZATION_INVARIANT");
            throw;
        }
    }

    /// <summary>Name and content of every file that the libraries write, made and read under a culture.</summary>
    private Dictionary<string, string> Written(CultureInfo culture)
    {
        CultureInfo.CurrentCulture = culture;
        var folder = Directory.CreateDirectory(Path.Combine(root, culture.Name + "-")).FullName;
        string In(string name) => Path.Combine(folder, name);
        var tokenizer = Tokenizer.Train(["def f(x):\n    return x * 1.5\n", "class INIT:\n    pass\n"], 280);
        var config = new ModelConfig
        {
            Family = ModelFamily.Llama,
            VocabularySize = tokenizer.VocabularySize,
            HiddenSize = 16,
            IntermediateSize = 32,
            Layers = 1,
            Heads = 2,
            KeyValueHeads = 1,
            HeadSize = 8,
            TieEmbeddings = true,
            RopeTheta = 12345.5,
            RmsNormEpsilon = 1e-6,
            InitializerRange = 0.02,
            EosTokenIds = [tokenizer.EndOfText!.Value],
        };
        using (var decoder = Decoder.Create(config, 1, torch.ScalarType.Float32, torch.CPU))
        using (var optimizer = new AdamW(decoder, new OptimizerOptions()))
        {
            Checkpoint.Save(In("checkpoint"), decoder, tokenizer, optimizer, new TrainingState(3, -4, 0.25));
            ModelFolder.Save(In("model"), decoder, tokenizer);
        }

        var (loaded, loadedTokenizer) = ModelFolder.Load(In("model"), torch.ScalarType.Float32, torch.CPU, trainable: true);
        using (loaded)
        using (var optimizer = new AdamW(loaded, new OptimizerOptions()))
        {
            loaded.Config.RopeTheta.Should().Be(config.RopeTheta);
            Checkpoint.Load(In("checkpoint"), loaded, optimizer).Seconds.Should().Be(0.25);
        }

        using (var run = RunFolder.Create(In("run"), "rate: 0.5\n"))
        {
            run.Log(1, ("loss", 1.5), ("reward", -0.25));
        }

        RunFolder.Resume(In("run"), 1).Dispose();
        RunFolder.ReadMetrics(In("run"))[0].Values["reward"].Should().Be(-0.25);
        File.Delete(In("run/run.json")); // says when, and by which command
        Directory.Delete(In("run/tensorboard"), recursive: true);

        File.WriteAllText(In("corpus.jsonl"), """{"text": "x = -1", "score": 1.5}""" + "\n" + """{"CODE": 1}""");
        var reader = new CorpusReader([In("corpus.jsonl")]);
        TokenStore.Build(In("corpus.tokens"), reader.Read(), loadedTokenizer).Dispose();
        var tasks = new TaskFamily(new TaskOptions(), seed: -1);
        var texts = string.Concat(TaskCorpus.Pretraining(tasks, 50, "texts").Select(task => task.Id + task.Text));

        return Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
            .ToDictionary(file => Path.GetRelativePath(folder, file), file => Convert.ToHexString(File.ReadAllBytes(file)))
            .Append(new("report", reader.Report.ToString())).Append(new("tasks", texts)).ToDictionary();
    }
}
