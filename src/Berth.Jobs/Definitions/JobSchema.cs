namespace Berth.Jobs.Definitions;

/// <summary>The JSON Schema (draft-07) of job definitions, for editors and other programs. It says of structure what the reader says.</summary>
public static class JobSchema
{
    private const string Resource = "job-definition.schema.json";

    /// <summary>The schema's own text.</summary>
    public static string Text { get; } = Load();

    private static string Load()
    {
        using var stream = typeof(JobSchema).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"The resource {Resource} was not built in.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
