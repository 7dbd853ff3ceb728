using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FlannelCni.Linux.Processes;

namespace FlannelCni.Agent.Transport;

/// <summary>Whom we believe that it is who it says.</summary>
internal static class TrustedRoots
{
    // Where OpenSSL looks for this machine's roots.
    private static readonly string[] s_variables = ["SSL_CERT_DIR", "SSL_CERT_FILE"];

    // The class library reads all of this machine's roots, hundreds of them, before it looks at those that it is given.
    static TrustedRoots() => NativeEnvironment.RunWith(s_variables, "/nonexistent", static () =>
    {
        using X509Store machine = new(StoreName.Root, StoreLocation.LocalMachine);
        machine.Open(OpenFlags.ReadOnly);
        _ = machine.Certificates;    // now it remembers where it looked
    });

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
