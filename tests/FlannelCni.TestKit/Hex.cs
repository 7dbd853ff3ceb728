namespace FlannelCni.TestKit;

/// <summary>Bytes as tests write them: hexadecimal digits, with blanks and line ends where they help the eye.</summary>
public static class Hex
{
    public static byte[] Bytes(string text) =>
        Convert.FromHexString(string.Concat(text.Where(static c => !char.IsWhiteSpace(c))));

    /// <summary>In groups of four bytes.</summary>
    public static string Text(ReadOnlySpan<byte> bytes) =>
        string.Join(' ', Convert.ToHexString(bytes).Chunk(8).Select(static group => new string(group)));
}
