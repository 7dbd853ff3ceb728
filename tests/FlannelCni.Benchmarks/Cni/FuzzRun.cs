using System.Diagnostics;
using System.Globalization;
using System.Text;
using FlannelCni.TestKit;
using FlannelCni.TestKit.Fuzzing;

namespace FlannelCni.Benchmarks.Cni;

/// <summary>
/// <c>bench fuzz [TARGET] [SECONDS] [SEED]</c>: throws mutants of tests/corpus at what reads them.
/// What is found is printed with its seed and left in artifacts/fuzz.
/// </summary>
internal static class FuzzRun
{
    private const int DefaultSeconds = 10;

    internal static int Run(string[] options, TextWriter output)
    {
        string name = options is [string first, ..] ? first : "all";
        int seconds = options is [_, string second, ..]
            ? int.Parse(second, CultureInfo.InvariantCulture) : DefaultSeconds;
        int seed = options is [_, _, string third]
            ? int.Parse(third, CultureInfo.InvariantCulture) : Environment.TickCount;
        FuzzTarget[] targets = [.. FuzzTarget.All.Where(target => name == "all" || target.Name == name)];
        if (targets.Length == 0)
        {
            output.WriteLine($"targets: all {string.Join(' ', FuzzTarget.All.Select(static target => target.Name))}");
            return 2;
        }

        bool[] sound = [.. targets.Select(target => Run(target, seed, TimeSpan.FromSeconds(seconds), output))];
        return sound.All(static isSound => isSound) ? 0 : 1;
    }

    /// <returns>False: something was found.</returns>
    private static bool Run(FuzzTarget target, int seed, TimeSpan time, TextWriter output)
    {
        Mutator mutator = new(target.Corpus, seed);
        long start = Stopwatch.GetTimestamp();
        long count = 0;
        for (; Stopwatch.GetElapsedTime(start) < time; count++)
        {
            byte[] input = mutator.Next();
            if (target.Judge(input) is string complaint)
            {
                string file = Path.Combine(Repository.Root, "artifacts", "fuzz", target.Name);
                Directory.CreateDirectory(Path.GetDirectoryName(file) ?? ".");
                File.WriteAllBytes(file, input);
                output.WriteLine($"{target.Name}: {complaint}\n{Encoding.UTF8.GetString(input)}\nkept in {file}");
                return false;
            }
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{target.Name,-16} seed {seed}: {count} inputs"));
        return true;
    }
}
