namespace FlannelCni.Plugin;

/// <summary>The CNI plugin <c>flannel</c>.</summary>
internal static class Program
{
    private static int Main() => 0;
}
