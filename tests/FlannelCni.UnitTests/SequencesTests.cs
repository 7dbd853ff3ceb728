using FsCheck;
using FsCheck.Fluent;

namespace FlannelCni.UnitTests;

/// <summary>Our operators give what LINQ's give.</summary>
public sealed class SequencesTests
{
    [Fact]
    public void They_give_what_LINQs_give() => Prop.ForAll(
        ArbMap.Default.ArbFor<int[]>(),
        ArbMap.Default.ArbFor<int[]>(),
        ArbMap.Default.ArbFor<int>(),
        static (first, second, number) =>
            Enumerable.Select(first, item => item * number).SequenceEqual(first.Select(item => item * number))
            && Enumerable.Where(first, item => item > number).SequenceEqual(first.Where(item => item > number))
            && Enumerable.Concat(first, second).SequenceEqual(Sequences.Concat(first, second))
            && Enumerable.Take(first, number % 5).SequenceEqual(Sequences.Take(first, number % 5))
            && Enumerable.Distinct(first).SequenceEqual(Sequences.Distinct(first))
            && Enumerable.Order(first).SequenceEqual(Sequences.Order(first))).QuickCheckThrowOnFailure();

    [Fact]
    public void They_order_as_LINQ_does() => Prop.ForAll(
        ArbMap.Default.ArbFor<(byte A, byte B, byte C)[]>(),
        static items =>
            Enumerable.OrderBy(items, static item => item.A % 3)
                .ThenBy(static item => item.B % 3)
                .SequenceEqual(Sequences.OrderBy(items, static item => item.A % 3).ThenBy(static item => item.B % 3))
            && Enumerable.OrderByDescending(items, static item => item.A % 3)
                .ThenBy(static item => item.B % 3)
                .SequenceEqual(Sequences.OrderByDescending(items, static item => item.A % 3)
                    .ThenBy(static item => item.B % 3))).QuickCheckThrowOnFailure();
}
