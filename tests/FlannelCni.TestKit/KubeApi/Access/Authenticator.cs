using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Access;

/// <summary>Who a caller is: by its certificate, by its bearer token, or nobody.</summary>
internal sealed class Authenticator(Authority authority)
{
    private const string Bearer = "Bearer ";

    private readonly ConcurrentDictionary<string, KubeUser> _tokens = new(StringComparer.Ordinal);

    internal string IssueToken(KubeUser user)
    {
        string token = RandomNumberGenerator.GetHexString(32, lowercase: true);
        _tokens[token] = user;
        return token;
    }

    /// <summary>As if its time were over.</summary>
    internal void Expire(string token) => _tokens.TryRemove(token, out _);

    /// <param name="authorization">The header; null: none.</param>
    /// <exception cref="ApiStatusException">401: credentials that are not valid.</exception>
    internal KubeUser Identify(X509Certificate2? certificate, string? authorization)
    {
        if (certificate is not null && authority.UserOf(certificate) is KubeUser user)
        {
            return user;
        }

        if (authorization?.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) == true)
        {
            return _tokens.GetValueOrDefault(authorization[Bearer.Length..].Trim())
                ?? throw ApiStatusException.Unauthorized();
        }

        return certificate is null && authorization is null
            ? KubeUser.Anonymous
            : throw ApiStatusException.Unauthorized();
    }
}
