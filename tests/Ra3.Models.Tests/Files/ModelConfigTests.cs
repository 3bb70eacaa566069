using System.Text.Json.Nodes;
using CsCheck;
using Ra3.Models;
using Ra3.Tests.Golden;

namespace Ra3.Tests.Files;

public sealed class ModelConfigTests
{
    // The keys of published config.json files that matter here, in the layout of their time.
    private const string Llama32 = """
        {"architectures":["LlamaForCausalLM"],"attention_bias":false,"bos_token_id":128000,"eos_token_id":128001,
        "head_dim":64,"hidden_act":"silu","hidden_size":2048,"initializer_range":0.02,"intermediate_size":8192,
        "max_position_embeddings":131072,"mlp_bias":false,"model_type":"llama","num_attention_heads":32,
        "num_hidden_layers":16,"num_key_value_heads":8,"pretraining_tp":1,"rms_norm_eps":1e-05,
        "rope_scaling":{"factor":32.0,"high_freq_factor":4.0,"low_freq_factor":1.0,"original_max_position_embeddings":8192,
        "rope_type":"llama3"},"rope_theta":500000.0,"tie_word_embeddings":true,"torch_dtype":"bfloat16","vocab_size":128256}
        """;

    private const string Qwen25 = """
        {"architectures":["Qwen2ForCausalLM"],"attention_dropout":0.0,"bos_token_id":151643,"eos_token_id":151643,
        "hidden_act":"silu","hidden_size":1536,"initializer_range":0.02,"intermediate_size":8960,
        "max_position_embeddings":32768,"max_window_layers":28,"model_type":"qwen2","num_attention_heads":12,
        "num_hidden_layers":28,"num_key_value_heads":2,"rms_norm_eps":1e-06,"rope_theta":1000000.0,"sliding_window":32768,
        "tie_word_embeddings":true,"torch_dtype":"bfloat16","use_sliding_window":false,"vocab_size":151936}
        """;

    private const string Qwen3 = """
        {"architectures":["Qwen3ForCausalLM"],"attention_bias":false,"bos_token_id":151643,"eos_token_id":[151645,151643],
        "head_dim":128,"hidden_act":"silu","hidden_size":1024,"intermediate_size":3072,"max_position_embeddings":40960,
        "max_window_layers":28,"model_type":"qwen3","num_attention_heads":16,"num_hidden_layers":28,"num_key_value_heads":8,
        "rms_norm_eps":1e-06,"rope_scaling":null,"rope_theta":1000000,"sliding_window":null,"tie_word_embeddings":true,
        "use_sliding_window":false,"vocab_size":151936}
        """;

    [Theory]
    [InlineData(Llama32, 1_235_814_400)]
    [InlineData(Qwen25, 1_543_714_304)]
    [InlineData(Qwen3, 596_049_920)]
    public void Published_models_have_their_published_number_of_parameters(string json, long parameters) =>
        ModelConfig.Parse(json).ParameterCount().Should().Be(parameters);

    [Fact]
    public void Every_value_of_a_published_config_is_read()
    {
        var config = ModelConfig.Parse(Llama32);

        config.Should().BeEquivalentTo(new ModelConfig
        {
            Family = ModelFamily.Llama,
            VocabularySize = 128256,
            HiddenSize = 2048,
            IntermediateSize = 8192,
            Layers = 16,
            Heads = 32,
            KeyValueHeads = 8,
            HeadSize = 64,
            RopeTheta = 500_000,
            RmsNormEpsilon = 1e-5,
            RopeScaling = new Llama3RopeScaling(32, 1, 4, 8192),
            MaxPositions = 131072,
            TieEmbeddings = true,
            BosTokenId = 128000,
            EosTokenIds = [128001],
            Other = new Dictionary<string, string> { ["pretraining_tp"] = "1" },
        });
        ModelConfig.Parse(Qwen3).EosTokenIds.Should().Equal(151645, 151643);
        ModelConfig.Parse(Qwen3).HeadSize.Should().Be(128);
        ModelConfig.Parse(Qwen25).QkvBias.Should().BeTrue();
    }

    [Fact]
    public void The_newer_layout_of_rope_keys_means_the_same()
    {
        var json = JsonNode.Parse(Llama32)!.AsObject();
        var rope = json["rope_scaling"]!.DeepClone().AsObject();
        rope["rope_theta"] = 500000.0;
        json.Remove("rope_scaling");
        json.Remove("rope_theta");
        json["rope_parameters"] = rope;
        json["dtype"] = "bfloat16";

        ModelConfig.Parse(json.ToJsonString()).Should().BeEquivalentTo(ModelConfig.Parse(Llama32));
    }

    [Theory]
    [InlineData(Llama32, "hidden_act", "\"gelu\"", "hidden_act is \"gelu\"")]
    [InlineData(Llama32, "mlp_bias", "true", "mlp_bias is true")]
    [InlineData(Llama32, "attention_bias", "true", "attention_bias is true")]
    [InlineData(Llama32, "model_type", "\"mistral\"", "model_type is \"mistral\"")]
    [InlineData(Llama32, "architectures", """["LlamaForSequenceClassification"]""", "LlamaForSequenceClassification")]
    [InlineData(Llama32, "rope_scaling", """{"type":"linear","factor":4.0}""", "rope_type \"linear\"")]
    [InlineData(Llama32, "rope_scaling", """{"rope_type":"llama3","factor":4.0}""", "rope_scaling.low_freq_factor is absent")]
    [InlineData(Llama32, "rope_parameters", """{"rope_type":"yarn","factor":4.0}""", "rope_type \"yarn\"")]
    [InlineData(Llama32, "rope_parameters", """{"rope_type":"default","rope_theta":500000.0}""", "rope_parameters and rope_scaling are both given and differ")]
    [InlineData(Qwen25, "rope_scaling", """{"rope_type":"default","rope_theta":10000}""", "rope_theta is 1000000 outside rope_scaling and 10000 in it")]
    [InlineData(Qwen25, "rope_parameters", """{"rope_theta":10000.0}""", "rope_theta is 1000000 outside rope_parameters and 10000 in it")]
    [InlineData(Qwen25, "rope_parameters", """{"rope_theta":10000.0,"full_attention":{"rope_type":"default"}}""", "rope_theta is 1000000 outside rope_parameters")]
    [InlineData(Qwen25, "rope_scaling", """{"rope_type":"default","type":"linear","factor":4.0}""", "rope_scaling.rope_type and rope_scaling.type are both given and differ")]
    [InlineData(Qwen25, "rope_scaling", """{"factor":8.0}""", "rope_scaling.factor is 8, but no rope_type")]
    [InlineData(Qwen25, "rope_parameters", """{"sliding_attention":{"rope_type":"default"}}""", "nothing for \"full_attention\"")]
    [InlineData(Qwen25, "rope_parameters", """{"full_attention":{"rope_type":"yarn","factor":4.0}}""", "rope_parameters.full_attention asks for rope_type \"yarn\"")]
    [InlineData(Llama32, "quantization_config", """{"bits":4}""", "quantization_config is {\"bits\":4}")]
    [InlineData(Llama32, "num_local_experts", "8", "num_local_experts is 8")]
    [InlineData(Llama32, "partial_rotary_factor", "0.5", "partial_rotary_factor is 0.5")]
    [InlineData(Llama32, "num_key_value_heads", "5", "num_attention_heads is 32, which num_key_value_heads, 5")]
    [InlineData(Llama32, "num_key_value_heads", "0", "num_key_value_heads is 0")]
    [InlineData(Llama32, "num_attention_heads", "0", "num_attention_heads is 0")]
    [InlineData(Llama32, "head_dim", "33", "head_dim is 33")]
    [InlineData(Llama32, "vocab_size", "\"many\"", "vocab_size is \"many\"")]
    [InlineData(Llama32, "vocab_size", "1e30", "vocab_size is 1e30")]
    [InlineData(Llama32, "vocab_size", "null", "vocab_size is absent")]
    [InlineData(Llama32, "rms_norm_eps", "-1", "rms_norm_eps is -1")]
    [InlineData(Llama32, "eos_token_id", "500000", "eos_token_id is 500000")]
    [InlineData(Llama32, "tie_word_embeddings", "1", "tie_word_embeddings is 1")]
    [InlineData(Qwen25, "layer_types", """["sliding_attention"]""", "layer_types is")]
    [InlineData(Qwen3, "attention_bias", "true", "attention_bias is true")]
    public void What_is_not_supported_is_refused_by_key_and_value(string json, string key, string value, string complaint)
    {
        var changed = JsonNode.Parse(json)!.AsObject();
        changed[key] = JsonNode.Parse(value);

        var parse = () => ModelConfig.Parse(changed.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }), "there/config.json");

        parse.Should().Throw<InvalidDataException>().WithMessage($"there/config.json: *{complaint}*.");
    }

    [Fact]
    public void Rope_of_transformers_5_is_read_flat_and_by_type_of_layer()
    {
        var json = JsonNode.Parse(Qwen25)!.AsObject();
        json.Remove("rope_theta");
        json["rope_parameters"] = JsonNode.Parse("""{"rope_type":"default","rope_theta":31000.0}""");
        ModelConfig.Parse(json.ToJsonString()).RopeTheta.Should().Be(31000);

        json["rope_parameters"] = JsonNode.Parse(
            """{"sliding_attention":{"rope_type":"default","rope_theta":1.0},"full_attention":{"rope_type":"default","rope_theta":32000.0}}""");
        ModelConfig.Parse(json.ToJsonString()).RopeTheta.Should().Be(32000);
    }

    [Fact]
    public void Both_forms_of_rope_are_read_where_they_say_the_same()
    {
        var json = JsonNode.Parse(Llama32)!.AsObject();
        json["rope_parameters"] = json["rope_scaling"]!.DeepClone();
        json["rope_parameters"]!["rope_theta"] = json["rope_theta"]!.DeepClone();

        ModelConfig.Parse(json.ToJsonString()).Should().BeEquivalentTo(ModelConfig.Parse(Llama32));
    }

    [Fact]
    public void Keys_that_mean_nothing_here_are_written_back_as_they_were()
    {
        var json = JsonNode.Parse(Llama32)!.AsObject();
        json["transformers_version"] = "4.45.0.dev0";
        json["attention_dropout"] = 0.1;
        json["task"] = JsonNode.Parse("""{"labels":[1,2.50]}""");

        var written = JsonNode.Parse(ModelConfig.Parse(json.ToJsonString()).ToJson())!;
        foreach (var key in new[] { "transformers_version", "attention_dropout", "task" })
        {
            written[key]!.ToJsonString().Should().Be(json[key]!.ToJsonString());
        }

        written.AsObject().Should().NotContainKey("rope_parameters");
    }

    [Fact]
    public void A_window_counts_only_where_a_layer_uses_it()
    {
        var json = JsonNode.Parse(Qwen25)!.AsObject();
        json["use_sliding_window"] = true;
        ModelConfig.Parse(json.ToJsonString()).Layers.Should().Be(28, "max_window_layers is 28: no layer is windowed");

        json["max_window_layers"] = 21;
        var parse = () => ModelConfig.Parse(json.ToJsonString());
        parse.Should().Throw<InvalidDataException>().WithMessage("*use_sliding_window is true with sliding_window 32768*");
    }

    [Fact]
    public void All_problems_are_told_at_once()
    {
        var parse = () => ModelConfig.Parse("""{"model_type":"llama","hidden_act":"relu","hidden_size":8}""");

        parse.Should().Throw<InvalidDataException>()
            .WithMessage("*hidden_act*num_attention_heads is absent*vocab_size is absent*num_hidden_layers is absent*");
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"model_type\":")]
    public void What_is_no_configuration_is_refused(string json)
    {
        var parse = () => ModelConfig.Parse(json, "there/config.json");

        parse.Should().Throw<InvalidDataException>().WithMessage("there/config.json*");
    }

    [Fact]
    public void Mutated_configurations_are_read_or_refused_in_a_sentence()
    {
        var values = new[] { "null", "true", "-1", "0", "1e400", "\"x\"", "[]", "{}", "[null]", "2147483648", "0.5" };
        var keys = JsonNode.Parse(Llama32)!.AsObject().Select(item => item.Key)
            .Concat(["rope_parameters", "layer_types", "num_experts", "use_sliding_window", "pad_token_id"]).ToArray();
        Gen.Select(Gen.OneOf(keys.Select(Gen.Const).ToArray()), Gen.OneOf(values.Select(Gen.Const).ToArray())).Array[1, 4].Sample(
            changes =>
            {
                var json = JsonNode.Parse(Llama32)!.AsObject();
                foreach (var (key, value) in changes)
                {
                    json[key] = JsonNode.Parse(value);
                }

                try
                {
                    ModelConfig.Parse(json.ToJsonString()).ParameterCount().Should().BePositive();
                }
                catch (InvalidDataException e)
                {
                    e.Message.Should().StartWith("config.json: ");
                }
            },
            iter: 2000, threads: 1);
    }

    [Theory]
    [InlineData(nameof(RandomModel.Llama))]
    [InlineData(nameof(RandomModel.Llama3))]
    [InlineData(nameof(RandomModel.Qwen2))]
    [InlineData(nameof(RandomModel.Qwen3))]
    public void What_is_written_is_read_back(string family)
    {
        var config = RandomModel.Config(family) with { BosTokenId = 1, EosTokenIds = [2, 3], PadTokenId = 0 };

        ModelConfig.Parse(config.ToJson("bfloat16")).Should().BeEquivalentTo(config);
    }

    [Fact]
    public void A_written_configuration_has_what_the_Python_loaders_look_for()
    {
        var json = JsonNode.Parse(ModelConfig.Parse(Llama32).ToJson("bfloat16"))!;

        json["architectures"]![0]!.GetValue<string>().Should().Be("LlamaForCausalLM");
        json["model_type"]!.GetValue<string>().Should().Be("llama");
        json["torch_dtype"]!.GetValue<string>().Should().Be("bfloat16");
        json["rope_theta"]!.ToJsonString().Should().Be("500000.0", "Python reads 500000 as an integer");
        json["rope_scaling"]!["factor"]!.ToJsonString().Should().Be("32.0");
        json["rope_scaling"]!["original_max_position_embeddings"]!.ToJsonString().Should().Be("8192");
        json["eos_token_id"]!.ToJsonString().Should().Be("128001");
    }

    [Fact]
    public void A_tokenizer_with_more_tokens_than_the_embedding_has_rows_is_refused()
    {
        var config = ModelConfig.Parse(Qwen25);
        config.RequireVocabulary(151_665);
        var require = () => config.RequireVocabulary(151_937);

        require.Should().Throw<InvalidDataException>().WithMessage("The tokenizer has 151937 tokens*only 151936 rows*");
    }

    [Fact]
    public void A_configuration_built_in_code_is_checked_the_same_way()
    {
        var validate = () => (RandomModel.Llama with { KeyValueHeads = 3, Layers = 0 }).Validate();

        validate.Should().Throw<ArgumentException>().WithMessage("num_hidden_layers is 0*num_key_value_heads, 3*");
    }
}
