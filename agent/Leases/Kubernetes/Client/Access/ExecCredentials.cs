using System.Text;
using FlannelCni.Linux;
using FlannelCni.Linux.Processes;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>
/// Credentials that a program tells: asked when there are none, when they have run out, and when the server has refused
/// them. <see href="https://kubernetes.io/docs/reference/config-api/client-authentication.v1/"/>.
/// </summary>
/// <param name="written">Of the same user, used where the program does not say.</param>
internal sealed class ExecCredentials(ExecPlugin plugin, ICredentials written, TimeProvider time) : ICredentials
{
    private const string InfoVariable = "KUBERNETES_EXEC_INFO=";
    private const int MaxErrorText = 300;

    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _one = new(1);
    private Told? _told;

    public async ValueTask<Credential> GetAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            if (_told is null || _told.Expires <= time.GetUtcNow())
            {
                ExecAnswer answer = await AskAsync(cancellationToken);
                Credential other = await written.GetAsync(cancellationToken);
                ClientCertificate? certificate = answer.Certificate ?? other.Certificate;
                Credential credential = answer.Token is { } token
                    ? Credential.OfToken(token, certificate)
                    : other with { Certificate = certificate };
                _told = new Told(credential, answer.Expires ?? answer.Certificate?.NotAfter ?? DateTimeOffset.MaxValue);
            }

            return _told.Credential;
        }
        finally
        {
            _one.Release();
        }
    }

    public void Refused(Credential credential)
    {
        if (ReferenceEquals(_told?.Credential, credential))
        {
            _told = null;
        }
    }

    public void Dispose()
    {
        _one.Dispose();
        written.Dispose();
    }

    private async Task<ExecAnswer> AskAsync(CancellationToken cancellationToken)
    {
        ChildResult result = await RunAsync(cancellationToken);
        if (result.ExitStatus != 0)
        {
            string said = Encoding.UTF8.GetString(result.Error).Trim();
            string end = said.Length > MaxErrorText ? "..." + said[^MaxErrorText..] : said;
            throw Failed($"it ended with {result.ExitStatus}: {end.ReplaceLineEndings(" ")}");
        }

        try
        {
            return ExecAnswer.Read(result.Output, plugin.ApiVersion);
        }
        catch (FormatException e)
        {
            throw Failed(e.Message, e);
        }
    }

    private async Task<ChildResult> RunAsync(CancellationToken cancellationToken)
    {
        string path = FindProgram();
        string[] environment =
        [
            .. ProcessEnvironment.Variables()
                .Where(variable => !plugin.Environment.Any(own => NameOf(own) == NameOf(variable))
                    && !variable.StartsWith(InfoVariable, StringComparison.Ordinal)),
            .. plugin.Environment,
            InfoVariable + plugin.ExecInfo,
        ];
        using CancellationTokenSource timeout = new(s_timeout, time);
        using CancellationTokenSource either =
            CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            using ChildProcess child = ChildProcess.Start(path, plugin.Arguments, environment, []);
            return await child.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Failed($"it has not ended after {s_timeout.TotalSeconds} s");
        }
        catch (LinuxException e)
        {
            throw Failed(e.Message, e);
        }
    }

    private string FindProgram()
    {
        if (plugin.Command.Contains('/'))
        {
            return File.Exists(plugin.Command) ? plugin.Command : throw Missing("there is no such file");
        }

        string path = Environment.GetEnvironmentVariable("PATH") ?? "";
        return path.Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, plugin.Command))
            .FirstOrDefault(File.Exists)
            ?? throw Missing($"it is in no folder of PATH ({path})");
    }

    private static ReadOnlySpan<char> NameOfSpan(string variable) =>
        variable.AsSpan(0, Math.Max(0, variable.IndexOf('=')));

    private static string NameOf(string variable) => NameOfSpan(variable).ToString();

    private KubeApiException Missing(string cause) =>
        Failed(plugin.InstallHint is { } hint ? $"{cause}. {hint.Trim()}" : $"{cause}: install it on this node");

    private KubeApiException Failed(string cause, Exception? inner = null) =>
        new(0, "", $"credentials from exec plugin {plugin.Command}: {cause}", innerException: inner);

    private sealed record Told(Credential Credential, DateTimeOffset Expires);
}
