using CsCheck;
using Ra3.Corpora;

namespace Ra3.Tests.Corpora;

public sealed class OrderTests
{
    [Fact]
    public void Every_epoch_is_a_permutation() => Gen.Select(Gen.ULong, Gen.Int[1, 300], Gen.Int[0, 1000]).Sample((seed, count, epoch) =>
    {
        var order = new ShuffledOrder(seed, count);
        Enumerable.Range(0, count).Select(i => order.At(((long)epoch * count) + i)).Order().Should().Equal(Enumerable.Range(0, count).Select(i => (long)i));
    });

    [Fact]
    public void The_seed_decides_and_epochs_differ()
    {
        long[] Take(ulong seed, int epoch) => [.. Enumerable.Range(0, 100).Select(i => new ShuffledOrder(seed, 100).At((100 * epoch) + i))];

        Take(7, 0).Should().Equal(Take(7, 0));
        Take(7, 0).Should().NotEqual(Take(8, 0));
        Take(7, 0).Should().NotEqual(Take(7, 1));
    }

    [Fact]
    public void Elements_are_as_likely_at_one_place_as_at_another()
    {
        // 7 elements, 7,000 seeds: each should open the order 1,000 times, give or take 5 standard deviations (29 each).
        var first = new int[7];
        for (var seed = 0UL; seed < 7000; seed++)
        {
            first[new ShuffledOrder(seed, 7).At(0)]++;
        }

        first.Should().OnlyContain(count => count > 850 && count < 1150);
    }

    [Fact]
    public void Billions_of_elements_need_no_memory()
    {
        var order = new ShuffledOrder(1, 10_000_000_000);
        Enumerable.Range(0, 1000).Select(i => order.At(i)).Should().OnlyHaveUniqueItems().And.OnlyContain(element => element >= 0 && element < 10_000_000_000);
    }

    [Fact]
    public void A_split_gives_each_document_one_part_by_its_text()
    {
        CorpusPart[] parts = [new("pretrain", 8), new("midtrain", 1), new("heldout", 1)];
        var documents = Enumerable.Range(0, 3000).Select(i => new SourceDocument($"{i}.py", $"x = {i}")).ToList();
        var divided = new CorpusSplit(parts, seed: 5).Divide(documents);

        divided.Values.Sum(part => part.Count).Should().Be(3000);
        divided["pretrain"].Count.Should().BeInRange(2290, 2510);
        divided["midtrain"].Count.Should().BeInRange(220, 380);
        divided["heldout"].Select(document => int.Parse(document.Id[..^3])).Should().BeInAscendingOrder();
        new CorpusSplit(parts, seed: 5).PartOf(documents[0] with { Id = "elsewhere.py" }).Should().Be(new CorpusSplit(parts, seed: 5).PartOf(documents[0]));
        new CorpusSplit(parts, seed: 6).Divide(documents)["heldout"].Should().NotEqual(divided["heldout"]);
    }

    [Fact]
    public void A_split_needs_sound_parts()
    {
        FluentActions.Invoking(() => new CorpusSplit([])).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => new CorpusSplit([new("a", 0)])).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => new CorpusSplit([new("a", 1), new("a", 2)])).Should().Throw<ArgumentException>();
    }
}
