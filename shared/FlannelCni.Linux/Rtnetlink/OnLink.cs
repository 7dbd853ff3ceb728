namespace FlannelCni.Linux.Rtnetlink;

/// <summary>What an error is about, joined to a text only when it comes to that: <c>10.1.1.0 on link 7</c>.</summary>
internal readonly record struct OnLink<T>(T Subject, int LinkIndex)
{
    public override string ToString() => $"{Subject} on link {LinkIndex}";
}
