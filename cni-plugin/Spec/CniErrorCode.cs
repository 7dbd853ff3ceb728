namespace FlannelCni.Plugin.Spec;

/// <summary>Codes of an error document: SPEC.md, "Error", and the Go library's additions.</summary>
internal enum CniErrorCode
{
    /// <summary>Also: another plugin ended without a word that could be read.</summary>
    Unknown = 0,

    IncompatibleVersion = 1,
    UnsupportedField = 2,
    UnknownContainer = 3,
    InvalidEnvironment = 4,
    IoFailure = 5,
    DecodingFailure = 6,
    InvalidNetworkConfig = 7,
    InvalidNetNamespace = 8,
    TryAgainLater = 11,

    /// <summary>STATUS: no pod can be attached.</summary>
    PluginNotAvailable = 50,

    /// <summary>STATUS: nor are the attached ones safe.</summary>
    LimitedConnectivity = 51,

    /// <summary>Anything else that went wrong; the Go library's catch-all.</summary>
    Internal = 999,
}
