using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace FlannelCni.TestKit.KubeApi.Access;

/// <summary>A certificate authority of one API server, for itself and for its clients.</summary>
internal sealed class Authority : IDisposable
{
    private const string CommonName = "2.5.4.3";
    private const string Organization = "2.5.4.10";
    private const string ServerAuth = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuth = "1.3.6.1.5.5.7.3.2";

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _root;

    internal Authority()
    {
        CertificateRequest request = new("CN=kubernetes", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        _root = request.CreateSelfSigned(now.AddHours(-1), now.AddYears(1));
    }

    /// <summary>PEM, for clients to trust.</summary>
    internal string CertificatePem => _root.ExportCertificatePem();

    /// <summary>For a server at these addresses, and at the names that pods use.</summary>
    internal X509Certificate2 IssueServer(IEnumerable<IPAddress> addresses)
    {
        SubjectAlternativeNameBuilder names = new();
        foreach (string name in (string[])["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"])
        {
            names.AddDnsName(name);
        }

        foreach (IPAddress address in addresses)
        {
            names.AddIpAddress(address);
        }

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Issue("CN=kube-apiserver", key, ServerAuth, names.Build());
    }

    /// <summary>A client's certificate and its key, both PEM.</summary>
    internal (string Certificate, string Key) IssueClient(KubeUser user)
    {
        X500DistinguishedNameBuilder name = new();
        name.AddCommonName(user.Name);
        foreach (string group in user.Groups)
        {
            name.AddOrganizationName(group);
        }

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 certificate = Issue(name.Build().Name, key, ClientAuth, null);
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>Whose certificate it is; null: not one of this authority's, or no longer valid.</summary>
    internal KubeUser? UserOf(X509Certificate2 certificate)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuth));
        return chain.Build(certificate)
            ? KubeUser.Named(
                Names(certificate, CommonName).FirstOrDefault(""), [.. Names(certificate, Organization)])
            : null;
    }

    public void Dispose()
    {
        _root.Dispose();
        _key.Dispose();
    }

    private X509Certificate2 Issue(string subject, ECDsa key, string usage, X509Extension? more)
    {
        CertificateRequest request = new(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        if (more is not null)
        {
            request.CertificateExtensions.Add(more);
        }

        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        byte[] serial = RandomNumberGenerator.GetBytes(8);
        using X509Certificate2 issued = request.Create(_root, now.AddMinutes(-30), now.AddMonths(6), serial);
        return issued.CopyWithPrivateKey(key);
    }

    private static IEnumerable<string> Names(X509Certificate2 certificate, string kind) => certificate.SubjectName
        .EnumerateRelativeDistinguishedNames()
        .Where(name => name.GetSingleElementType().Value == kind)
        .Select(static name => name.GetSingleElementValue() ?? "");
}
