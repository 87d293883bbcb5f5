namespace Berth.Jobs.Definitions;

public static class JobSchema
{
    public static string Text => "{}";
}
