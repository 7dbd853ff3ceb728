using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FlannelCni.Agent.Supervision;
using FlannelCni.Agent.Transport;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>By what the API server is known. One owner.</summary>
internal sealed class ServerTrust
{
    private readonly Material? _roots;
    private string? _lastText;
    private X509ChainPolicy? _last;

    private ServerTrust(Material? roots, bool isAnybody, string? serverName)
    {
        _roots = roots;
        IsAnybody = isAnybody;
        ServerName = serverName;
    }

    /// <summary>Is whoever answers believed?</summary>
    internal bool IsAnybody { get; }

    /// <summary>The name that has to be in the certificate; null: that of the address.</summary>
    internal string? ServerName { get; }

    /// <param name="roots">Null: those of this machine.</param>
    internal static ServerTrust In(Material? roots, string? serverName) => new(roots, isAnybody: false, serverName);

    internal static ServerTrust InAnybody(string? serverName) => new(null, isAnybody: true, serverName);

    /// <summary>The roots as they are now, the same object while they are the same; null: this machine's.</summary>
    /// <exception cref="AgentFatalException">They cannot be read, and never could.</exception>
    internal X509ChainPolicy? Read()
    {
        if (_roots is null)
        {
            return null;
        }

        try
        {
            string text = _roots.Read();
            if (text != _lastText)
            {
                _last = TrustedRoots.Only(text);
                _lastText = text;
            }
        }
        catch (CryptographicException e) when (_last is null)
        {
            throw new AgentFatalException($"{_roots}: {e.Message}", e);
        }
        catch (Exception e) when (_last is not null && e is AgentFatalException or CryptographicException)
        {
            // Half replaced: the next request will find it whole.
            return _last;
        }

        return _last;
    }

    /// <summary>What a handshake needs to know.</summary>
    internal void Apply(SslClientAuthenticationOptions tls, X509ChainPolicy? roots)
    {
        if (IsAnybody)
        {
#pragma warning disable CA5359 // insecure-skip-tls-verify asks for it, and a warning says so
            tls.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else
        {
            tls.CertificateChainPolicy = roots;
        }
    }
}
