using System.Text;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>Picks our annotations out of all those of a Node.</summary>
internal sealed class AnnotationValues
{
    private readonly byte[][] _names;
    private readonly string?[] _values;
    private readonly string?[] _last;
    private bool _isAny;

    internal AnnotationValues(AnnotationNames names)
    {
        // In the order of Build.
        string[] ours =
        [
            names.KubeSubnetManager,
            names.BackendType,
            names.BackendData,
            names.BackendV6Data,
            names.PublicIP,
            names.PublicIPv6,
            names.PublicIPOverwrite,
            names.PublicIPv6Overwrite,
            names.NodePublicIP,
            names.NodePublicIPv6,
        ];
        _names = [.. ours.Select(Encoding.UTF8.GetBytes)];
        _values = new string?[ours.Length];
        _last = new string?[ours.Length];
    }

    /// <returns>False: it is ours and too long to be kept.</returns>
    internal bool Take(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        for (int i = 0; i < _names.Length; i++)
        {
            if (name.SequenceEqual(_names[i]))
            {
                bool fits = value.Length <= ParseLimits.TextSize;
                _values[i] = fits ? Text(i, value) : null;
                _isAny = true;
                return fits;
            }
        }

        return true;
    }

    internal NodeAnnotations Build() => !_isAny ? NodeAnnotations.None : new NodeAnnotations
    {
        KubeSubnetManager = _values[0],
        BackendType = _values[1],
        BackendData = _values[2],
        BackendV6Data = _values[3],
        PublicIP = _values[4],
        PublicIPv6 = _values[5],
        PublicIPOverwrite = _values[6],
        PublicIPv6Overwrite = _values[7],
        NodePublicIP = _values[8],
        NodePublicIPv6 = _values[9],
    };

    internal void Reset()
    {
        Array.Clear(_values);
        _isAny = false;
    }

    /// <summary>The text; the same string as last time where it is the same: types and switches always are.</summary>
    private string Text(int at, ReadOnlySpan<byte> value)
    {
        if (_last[at] is not { } last || !Ascii.Equals(value, last))
        {
            _last[at] = last = Encoding.UTF8.GetString(value);
        }

        return last;
    }
}
