using System.Collections.Immutable;
using System.Text.Json;
using FlannelCni.Contract;
using FlannelCni.Linux.Net;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Delegates;

/// <summary>
/// The configuration of the plugin that does the work: the user's <c>delegate</c> and <c>ipam</c>, completed from
/// subnet.env. IPAM gets these bytes and the scratch file keeps them, so that a pod made by this plugin can be taken
/// down by upstream's, and the other way round.
/// </summary>
internal static class DelegateConfig
{
    /// <summary>The delegate type that is not executed but done here.</summary>
    internal const string Bridge = "bridge";

    private const string DefaultIpam = "host-local";

    /// <summary>Pure.</summary>
    /// <exception cref="CniException">Internal: the user said what flannel says, or a route that is none.</exception>
    internal static JsonMap Render(NetConf conf, SubnetEnv env)
    {
        RequireSound(conf.Delegate);
        JsonMap config = conf.Delegate?.Copy() ?? new JsonMap();
        if (conf.RuntimeConfig is JsonMap runtimeConfig)
        {
            config.Set("runtimeConfig", runtimeConfig);
        }

        config.Set("name", conf.Name);
        SetIfAbsent(config, "type", Bridge);
        SetIfAbsent(config, "ipMasq", !env.IpMasq);
        SetIfAbsent(config, "mtu", env.Mtu);
        if (config.Find("type")?.Text == Bridge)
        {
            SetIfAbsent(config, "isGateway", true);
        }

        if (conf.CniVersion.Length > 0)
        {
            config.Set("cniVersion", conf.CniVersion);
        }

        config.Set("ipam", RenderIpam(conf.Ipam, env));
        return config;
    }

    private static JsonMap RenderIpam(JsonMap? users, SubnetEnv env)
    {
        JsonMap ipam = users?.Copy() ?? new JsonMap();
        SetIfAbsent(ipam, "type", DefaultIpam);
        ipam.Set("ranges", RenderRanges(env));
        ipam.Set("routes", RenderRoutes(users, env));
        return ipam;
    }

    private static List<JsonValue> RenderRanges(SubnetEnv env)
    {
        List<JsonValue> sets = [];
        foreach (IpPrefix subnet in (IpPrefix[])[env.Subnet, env.IPv6Subnet])
        {
            if (!subnet.IsNone)
            {
                JsonMap range = new();
                range.Set("subnet", subnet.Masked.ToString());
                sets.Add((List<JsonValue>)[range]);
            }
        }

        return sets;
    }

    /// <summary>The user's, with what no route has dropped; then one to each network.</summary>
    private static List<JsonValue> RenderRoutes(JsonMap? users, SubnetEnv env)
    {
        List<JsonValue> routes = [];
        try
        {
            foreach (CniRoute route in users is null ? [] : ResultReader.ReadRoutes(users))
            {
                routes.Add(ResultPrinter.Compose(route));
            }
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to load the routes of 'ipam': {e.Message}");
        }

        AddRoutes(routes, env.Networks);
        AddRoutes(routes, env.IPv6Networks);
        return routes;
    }

    private static void AddRoutes(List<JsonValue> routes, ImmutableArray<IpPrefix> networks)
    {
        foreach (IpPrefix network in networks)
        {
            routes.Add(ResultPrinter.Compose(new CniRoute(network, Gateway: default)));
        }
    }

    private static void RequireSound(JsonMap? users)
    {
        if (users is null)
        {
            return;
        }

        if (users.Find("type") is { Kind: not JsonKind.String })
        {
            throw new CniException(
                CniErrorCode.Internal, "'delegate' dictionary, if present, must have (string) 'type' field");
        }

        foreach (string key in (string[])["name", "ipam"])
        {
            if (users.Has(key))
            {
                throw new CniException(
                    CniErrorCode.Internal,
                    $"'delegate' dictionary must not have '{key}' field, it'll be set by flannel");
            }
        }
    }

    private static void SetIfAbsent(JsonMap map, string key, JsonValue value)
    {
        if (!map.Has(key))
        {
            map.Set(key, value);
        }
    }
}
