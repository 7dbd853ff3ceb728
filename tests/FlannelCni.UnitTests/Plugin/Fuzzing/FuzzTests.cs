using System.Text;
using FlannelCni.TestKit.Fuzzing;

namespace FlannelCni.UnitTests.Plugin.Fuzzing;

/// <summary>A bounded run of every target; more of it by <c>./build.sh bench fuzz</c>.</summary>
public sealed class FuzzTests
{
    private const int Inputs = 3000;
    private const int Seed = 20;

    public static TheoryData<string> Targets => [.. FuzzTarget.All.Select(static target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void What_is_not_right_is_refused_in_order(string name)
    {
        FuzzTarget target = FuzzTarget.All.Single(target => target.Name == name);
        Mutator mutator = new(target.Corpus, Seed);

        for (int i = 0; i < Inputs; i++)
        {
            byte[] input = mutator.Next();
            string? complaint = target.Judge(input);
            Assert.True(complaint is null, $"input {i}: {complaint}\n{Encoding.UTF8.GetString(input)}");
        }
    }

    [Theory]
    [InlineData("stdin")]
    [InlineData("prev-result")]
    [InlineData("delegate-output")]
    [InlineData("scratch")]
    public void Any_value_may_be_of_any_other_type_or_come_twice(string name)
    {
        FuzzTarget target = FuzzTarget.All.Single(target => target.Name == name);
        int inputs = 0;
        foreach (byte[] seed in target.Corpus)
        {
            foreach (byte[] input in TypeSwaps.Of(seed))
            {
                inputs++;
                string? complaint = target.Judge(input);
                Assert.True(complaint is null, $"{complaint}\n{Encoding.UTF8.GetString(input)}");
            }
        }

        Assert.InRange(inputs, 100, 100_000);
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void The_corpus_itself_is_read(string name)
    {
        FuzzTarget target = FuzzTarget.All.Single(target => target.Name == name);

        Assert.NotEmpty(target.Corpus);
        Assert.All(target.Corpus, seed => Assert.Null(target.Judge(seed)));
    }
}
