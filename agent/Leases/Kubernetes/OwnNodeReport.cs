using System.Collections.Immutable;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>Says what happens to this node's Node: a line a change, an Event where somebody must act.</summary>
/// <remarks>One owner.</remarks>
internal sealed partial class OwnNodeReport(
    AnnotationNames names, NodeEvents events, TimeProvider time, ILogger logger)
{
    /// <summary>After which a change by others is the first again.</summary>
    private static readonly TimeSpan s_calm = TimeSpan.FromMinutes(5);

    private readonly FaultLog _contests = new(time);
    private long _contestedAt;
    private string? _ignored;

    /// <summary>What was said to be wrong and is not over; null: nothing.</summary>
    internal string? Problem { get; private set; }

    /// <param name="isHeld">A lease is, with which what is there goes on.</param>
    internal void SayProblem(string node, OwnProblem problem, bool isHeld)
    {
        events.Post(node, problem.Reason, problem.Message);
        if (Problem == problem.Message)
        {
            return;
        }

        Problem = problem.Message;
        if (isHeld)
        {
            Log.GoesOnMeanwhile(logger, problem.Message);
        }
        else
        {
            Log.Waits(logger, problem.Message);
        }
    }

    /// <param name="before">Null: none was held.</param>
    internal void SayLease(string node, SubnetPair? before, SubnetPair subnets)
    {
        Problem = null;
        if (before is null)
        {
            Log.Acquired(logger, subnets, node);
        }
        else if (before != subnets)
        {
            Log.Changed(logger, before.Value, subnets, node);
        }
    }

    /// <param name="isContested">Somebody else had changed what is written.</param>
    internal void SayPatch(string node, NodePatch patch, bool isContested)
    {
        ImmutableArray<string> parts =
            patch.HasCondition ? patch.Annotations.Add(NodePatch.ConditionType) : patch.Annotations;
        string what = string.Join(", ", parts);
        if (!isContested)
        {
            Log.Published(logger, node, what);
            return;
        }

        if (time.GetElapsedTime(_contestedAt) > s_calm)
        {
            _contests.Over();
        }

        _contestedAt = time.GetTimestamp();

        if (_contests.Occurred(what))
        {
            Log.Contested(logger, node, what);
            events.Post(
                node, "FlannelAnnotationsChanged", $"{what} of this Node changed by somebody else and written again");
        }
    }

    /// <summary>What users wrote and nobody can use.</summary>
    internal void SayIgnored(NodeAnnotations annotations)
    {
        string? ignored = WhyIgnored(names.PublicIPOverwrite, annotations.PublicIPOverwrite, is6: false)
            ?? WhyIgnored(names.PublicIPv6Overwrite, annotations.PublicIPv6Overwrite, is6: true)
            ?? WhyIgnored(names.NodePublicIP, annotations.NodePublicIP, is6: false)
            ?? WhyIgnored(names.NodePublicIPv6, annotations.NodePublicIPv6, is6: true);
        if (ignored is not null && ignored != _ignored)
        {
            Log.Ignored(logger, ignored);
        }

        _ignored = ignored;
    }

    private static string? WhyIgnored(string name, string? text, bool is6) =>
        string.IsNullOrEmpty(text) || !LeaseAnnotations.ReadUsersAddress(text, is6).IsNone
            ? null
            : $"{name} \"{LogText.Of(text)}\" is no {(is6 ? "IPv6" : "IPv4")} address";

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Own lease is {Subnets} (node {Node})")]
        internal static partial void Acquired(ILogger logger, SubnetPair subnets, string node);

        [LoggerMessage(
            LogLevel.Warning,
            "Own lease is {Subnets} and was {Before}: node {Node} was made anew with another pod CIDR; its pods have "
            + "to be started again")]
        internal static partial void Changed(ILogger logger, SubnetPair before, SubnetPair subnets, string node);

        [LoggerMessage(LogLevel.Information, "Published on node {Node}: {Names}")]
        internal static partial void Published(ILogger logger, string node, string names);

        [LoggerMessage(
            LogLevel.Warning,
            "Somebody else changed {Names} of node {Node}; written again. Does another flannel run on it?")]
        internal static partial void Contested(ILogger logger, string node, string names);

        [LoggerMessage(LogLevel.Error, "{Problem}. Waiting for it")]
        internal static partial void Waits(ILogger logger, string problem);

        [LoggerMessage(
            LogLevel.Error,
            "{Problem}. Waiting for the Node to be right (another net-conf.json needs a restart); pods that are there "
            + "go on")]
        internal static partial void GoesOnMeanwhile(ILogger logger, string problem);

        [LoggerMessage(LogLevel.Warning, "Annotation of this node is ignored: {Cause}")]
        internal static partial void Ignored(ILogger logger, string cause);
    }
}
