using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.KubeApi.Requests;

namespace FlannelCni.TestKit.KubeApi.Encodings;

/// <summary>The first form that a client accepts and the server has.</summary>
internal sealed class Negotiation(IReadOnlyList<ObjectEncoding> encodings, TimeProvider time)
{
    /// <exception cref="ApiStatusException">406.</exception>
    internal ObjectEncoding Choose(KubeRequest request, ResourceType type)
    {
        string[] accepted = request.Accept.Split(
            ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (string clause in accepted.Length == 0 ? ["*/*"] : accepted)
        {
            string[] parts = clause.Split(';', StringSplitOptions.TrimEntries);
            string media = parts[0] is "*/*" or "application/*" ? encodings[0].MediaType : parts[0];
            bool isPlain = !parts.Any(static part => part.StartsWith("as=", StringComparison.Ordinal));
            if (parts.Contains("as=Table") && media == encodings[0].MediaType)
            {
                return new TableEncoding(request.Query.GetValueOrDefault("includeObject", ""), time);
            }

            ObjectEncoding? found = encodings.FirstOrDefault(
                encoding => isPlain && encoding.MediaType == media && encoding.Knows(type));
            if (found is not null)
            {
                return found;
            }
        }

        throw ApiStatusException.NotAcceptable(encodings.Select(static encoding => encoding.MediaType));
    }
}
