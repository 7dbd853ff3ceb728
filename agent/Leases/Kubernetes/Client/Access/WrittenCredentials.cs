using System.Security.Cryptography;
using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>
/// A token, a password or a certificate that somebody has written down. Files are read again for each request: a
/// rotated token is used at once, and requests are few.
/// </summary>
internal sealed class WrittenCredentials : ICredentials
{
    private readonly Lock _lock = new();
    private readonly Material? _token;
    private readonly string? _basic;
    private readonly Material? _certificate;
    private readonly Material? _key;
    private string _lastPem = "";
    private Credential _last = new(null, null);

    /// <param name="token">Null: none.</param>
    /// <param name="basic">The header of user and password; null: none.</param>
    /// <param name="certificate">Null: none; else with <paramref name="key"/>.</param>
    /// <exception cref="AgentFatalException">A file cannot be read or used.</exception>
    internal WrittenCredentials(Material? token, string? basic, Material? certificate, Material? key)
    {
        _token = token;
        _basic = basic;
        _certificate = certificate;
        _key = key;
        Read();
    }

    public ValueTask<Credential> GetAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            try
            {
                Read();
            }
            catch (AgentFatalException)
            {
                // Half replaced: the next request will find it whole, and the server says if this one is too old.
            }

            return new ValueTask<Credential>(_last);
        }
    }

    public void Refused(Credential credential)
    {
        // Nothing is kept that a file could have newer.
    }

    public void Dispose()
    {
    }

    private void Read()
    {
        ClientCertificate? certificate = ReadCertificate();
        string? authorization = _token is null ? _basic : $"Bearer {ReadToken(_token)}";
        if (certificate != _last.Certificate || authorization != _last.Authorization)
        {
            _last = new Credential(authorization, certificate);
        }
    }

    private static string ReadToken(Material material)
    {
        string token = material.Read().Trim();
        return token.Length > 0 && !token.AsSpan().ContainsAnyExceptInRange('!', '~')
            ? token
            : throw new AgentFatalException($"{material}: a token is expected, one word of printable ASCII");
    }

    private ClientCertificate? ReadCertificate()
    {
        if (_certificate is null || _key is null)
        {
            return null;
        }

        string certificates = _certificate.Read();
        string key = _key.Read();
        string pem = certificates + '\0' + key;
        if (pem == _lastPem)
        {
            return _last.Certificate;
        }

        try
        {
            ClientCertificate certificate = ClientCertificate.FromPem(certificates, key);
            _lastPem = pem;
            return certificate;
        }
        catch (CryptographicException e)
        {
            throw new AgentFatalException($"{_certificate} and {_key}: {e.Message}", e);
        }
    }
}
