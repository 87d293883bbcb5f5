using System.Net;

namespace Berth.Protocol;

/// <summary>The server refused, or could not be reached. The message is a sentence for people.</summary>
public sealed class MarketException : Exception
{
    public MarketException(string message, ServerProblem? problem = null, HttpStatusCode? status = null, Exception? inner = null)
        : base(message, inner)
    {
        Problem = problem;
        Status = status;
    }

    /// <summary>What the server answered; null when it was not reached.</summary>
    public ServerProblem? Problem { get; }

    /// <summary>The answer's status; null when the server was not reached.</summary>
    public HttpStatusCode? Status { get; }

    /// <summary>One of <see cref="ProblemTypes"/>, or null.</summary>
    public string? Code => Problem?.Code;

    /// <summary>The same request may succeed later: the network, the server or its database is away, or it asks for patience.</summary>
    public bool IsTransient => Status is null or HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;
}
