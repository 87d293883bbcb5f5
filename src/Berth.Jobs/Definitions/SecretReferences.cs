using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>Finds the places of an operation's arguments where a secret is named, and puts texts there.</summary>
public static class SecretReferences
{
    /// <summary>Every secret the definition names, in the order of the document, a name as often as it stands there.</summary>
    public static ImmutableArray<SecretReference> In(JobDefinition definition) =>
    [
        .. from operation in definition.Operations.OfType<RunContainer>()
           from found in In(operation.Template, DocumentPath.Root.Member("ops").Item(operation.Index).Member("args"))
           select found,
    ];

    /// <summary>Whether a secret is named anywhere in the arguments.</summary>
    internal static bool StandIn(ObjectNode arguments) => In(arguments, DocumentPath.Root).Count > 0;

    /// <summary>The arguments with a text in place of each reference.</summary>
    internal static ObjectNode Replace(ObjectNode arguments, DocumentPath path, Func<SecretReference, string> textOf) => Change(arguments, path, (node, place) =>
        SecretReference.NameIn(node) is { } name ? new TextNode(textOf(new SecretReference(name, place.ToString(), node.Position)), node.Position) : node);

    private static List<SecretReference> In(ObjectNode arguments, DocumentPath path)
    {
        var found = new List<SecretReference>();
        Change(arguments, path, (node, place) =>
        {
            if (SecretReference.NameIn(node) is { } name)
            {
                found.Add(new SecretReference(name, place.ToString(), node.Position));
            }

            return node;
        });
        return found;
    }

    private static ObjectNode Change(ObjectNode arguments, DocumentPath path, Func<DocumentNode, DocumentPath, DocumentNode> change)
    {
        arguments = In(arguments, path, "env", (env, place) => Each(env, place, change));
        arguments = In(arguments, path, "authentication", (login, place) => login is ObjectNode map ? In(map, place, "docker", (docker, inner) => Each(docker, inner, change)) : login);
        return In(arguments, path, "resources", (resources, place) => resources is ListNode list
            ? list with { Items = [.. list.Items.Select((item, index) => OfResource(item, place.Item(index), change))] }
            : resources);
    }

    private static DocumentNode OfResource(DocumentNode resource, DocumentPath path, Func<DocumentNode, DocumentPath, DocumentNode> change) => resource is ObjectNode map
        ? In(In(map, path, "IAM", (keys, place) => Each(keys, place, change)), path, "accessToken", change)
        : resource;

    private static DocumentNode Each(DocumentNode node, DocumentPath path, Func<DocumentNode, DocumentPath, DocumentNode> change) => node is ObjectNode map
        ? map with { Members = [.. map.Members.Select(member => Marker.IsMarkerName(member.Name) ? member : member with { Value = change(member.Value, path.Member(member.Name)) })] }
        : node;

    private static ObjectNode In(ObjectNode map, DocumentPath path, string name, Func<DocumentNode, DocumentPath, DocumentNode> change) =>
        map with { Members = [.. map.Members.Select(member => member.Name == name ? member with { Value = change(member.Value, path.Member(name)) } : member)] };
}
