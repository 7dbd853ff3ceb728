namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>Who we are to the API server. Two real sides: what is written down, and what a program tells.</summary>
internal interface ICredentials : IDisposable
{
    /// <summary>What to use now: replaced files are read, what has run out is had anew.</summary>
    /// <exception cref="KubeApiException">Unreachable: there are none to be had now.</exception>
    ValueTask<Credential> GetAsync(CancellationToken cancellationToken);

    /// <summary>The server has refused it, so that it is not to be kept.</summary>
    void Refused(Credential credential);
}

/// <summary>What a request carries.</summary>
/// <param name="Authorization">The header; null: none.</param>
/// <param name="Certificate">The same object as long as it is the same certificate; null: none.</param>
internal sealed record Credential(string? Authorization, ClientCertificate? Certificate)
{
    internal static Credential OfToken(string token, ClientCertificate? certificate) =>
        new($"Bearer {token}", certificate);

    /// <summary>Without its secrets.</summary>
    public override string ToString() => nameof(Credential);
}
