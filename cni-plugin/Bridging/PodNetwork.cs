// One thread, two namespaces. A netlink socket stays in the namespace it was opened in, so that one of each serves for
// everything; only opening the pod's, and its sysctls, need the thread to be there. It must be back before any program
// is started, for that would start in the pod.

using System.Collections.Immutable;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Namespaces;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>Makes and deletes a pod's links with the kernel.</summary>
internal sealed class PodNetwork(BridgeConf conf, Attachment attachment, Sandbox sandbox) : IPodNetwork, IDisposable
{
    private const int MaxNameClashes = 10;

    private static readonly TimeSpan s_portTimeout = TimeSpan.FromMilliseconds(2550);

    private RtnlSocket? _hostSocket;
    private RtnlSocket? _podSocket;
    private HostBridge? _bridge;
    private string _hostName = RandomLink.VethName();

    private RtnlSocket Host => _hostSocket ??= RtnlSocket.Open();

    private RtnlSocket Pod => _podSocket ??= InPod(RtnlSocket.Open);

    private HostBridge Bridge => _bridge ??= new HostBridge(Host, conf);

    public void RequireFreeName()
    {
        _ = sandbox.GetPod();
        if (Pod.FindLink(attachment.IfName) is not null)
        {
            throw NameTaken();
        }
    }

    public void Connect()
    {
        Bridge.Ensure();
        NetNamespace pod = sandbox.GetPod();
        MacAddress podMac = conf.Mac ?? RandomLink.Mac();

        // Addresses that are set explicitly are left alone by udev's MACAddressPolicy=persistent.
        VethSpec spec = new(_hostName, RandomLink.Mac(), Bridge.Index, attachment.IfName, podMac, pod, conf.Mtu);
        for (int clashes = 0; ; clashes++)
        {
            try
            {
                Host.AddVeth(spec);
                break;
            }
            catch (NetlinkException e) when (e.Errno is Errno.EEXIST)
            {
                if (clashes == MaxNameClashes || Pod.FindLink(attachment.IfName) is not null)
                {
                    throw NameTaken();
                }

                _hostName = RandomLink.VethName();
                spec = spec with { Name = _hostName };
            }
        }

        OptionalSysctl.Write($"net/ipv6/conf/{_hostName}/accept_ra", "0");
    }

    public ImmutableArray<CniInterface> Configure(BridgePlan? plan)
    {
        Link port = GetPort();
        if (conf.HairpinMode || conf.PortIsolation)
        {
            Host.SetBridgePort(port.Index, new BridgePort(conf.HairpinMode, conf.PortIsolation));
        }

        Link podLink = Pod.FindLink(attachment.IfName)
            ?? throw new CniException(CniErrorCode.Internal, $"\"{attachment.IfName}\" has vanished");
        PodInterface inside = new(Pod, podLink, conf.EnableDad);
        if (plan is not null)
        {
            InPod(() => inside.SetSysctls(plan.HasIPv6));
            inside.Configure(plan);
            Bridge.EnsureGateways(plan.Gateways);
        }
        else if (!conf.DisableContainerInterface)
        {
            Pod.SetUp(podLink.Index);
        }

        if (!conf.DisableContainerInterface)
        {
            port = WaitForPort(port);
        }

        if (plan is { HasIPv6Gateway: true })
        {
            inside.WaitForAddresses();
        }

        return
        [
            new CniInterface(conf.Bridge, Bridge.GetMac().ToString(), Sandbox: ""),
            new CniInterface(_hostName, port.Mac.ToString(), Sandbox: ""),
            new CniInterface(attachment.IfName, podLink.Mac.ToString(), attachment.Sandbox),
        ];
    }

    public void Disconnect()
    {
        if (sandbox.FindPod() is not null)
        {
            _ = Pod.DeleteLinkIfPresent(attachment.IfName);
        }
    }

    public void Dispose()
    {
        _hostSocket?.Dispose();
        _podSocket?.Dispose();
    }

    private CniException NameTaken() => new(
        CniErrorCode.Internal,
        $"container veth name (\"{attachment.IfName}\") peer provided (\"{_hostName}\") already exists");

    private Link GetPort() => Host.FindLink(_hostName)
        ?? throw new CniException(CniErrorCode.Internal, $"\"{_hostName}\" has vanished");

    /// <summary>The kernel's link watch runs some 0.2 ms after the other end is up, so look often at first.</summary>
    private Link WaitForPort(Link port)
    {
        ShortPolling polling = new(s_portTimeout);
        while (true)
        {
            port = GetPort();
            if (port.OperState == OperState.IF_OPER_UP)
            {
                return port;
            }

            if (!polling.Wait())
            {
                string state = port.OperState.ToString()["IF_OPER_".Length..].ToLowerInvariant();
                throw new CniException(CniErrorCode.Internal, $"bridge port in error state: {state}");
            }
        }
    }

    private void InPod(Action work) => InPod(() =>
    {
        work();
        return true;
    });

    private T InPod<T>(Func<T> work)
    {
        sandbox.GetPod().Enter();
        try
        {
            return work();
        }
        finally
        {
            sandbox.Host.Enter();
        }
    }
}
