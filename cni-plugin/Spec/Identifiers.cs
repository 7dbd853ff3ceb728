// Written out rather than by Regex, whose "$" matches before a final newline. Lengths are bytes.

using System.Text;

namespace FlannelCni.Plugin.Spec;

/// <summary>The rules for names that become file names and interface names.</summary>
internal static class Identifiers
{
    /// <summary>IFNAMSIZ less the final NUL.</summary>
    internal const int MaxInterfaceNameBytes = 15;

    /// <exception cref="CniException">InvalidEnvironment.</exception>
    internal static void RequireContainerId(string id)
    {
        if (!IsIdentifier(id))
        {
            throw new CniException(CniErrorCode.InvalidEnvironment, "invalid characters in containerID", id);
        }
    }

    internal static bool IsContainerId(string name) => IsIdentifier(name);

    /// <exception cref="CniException">InvalidNetworkConfig.</exception>
    internal static void RequireNetworkName(string name)
    {
        if (name.Length == 0)
        {
            throw new CniException(CniErrorCode.InvalidNetworkConfig, "missing network name");
        }

        if (!IsIdentifier(name))
        {
            throw new CniException(
                CniErrorCode.InvalidNetworkConfig, "invalid characters found in network name", name);
        }
    }

    /// <exception cref="CniException">InvalidEnvironment.</exception>
    internal static void RequireInterfaceName(string name)
    {
        if (Encoding.UTF8.GetByteCount(name) > MaxInterfaceNameBytes)
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                "interface name is too long",
                $"interface name should be less than {MaxInterfaceNameBytes + 1} characters");
        }

        if (name is "." or "..")
        {
            throw new CniException(CniErrorCode.InvalidEnvironment, "interface name is . or ..");
        }

        foreach (char c in name)
        {
            if (c is '/' or ':' || char.IsWhiteSpace(c))
            {
                throw new CniException(
                    CniErrorCode.InvalidEnvironment, "interface name contains / or : or whitespace characters");
            }
        }
    }

    /// <summary>Can a link be called so, and is not called otherwise then? Of "eth%d" the kernel makes eth0.</summary>
    internal static bool IsLinkName(string name)
    {
        foreach (char c in name)
        {
            if (c is '/' or ':' or '%' or '\0' || char.IsWhiteSpace(c))
            {
                return false;
            }
        }

        return name is not ("" or "." or "..") && Encoding.UTF8.GetByteCount(name) <= MaxInterfaceNameBytes;
    }

    /// <summary>A letter or digit, then letters, digits, <c>_</c>, <c>.</c> and <c>-</c>; all ASCII.</summary>
    private static bool IsIdentifier(string text)
    {
        if (text.Length == 0 || !char.IsAsciiLetterOrDigit(text[0]))
        {
            return false;
        }

        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.' or '-'))
            {
                return false;
            }
        }

        return true;
    }
}
