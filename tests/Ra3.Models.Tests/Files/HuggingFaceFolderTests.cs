using System.Text.Json.Nodes;
using Ra3.Models;
using Ra3.Models.Files;
using Ra3.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Ra3.Tests.Files;

public sealed class HuggingFaceFolderTests : IDisposable
{
    private static readonly ModelConfig Config = RandomModel.Qwen2 with { TieEmbeddings = false, EosTokenIds = [1] };

    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData(5_000_000_000, 1)]
    [InlineData(4000, 5)]
    [InlineData(1, 27)]
    public void What_is_saved_is_loaded_bit_for_bit_in_one_file_or_in_shards(long maxShardBytes, int files)
    {
        var path = folder.At("model");
        var weights = Weights();

        HuggingFaceFolder.Save(path, Config, weights, maxShardBytes: maxShardBytes);

        Directory.GetFiles(path, "*.safetensors").Should().HaveCount(files);
        var config = ModelConfig.Load(path);
        config.Should().BeEquivalentTo(Config);
        Same(HuggingFaceFolder.LoadWeights(path, config), weights);
        Directory.GetDirectories(folder.Path).Should().Equal(path);
    }

    [Fact]
    public void A_sharded_folder_has_the_index_that_the_Python_loaders_read()
    {
        var path = folder.At("model");
        HuggingFaceFolder.Save(path, Config, Weights(), ScalarType.BFloat16, maxShardBytes: 4000);

        var index = JsonNode.Parse(File.ReadAllText(Path.Combine(path, "model.safetensors.index.json")))!;
        index["metadata"]!["total_size"]!.GetValue<long>().Should().Be(2 * Config.ParameterCount());
        var map = index["weight_map"]!.AsObject();
        map.Select(item => item.Key).Should().BeEquivalentTo(Config.ParameterShapes().Select(parameter => parameter.Name));
        map.Select(item => item.Value!.GetValue<string>()).Distinct().Order().Should()
            .Equal("model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors");
        using var file = SafetensorsFile.Open(Path.Combine(path, map["model.norm.weight"]!.GetValue<string>()));
        file.Entries.Should().ContainKey("model.norm.weight");
        JsonNode.Parse(File.ReadAllText(Path.Combine(path, "config.json")))!["torch_dtype"]!.GetValue<string>()
            .Should().Be("bfloat16");
        JsonNode.Parse(File.ReadAllText(Path.Combine(path, "generation_config.json")))!["eos_token_id"]!.GetValue<int>()
            .Should().Be(1);
    }

    [Fact]
    public void Weights_are_converted_where_a_type_is_asked_for()
    {
        var path = folder.At("model");
        var weights = Weights();
        HuggingFaceFolder.Save(path, Config, weights, ScalarType.BFloat16);

        var loaded = HuggingFaceFolder.LoadWeights(path, Config, ScalarType.Float32);

        Same(loaded, weights.ToDictionary(
            item => item.Key, item => item.Value.to(ScalarType.BFloat16).to(ScalarType.Float32)));
    }

    [Fact]
    public void A_tied_head_may_be_stored_twice_and_old_frequencies_are_passed_over()
    {
        var path = folder.At("model");
        var tied = Config with { TieEmbeddings = true };
        var weights = Weights(tied);
        HuggingFaceFolder.Save(path, tied, weights);
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"];
        weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = ones(2);
        SafetensorsFile.Write(Path.Combine(path, "model.safetensors"), weights);

        HuggingFaceFolder.LoadWeights(path, tied).Keys.Should()
            .BeEquivalentTo(tied.ParameterShapes().Select(parameter => parameter.Name));
    }

    [Fact]
    public void A_stored_head_that_is_not_the_tied_embedding_is_refused()
    {
        var path = folder.At("model");
        var tied = Config with { TieEmbeddings = true };
        var weights = Weights(tied);
        HuggingFaceFolder.Save(path, tied, weights);
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"].neg();
        SafetensorsFile.Write(Path.Combine(path, "model.safetensors"), weights);

        FluentActions.Invoking(() => HuggingFaceFolder.LoadWeights(path, tied)).Should().Throw<InvalidDataException>()
            .WithMessage($"{path}*tie_word_embeddings*lm_head.weight is not the embedding*");
    }

    [Theory]
    [InlineData(ScalarType.Int8)]
    [InlineData(ScalarType.Int32)]
    [InlineData(ScalarType.Bool)]
    public void Weights_of_whole_numbers_are_refused(ScalarType type)
    {
        var path = folder.At("model");
        var weights = Weights();
        HuggingFaceFolder.Save(path, Config, weights);
        weights["model.layers.1.mlp.up_proj.weight"] = weights["model.layers.1.mlp.up_proj.weight"].to_type(type);
        SafetensorsFile.Write(Path.Combine(path, "model.safetensors"), weights);

        Loading(path).Should().Throw<InvalidDataException>().WithMessage("*model.layers.1.mlp.up_proj.weight hold whole numbers*");
    }

    [Fact]
    public void Licences_templates_and_tokenizer_files_travel_along_and_others_do_not()
    {
        var (from, to) = (folder.At("base"), folder.At("model"));
        Directory.CreateDirectory(Path.Combine(from, "additional_chat_templates"));
        string[] travels = ["LICENSE", "NOTICE.txt", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", Path.Combine("additional_chat_templates", "tool_use.jinja")];
        foreach (var name in travels.Append("README.md").Append("pytorch_model.bin"))
        {
            File.WriteAllText(Path.Combine(from, name), name);
        }

        void Save() => HuggingFaceFolder.Save(to, Config, Weights(), addFiles: partial => HuggingFaceFolder.CopyCompanions(from, partial));
        Save();
        Save(); // a folder with such files may be replaced

        Directory.EnumerateFiles(to, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(to, file)).Should()
            .BeEquivalentTo(travels.Concat(["config.json", "generation_config.json", "model.safetensors"]));
    }

    [Fact]
    public void An_absent_head_points_to_the_tie()
    {
        var path = folder.At("model");
        var tied = Config with { TieEmbeddings = true };
        HuggingFaceFolder.Save(path, tied, Weights(tied));

        Loading(path).Should().Throw<InvalidDataException>()
            .WithMessage("*missing lm_head.weight*\"tie_word_embeddings\": true*");
    }

    [Fact]
    public void Missing_unexpected_and_misshapen_tensors_are_told_at_once()
    {
        var path = folder.At("model");
        var weights = Weights();
        HuggingFaceFolder.Save(path, Config, weights);
        weights.Remove("model.layers.1.mlp.up_proj.weight");
        weights["model.layers.2.mlp.up_proj.weight"] = ones(1);
        weights["model.norm.weight"] = ones(17);
        SafetensorsFile.Write(Path.Combine(path, "model.safetensors"), weights);

        Loading(path).Should().Throw<InvalidDataException>().WithMessage(
            $"{path}: the weights do not fit config.json: missing model.layers.1.mlp.up_proj.weight; "
            + "unexpected model.layers.2.mlp.up_proj.weight; misshapen model.norm.weight [17] (wanted [16]). *");
        var write = () => HuggingFaceFolder.Save(folder.At("other"), Config, weights);
        write.Should().Throw<ArgumentException>().WithMessage("*missing*unexpected*misshapen*");
        Directory.Exists(folder.At("other")).Should().BeFalse();
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Weights_that_are_not_finite_are_refused_by_name(double value)
    {
        var path = folder.At("model");
        var weights = Weights();
        weights["model.layers.0.mlp.up_proj.weight"][3, 2] = value;
        weights["model.layers.1.self_attn.q_proj.bias"][0] = value;
        HuggingFaceFolder.Save(path, Config, weights);

        Loading(path).Should().Throw<InvalidDataException>().WithMessage(
            "*NaN or infinite values in model.layers.0.mlp.up_proj.weight, model.layers.1.self_attn.q_proj.bias. *");
        Same(HuggingFaceFolder.LoadWeights(path, Config, requireFinite: false), weights);
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Finite_agrees_with_torch_wherever_the_bad_value_stands(ScalarType type)
    {
        // Largest and smallest magnitudes are finite; one NaN or infinity at any of 70 places (vectors and tail) is not.
        var values = ones(70, type);
        values[3] = finfo(type).max;
        values[4] = -finfo(type).max;
        values[5] = -0.0;
        values[6] = finfo(type).tiny;
        Finite.All(values).Should().BeTrue();
        for (var at = 0; at < 70; at++)
        {
            foreach (var bad in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
            {
                using var copy = values.clone();
                copy[at] = bad;
                Finite.All(copy).Should().BeFalse();
            }
        }
    }

    [Fact]
    public void A_folder_without_weights_says_what_is_missing()
    {
        var path = folder.At("model");
        HuggingFaceFolder.Save(path, Config, Weights(), maxShardBytes: 4000);
        File.Delete(Path.Combine(path, "model-00002-of-00005.safetensors"));
        Loading(path).Should().Throw<InvalidDataException>().WithMessage("*lacks model-00002-of-00005.safetensors*");

        File.WriteAllText(Path.Combine(path, "model.safetensors.index.json"), """{"weight_map":{"a":"../../etc/passwd"}}""");
        Loading(path).Should().Throw<InvalidDataException>().WithMessage("*\"../../etc/passwd\", which is no file of this folder*");

        File.WriteAllText(Path.Combine(path, "model.safetensors.index.json"), """{"weight_map":[]}""");
        Loading(path).Should().Throw<InvalidDataException>().WithMessage("*is no index of shards*");

        File.Delete(Path.Combine(path, "model.safetensors.index.json"));
        Loading(path).Should().Throw<InvalidDataException>().WithMessage("*has neither model.safetensors nor*");

        File.WriteAllText(Path.Combine(path, "pytorch_model.bin"), "");
        Loading(path).Should().Throw<InvalidDataException>().WithMessage("*pickled*convert*");

        var load = () => ModelConfig.Load(folder.At("nowhere"));
        load.Should().Throw<InvalidDataException>().WithMessage($"There is no folder {folder.At("nowhere")}*");
    }

    [Fact]
    public void A_failure_half_way_leaves_the_older_model_and_nothing_else()
    {
        var path = folder.At("model");
        var old = Weights();
        HuggingFaceFolder.Save(path, Config, old);

        var fail = () => HuggingFaceFolder.Save(
            path, Config, Weights(seed: 2), addFiles: _ => throw new IOException("No space left on device"));

        fail.Should().Throw<IOException>().WithMessage($"Could not write {path}: No space left on device*");
        Same(HuggingFaceFolder.LoadWeights(path, Config), old);
        Directory.GetFileSystemEntries(folder.Path).Should().Equal(path);
    }

    [Fact]
    public void A_model_replaces_an_older_one_but_nothing_else()
    {
        var path = folder.At("model");
        HuggingFaceFolder.Save(path, Config, Weights(), maxShardBytes: 4000);
        var fresh = Weights(seed: 2);

        HuggingFaceFolder.Save(
            path, Config, fresh, addFiles: inner => File.WriteAllText(Path.Combine(inner, "tokenizer.json"), "{}"));

        Same(HuggingFaceFolder.LoadWeights(path, Config), fresh);
        Directory.GetFiles(path).Select(Path.GetFileName).Order().Should()
            .Equal("config.json", "generation_config.json", "model.safetensors", "tokenizer.json");
        Directory.GetFileSystemEntries(folder.Path).Should().Equal(path);

        File.WriteAllText(Path.Combine(path, "thesis.tex"), "years of work");
        var save = () => HuggingFaceFolder.Save(path, Config, fresh);
        save.Should().Throw<IOException>().WithMessage("*thesis.tex*");
        File.Exists(Path.Combine(path, "thesis.tex")).Should().BeTrue();
    }

    [Fact]
    public void What_a_killed_writer_left_is_swept_or_restored()
    {
        var path = folder.At("model");
        var weights = Weights();
        HuggingFaceFolder.Save(path, Config, weights);
        Directory.Move(path, path + ".old");
        Directory.CreateDirectory(path + ".partial");
        File.WriteAllText(Path.Combine(path + ".partial", "config.json"), "{");

        var fail = () => AtomicWrite.Folder(path, _ => throw new IOException("again"));

        fail.Should().Throw<IOException>();
        Same(HuggingFaceFolder.LoadWeights(path, Config), weights);
        Directory.GetFileSystemEntries(folder.Path).Should().Equal(path);
    }

    [Fact]
    public void A_model_set_aside_by_a_killed_writer_loads()
    {
        var path = folder.At("model");
        var weights = Weights();
        foreach (var load in new Action[] { () => ModelConfig.Load(path), () => Same(HuggingFaceFolder.LoadWeights(path, Config), weights) })
        {
            HuggingFaceFolder.Save(path, Config, weights);
            Directory.Move(path, path + ".old");
            load();
            Directory.GetFileSystemEntries(folder.Path).Should().Equal(path);
        }
    }

    [Fact]
    public void Generation_config_wins_on_what_ends_a_text()
    {
        var path = folder.At("model");
        HuggingFaceFolder.Save(path, Config, Weights(), generationConfig: """{"eos_token_id":[5,6]}""");

        ModelConfig.Load(path).EosTokenIds.Should().Equal(5, 6);

        File.WriteAllText(Path.Combine(path, "generation_config.json"), """{"eos_token_id":99}""");
        var load = () => ModelConfig.Load(path);
        load.Should().Throw<InvalidDataException>().WithMessage("*generation_config.json: eos_token_id is 99, outside*23.");
    }

    [Fact]
    public void Loading_leaves_only_the_weights_behind()
    {
        var path = folder.At("model");
        HuggingFaceFolder.Save(path, Config, Weights());
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        var weights = HuggingFaceFolder.LoadWeights(path, Config, ScalarType.BFloat16);

        (DisposeScopeManager.Statistics.ThreadTotalLiveCount - before).Should().Be(weights.Count);
        foreach (var tensor in weights.Values)
        {
            tensor.Dispose();
        }
    }

    private static Dictionary<string, Tensor> Weights(ModelConfig? config = null, ulong seed = 1) => RandomModel.Tensors(
        config ?? Config, RandomModel.Weights(config ?? Config, seed), ScalarType.Float32);

    private static Action Loading(string path) => () => HuggingFaceFolder.LoadWeights(path, Config);

    private static void Same(Dictionary<string, Tensor> actual, Dictionary<string, Tensor> wanted)
    {
        actual.Keys.Should().BeEquivalentTo(wanted.Keys);
        foreach (var (name, tensor) in actual)
        {
            tensor.dtype.Should().Be(wanted[name].dtype);
            tensor.shape.Should().Equal(wanted[name].shape);
            tensor.bytes.SequenceEqual(wanted[name].bytes).Should().BeTrue(name);
        }
    }
}
