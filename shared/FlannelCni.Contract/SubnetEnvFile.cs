// Lines KEY=VALUE, split at the first "=". Nothing is trimmed but a carriage return at the end; there are no quotes, no
// comments, no "export". Unknown keys and lines without "=" are passed by, and a later line overrides an earlier one.
// A file cut short or written by hand must end in a sentence, never in a crash: it is the best known error of flannel.

using System.Collections.Immutable;
using System.Text;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Net;

namespace FlannelCni.Contract;

/// <summary>Reads and writes <see cref="SubnetEnv"/> as a file. No other code does either.</summary>
public static class SubnetEnvFile
{
    private const int MaxBytes = 1 << 20;    // an agent's has two hundred

    private const UnixFileMode FileMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <exception cref="SubnetEnvException">No such file, not readable, or not what it should be.</exception>
    public static SubnetEnv Load(string path)
    {
        byte[] content;
        try
        {
            content = RawFile.ReadAllBytes(path, MaxBytes);
        }
        catch (LinuxException e)
        {
            throw new SubnetEnvException($"open {path}: {LowerCased(LinuxException.Describe(e.Errno))}", e);
        }

        return Parse(Encoding.UTF8.GetString(content), path);
    }

    /// <summary>Replaces the file at once and durably; makes its folder if there is none.</summary>
    /// <exception cref="LinuxException">The old file, if any, is as it was.</exception>
    public static void Save(string path, SubnetEnv env)
    {
        Folder.EnsureParent(path, mode: 0b111_101_101);    // rwxr-xr-x
        AtomicFile.Write(path, Encoding.UTF8.GetBytes(Format(env)), FileMode, durable: true);
    }

    /// <summary>The file's text.</summary>
    public static string Format(SubnetEnv env)
    {
        StringBuilder text = new();
        AppendFamily(text, "FLANNEL_NETWORK", env.Networks, "FLANNEL_SUBNET", env.Subnet);
        AppendFamily(text, "FLANNEL_IPV6_NETWORK", env.IPv6Networks, "FLANNEL_IPV6_SUBNET", env.IPv6Subnet);
        text.Append("FLANNEL_MTU=").Append(env.Mtu.ToString(provider: null)).Append('\n');
        text.Append("FLANNEL_IPMASQ=").Append(env.IpMasq ? "true" : "false").Append('\n');
        return text.ToString();
    }

    /// <param name="path">For the message of an error.</param>
    /// <exception cref="SubnetEnvException">A value is missing or is none.</exception>
    public static SubnetEnv Parse(string text, string path)
    {
        ImmutableArray<IpPrefix> networks = [];
        ImmutableArray<IpPrefix> networks6 = [];
        IpPrefix subnet = default;
        IpPrefix subnet6 = default;
        uint? mtu = null;
        bool? ipMasq = null;
        int number = 0;
        foreach (Range range in text.AsSpan().Split('\n'))
        {
            number++;
            Line line = new(text.AsSpan(range), path, number);
            switch (line.Key)
            {
                case "FLANNEL_NETWORK":
                    networks = line.Networks();
                    break;
                case "FLANNEL_SUBNET":
                    subnet = line.Prefix();
                    break;
                case "FLANNEL_IPV6_NETWORK":
                    networks6 = line.Networks();
                    break;
                case "FLANNEL_IPV6_SUBNET":
                    subnet6 = line.Prefix();
                    break;
                case "FLANNEL_MTU":
                    mtu = line.Number();
                    break;
                case "FLANNEL_IPMASQ":
                    ipMasq = line.Value() is "true";
                    break;
            }
        }

        if (mtu is uint mtuValue && ipMasq is bool ipMasqValue
            && (networks.Length > 0 || networks6.Length > 0) && !(subnet.IsNone && subnet6.IsNone))
        {
            return new SubnetEnv(mtuValue, ipMasqValue)
            {
                Networks = networks,
                Subnet = subnet,
                IPv6Networks = networks6,
                IPv6Subnet = subnet6,
            };
        }

        List<string> missing = [];
        AddIf(missing, networks.Length == 0 && networks6.Length == 0, "FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK");
        AddIf(missing, subnet.IsNone && subnet6.IsNone, "FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET");
        AddIf(missing, mtu is null, "FLANNEL_MTU");
        AddIf(missing, ipMasq is null, "FLANNEL_IPMASQ");
        throw new SubnetEnvException($"{path} is missing {string.Join(", ", missing)}");
    }

    private static void AppendFamily(
        StringBuilder text, string networkKey, ImmutableArray<IpPrefix> networks, string subnetKey, IpPrefix subnet)
    {
        if (networks.Length > 0)
        {
            text.Append(networkKey).Append('=').AppendJoin(',', networks).Append('\n');
        }

        if (!subnet.IsNone)
        {
            text.Append(subnetKey).Append('=').Append(subnet.ToString()).Append('\n');
        }
    }

    private static void AddIf(List<string> names, bool condition, string name)
    {
        if (condition)
        {
            names.Add(name);
        }
    }

    // "open /run/flannel/subnet.env: no such file or directory" is what people look for, and what Go prints.
    private static string LowerCased(string sentence) =>
        sentence.Length == 0 ? sentence : char.ToLowerInvariant(sentence[0]) + sentence[1..];

    /// <summary>One line of the file.</summary>
    private readonly ref struct Line
    {
        private readonly ReadOnlySpan<char> _line;
        private readonly int _equals;
        private readonly string _path;
        private readonly int _number;

        internal Line(ReadOnlySpan<char> line, string path, int number)
        {
            _line = line.EndsWith("\r") ? line[..^1] : line;
            _equals = line.IndexOf('=');
            _path = path;
            _number = number;
        }

        internal ReadOnlySpan<char> Key => _equals < 0 ? _line : _line[.._equals];

        internal ReadOnlySpan<char> Value() => _equals < 0
            ? throw Error($"{_line} without a value")
            : _line[(_equals + 1)..];

        internal IpPrefix Prefix() => ParsePrefix(Value());

        internal ImmutableArray<IpPrefix> Networks()
        {
            List<IpPrefix> networks = [];
            ReadOnlySpan<char> value = Value();
            foreach (Range item in value.Split(','))
            {
                IpPrefix network = ParsePrefix(value[item]).Masked;
                if (!networks.Contains(network))
                {
                    networks.Add(network);
                }
            }

            return [.. networks];
        }

        internal uint Number()
        {
            ReadOnlySpan<char> value = Value();
            return !value.IsEmpty && !value.ContainsAnyExceptInRange('0', '9')
                && uint.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out uint number)
                ? number
                : throw Error($"{Key} is no number: \"{value}\"");
        }

        private IpPrefix ParsePrefix(ReadOnlySpan<char> text) => IpPrefix.TryParse(text, out IpPrefix prefix)
            ? prefix
            : throw Error($"{Key}: invalid CIDR address: {text}");

        private SubnetEnvException Error(string what) => new($"{_path}, line {_number}: {what}");
    }
}
