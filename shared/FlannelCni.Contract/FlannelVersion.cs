namespace FlannelCni.Contract;

/// <summary>What both programs call themselves.</summary>
public static class FlannelVersion
{
    /// <summary>VersionPrefix of Directory.Build.props, as a constant: asking the assembly for it costs time.</summary>
    public const string Text = "0.1.0";
}
