namespace FlannelCni;

/// <summary>
/// LINQ's most used operators, with its names and meaning: every namespace below this one finds them first.
/// </summary>
/// <remarks>
/// LINQ's own iterators have a virtual generic <c>Select</c>, so NativeAOT compiles each kind of iterator for each pair
/// of a source's and a result's type. Our many small structs made a third of the agent of that: 5 MB in its file and
/// its memory. Here an operator is compiled for the types that it is called with.
/// </remarks>
public static class Sequences
{
    public static IEnumerable<TResult> Select<TSource, TResult>(
        this IEnumerable<TSource> source, Func<TSource, TResult> selector)
    {
        foreach (TSource item in source)
        {
            yield return selector(item);
        }
    }

    public static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, bool> predicate)
    {
        foreach (T item in source)
        {
            if (predicate(item))
            {
                yield return item;
            }
        }
    }

    public static IEnumerable<T> Concat<T>(this IEnumerable<T> first, IEnumerable<T> second)
    {
        foreach (T item in first)
        {
            yield return item;
        }

        foreach (T item in second)
        {
            yield return item;
        }
    }

    public static IEnumerable<T> Take<T>(this IEnumerable<T> source, int count)
    {
        foreach (T item in source)
        {
            if (--count < 0)
            {
                yield break;
            }

            yield return item;
        }
    }

    public static IEnumerable<T> Distinct<T>(this IEnumerable<T> source)
    {
        HashSet<T> seen = [];
        foreach (T item in source)
        {
            if (seen.Add(item))
            {
                yield return item;
            }
        }
    }

    public static OrderedSequence<T> Order<T>(this IEnumerable<T> source) => new(source, Comparer<T>.Default.Compare);

    public static OrderedSequence<T> OrderBy<T, TKey>(this IEnumerable<T> source, Func<T, TKey> key) =>
        new(source, Comparing(key));

    public static OrderedSequence<T> OrderByDescending<T, TKey>(this IEnumerable<T> source, Func<T, TKey> key)
    {
        Comparison<T> ascending = Comparing(key);
        return new(source, (a, b) => ascending(b, a));
    }

    public static OrderedSequence<T> ThenBy<T, TKey>(this OrderedSequence<T> source, Func<T, TKey> key) =>
        source.Then(Comparing(key));

    private static Comparison<T> Comparing<T, TKey>(Func<T, TKey> key) =>
        (a, b) => Comparer<TKey>.Default.Compare(key(a), key(b));
}
