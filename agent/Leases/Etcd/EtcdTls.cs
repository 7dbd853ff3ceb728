using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FlannelCni.Agent.Supervision;
using FlannelCni.Agent.Transport;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>Certificates: whom we believe, and who we are.</summary>
internal static class EtcdTls
{
    /// <exception cref="AgentFatalException">A file cannot be read, or one of a pair is missing.</exception>
    internal static SslClientAuthenticationOptions Compose(EtcdOptions options)
    {
        SslClientAuthenticationOptions tls = new()
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateChainPolicy = options.CaFile is null ? null : TrustOnly(options.CaFile),
        };

        if (options.CertFile is not null && options.KeyFile is not null)
        {
            KeyPair pair = new(options.CertFile, options.KeyFile);
            tls.LocalCertificateSelectionCallback = (_, _, _, _, _) => pair.Read();
        }
        else if (options.CertFile is not null || options.KeyFile is not null)
        {
            string missing = options.CertFile is null ? "--etcd-certfile" : "--etcd-keyfile";
            throw new AgentFatalException($"etcd's client certificate needs both files: give {missing} too");
        }

        return tls;
    }

    private static X509ChainPolicy TrustOnly(string caFile) =>
        Read("--etcd-cafile", caFile, () => TrustedRoots.Only(File.ReadAllText(caFile)));

    private static T Read<T>(string flag, string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new AgentFatalException($"{flag}: read {file}: {e.Message}", e);
        }
    }

    /// <summary>Our certificate, read again for each handshake: it is replaced while the agent runs.</summary>
    private sealed class KeyPair(string certFile, string keyFile)
    {
        private X509Certificate2 _last = Load(certFile, keyFile);

        internal X509Certificate2 Read()
        {
            try
            {
                return _last = Load(certFile, keyFile);
            }
            catch (AgentFatalException)
            {
                // Half replaced: the next handshake will find both files.
                return _last;
            }
        }

        private static X509Certificate2 Load(string certFile, string keyFile) =>
            EtcdTls.Read("--etcd-certfile and --etcd-keyfile", $"{certFile}, {keyFile}",
                () => X509Certificate2.CreateFromPemFile(certFile, keyFile));
    }
}
