using System.Security.Cryptography;
using System.Text;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Masquerade;

namespace FlannelCni.UnitTests.Plugin.Masquerade;

/// <summary>Names that upstream's plugins look for.</summary>
public sealed class MasqueradeRulesTests
{
    [Theory]
    [InlineData("", "cf83e1357eefb8bd")]
    [InlineData("abc", "ddaf35a193617aba")]
    [InlineData("unit-test", "6fd94d501e58f0aa")]
    [InlineData("eth0:one", "287fc69eff0574a2")]
    public void The_hash_is_SHA_512(string text, string digits) =>
        Assert.Equal(digits, Sha512.HexPrefix(text, 16));

    [Theory]
    [InlineData(111)]
    [InlineData(112)]
    [InlineData(128)]
    [InlineData(300)]
    public void Texts_of_any_length_are_padded_as_the_library_does(int length)
    {
        string text = new('x', length);

        byte[] expected = SHA512.HashData(Encoding.UTF8.GetBytes(text));
        Assert.Equal(Convert.ToHexStringLower(expected), Sha512.HexPrefix(text, 128));
    }

    [Fact]
    public void An_attachment_is_known_by_network_interface_and_container() => Assert.Equal(
        "6fd94d501e58f0aa-287fc69eff0574a2",
        new MasqueradeRules("unit-test", new Attachment("one", "eth0", "/run/netns/one")).Key);
}
