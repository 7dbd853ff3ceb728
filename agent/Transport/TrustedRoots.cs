using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace FlannelCni.Agent.Transport;

/// <summary>Whom we believe that it is who it says.</summary>
internal static class TrustedRoots
{
    /// <summary>Certificates are believed that one of these has signed, and no others.</summary>
    /// <param name="pem">One certificate or several.</param>
    /// <exception cref="CryptographicException">There is none in it, or one that cannot be read.</exception>
    internal static X509ChainPolicy Only(string pem)
    {
        X509ChainPolicy policy = new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.ImportFromPem(pem);
        return policy.CustomTrustStore.Count > 0
            ? policy
            : throw new CryptographicException("there is no certificate in it");
    }
}
