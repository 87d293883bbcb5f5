using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>Merges the global defaults into the arguments of one operation, as nodes, so that what is filled later sees everything (job-language.md 1.4).</summary>
internal static class ArgumentsTemplate
{
    private static readonly ImmutableArray<string> Defaults = ["image", "entrypoint", "work_dir", "gpu"];

    public static ObjectNode Of(ObjectNode arguments, ObjectNode? global)
    {
        if (global is null)
        {
            return arguments;
        }

        var members = arguments.Members.ToList();
        foreach (var name in Defaults)
        {
            if (global[name] is not { } value)
            {
                continue;
            }

            var own = members.FindIndex(member => member.Name == name);
            if (own < 0)
            {
                members.Add(new ObjectMember(name, value, value.Position));
            }
            else if (members[own].Value is TextNode { Value: "" } && name is not "image")
            {
                members[own] = members[own] with { Value = value };
            }
        }

        if (global["env"] is ObjectNode { Members.IsEmpty: false } shared)
        {
            var own = members.FindIndex(member => member.Name == "env");
            if (own < 0)
            {
                members.Add(new ObjectMember("env", shared, shared.Position));
            }
            else if (members[own].Value is ObjectNode env)
            {
                members[own] = members[own] with { Value = Over(shared, env) };
            }
        }

        return arguments with { Members = [.. members] };
    }

    /// <summary>The shared members first, in their places, an own one of the same name instead of it; then the other own ones.</summary>
    private static ObjectNode Over(ObjectNode shared, ObjectNode own)
    {
        var byName = own.Members.ToDictionary(member => member.Name, StringComparer.Ordinal);
        var names = shared.Members.Select(member => member.Name).ToHashSet(StringComparer.Ordinal);
        return own with
        {
            Members =
            [
                .. shared.Members.Select(member => byName.GetValueOrDefault(member.Name, member)),
                .. own.Members.Where(member => !names.Contains(member.Name)),
            ],
        };
    }
}
