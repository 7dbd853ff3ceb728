using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>Our certificate with its key, and those between it and the root.</summary>
internal sealed class ClientCertificate
{
    private ClientCertificate(SslStreamCertificateContext context, DateTimeOffset notAfter)
    {
        Context = context;
        NotAfter = notAfter;
    }

    internal SslStreamCertificateContext Context { get; }

    internal DateTimeOffset NotAfter { get; }

    /// <param name="certificates">PEM: ours first.</param>
    /// <param name="key">PEM: RSA or EC, not encrypted.</param>
    /// <exception cref="CryptographicException">One cannot be read, or they do not belong together.</exception>
    internal static ClientCertificate FromPem(string certificates, string key)
    {
        X509Certificate2 own;
        try
        {
            own = X509Certificate2.CreateFromPem(certificates, key);
        }
        catch (ArgumentException e)
        {
            // What a key of another certificate throws.
            throw new CryptographicException($"certificate and key do not belong together: {e.Message}", e);
        }

        X509Certificate2Collection all = [];
        all.ImportFromPem(certificates);
        X509Certificate2Collection others = [.. all.Skip(1)];
        return new ClientCertificate(
            SslStreamCertificateContext.Create(own, others, offline: true), own.NotAfter.ToUniversalTime());
    }
}
