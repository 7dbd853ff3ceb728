namespace FlannelCni.Contract;

/// <summary>What both programs call themselves.</summary>
public static class FlannelVersion
{
    /// <summary>VersionPrefix of Directory.Build.props, as a constant: reading it from the assembly costs start-up time.</summary>
    public const string Text = "0.1.0";
}
