using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using FlannelCni.TestKit.KubeApi.Faults;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace FlannelCni.TestKit.KubeApi;

/// <summary>Kestrel on one address: TLS, HTTP/1.1 and HTTP/2, client certificates if a client has one.</summary>
internal sealed class KubeListener : IAsyncDisposable
{
    private readonly WebApplication _application;

    private KubeListener(WebApplication application, IPEndPoint address) =>
        (_application, Address) = (application, address);

    /// <summary>With the port that it got.</summary>
    internal IPEndPoint Address { get; }

    internal static async Task<KubeListener> StartAsync(
        IPEndPoint address,
        KubeApiOptions options,
        X509Certificate2 certificate,
        Gate gate,
        RequestDelegate handle)
    {
        IPEndPoint bound = address;
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = _ =>
        {
            Socket socket = options.Node is { } node ? node.Namespace.Run(() => Bind(address)) : Bind(address);
            bound = (IPEndPoint)socket.LocalEndPoint!;
            return socket;
        });
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            // A slow reader is not an error, and a watch may be silent for long.
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Listen(address, listen =>
            {
                listen.Protocols = options.HasHttp2 ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1;
                listen.Use(next => connection =>
                {
                    connection.Transport = new GatedPipe(connection.Transport, gate);
                    return next(connection);
                });
                listen.UseHttps(new HttpsConnectionAdapterOptions
                {
                    ServerCertificate = certificate,
                    ClientCertificateMode = ClientCertificateMode.AllowCertificate,
                    ClientCertificateValidation = static (_, _, _) => true, // the authenticator judges it
                });
            });
        });
        WebApplication application = builder.Build();
        application.Run(handle);
        await application.StartAsync();
        return new KubeListener(application, bound);
    }

    /// <summary>Ends at once: nothing that goes on is waited for.</summary>
    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(new CancellationToken(canceled: true));
        await _application.DisposeAsync();
    }

    private static Socket Bind(IPEndPoint address)
    {
        Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(address);
        return socket;
    }
}
