using System.Collections;

namespace FlannelCni;

/// <summary>A sequence in an order; of equals the first stays first.</summary>
public sealed class OrderedSequence<T>(IEnumerable<T> source, Comparison<T> comparison) : IEnumerable<T>
{
    public IEnumerator<T> GetEnumerator()
    {
        T[] items = [.. source];
        int[] order = new int[items.Length];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        // Places are sorted, not the items: one sort for all types, and a place decides between equals.
        order.AsSpan().Sort((a, b) => comparison(items[a], items[b]) is var result and not 0 ? result : a - b);
        foreach (int place in order)
        {
            yield return items[place];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal OrderedSequence<T> Then(Comparison<T> next) =>
        new(source, (a, b) => comparison(a, b) is var result and not 0 ? result : next(a, b));
}
