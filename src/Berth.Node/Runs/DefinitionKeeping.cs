using System.Text;
using Berth.Jobs.Definitions;

namespace Berth.Node.Runs;

/// <summary>Makes the text of a definition that may rest on a disk: without its registry logins and without the keys and tokens of its resources.</summary>
public static class DefinitionKeeping
{
    public static string WithoutLogins(JobDefinition definition, out bool hadLogins)
    {
        var kept = Strip(definition.Document, out hadLogins);
        return Encoding.UTF8.GetString(JobDefinitionWriter.Write(kept));
    }

    private static ObjectNode Strip(ObjectNode document, out bool stripped)
    {
        var found = false;
        var result = document with
        {
            Members = [.. document.Members.Select(member => member is { Name: "ops", Value: ListNode operations }
                ? member with { Value = operations with { Items = [.. operations.Items.Select(StripOperation)] } }
                : member)],
        };
        stripped = found;
        return result;

        DocumentNode StripOperation(DocumentNode operation) =>
            Without(operation, "args", arguments => Without(Without(arguments, "authentication", Nothing), "resources", StripResources));

        DocumentNode StripResources(DocumentNode resources) => resources is ListNode list
            ? list with { Items = [.. list.Items.Select(resource => Without(Without(resource, "IAM", Nothing), "accessToken", Nothing))] }
            : resources;

        DocumentNode? Nothing(DocumentNode secret)
        {
            found = true;
            return null;
        }
    }

    private static DocumentNode Without(DocumentNode node, string name, Func<DocumentNode, DocumentNode?> change) => node is ObjectNode map
        ? map with
        {
            Members = [.. from member in map.Members
                          let value = member.Name == name ? change(member.Value) : member.Value
                          where value is not null
                          select member with { Value = value }],
        }
        : node;
}
