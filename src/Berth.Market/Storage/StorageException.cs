namespace Berth.Market.Storage;

/// <summary>The database cannot be used, is away or full. The message says which, and what to do; what was asked did not happen.</summary>
public sealed class StorageException : Exception
{
    public StorageException(string message, Exception inner)
        : base(message, inner)
    {
    }

    public StorageException(string message)
        : base(message)
    {
    }
}
