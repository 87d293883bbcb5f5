namespace Berth.Jobs.Definitions;

/// <summary>The notation a definition is written in.</summary>
public enum DocumentFormat
{
    /// <summary>JSON, with comments and trailing commas allowed.</summary>
    Json,

    /// <summary>YAML 1.2 with its core schema, one document.</summary>
    Yaml,
}
