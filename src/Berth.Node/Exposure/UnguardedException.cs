namespace Berth.Node.Exposure;

/// <summary>A run that must be kept from the machine cannot be.</summary>
public sealed class UnguardedException(string message) : IOException(message);
