using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Berth.Jobs.Definitions;

/// <summary>Reads <c>resources</c> (job-language.md 1.14), each kind in the shapes of both generations.</summary>
internal sealed partial class ResourceReader(ArgumentsReader arguments, ProblemList problems)
{
    private const string DefaultOllamaTarget = "/root/.ollama/models";

    private static readonly ImmutableArray<string> Types = ["S3", "HF", "Ollama", "IPFS"];

    public ImmutableArray<Resource> Read(Form form)
    {
        var resources = ImmutableArray.CreateBuilder<Resource>();
        foreach (var (node, path) in arguments.Elements(form, "resources"))
        {
            if (Form.ObjectOf(node, path, problems) is { } resource && One(resource) is { } read)
            {
                resources.Add(read);
            }
        }

        return resources.ToImmutable();
    }

    private Resource? One(Form form)
    {
        form.Required("type", $"one of {string.Join(", ", Types)}");
        return form.Word("type", Types) switch
        {
            "S3" => S3(form.Knows(LanguageMembers.S3Resource)),
            "HF" => HuggingFace(form.Knows(LanguageMembers.HuggingFaceResource)),
            "Ollama" => Ollama(form.Knows(LanguageMembers.OllamaResource)),
            "IPFS" => Ipfs(form.Knows(LanguageMembers.IpfsResource)),
            _ => null,
        };
    }

    private Resource S3(Form form)
    {
        if (!form.Has("url") && !form.Has("bucket") && !form.Has("buckets"))
        {
            problems.Error(form.Path, form.Node.Position, "An S3 resource says where it is: 'url' is missing, or 'bucket', or 'buckets'.");
        }

        return new Resource
        {
            Type = "S3",
            Target = Target(form),
            Url = NotEmpty(form, "url"),
            Bucket = NotEmpty(form, "bucket"),
            Buckets = Buckets(form),
            Files = arguments.Texts(form, "files"),
            AllowWrite = form.Flag("allowWrite") ?? false,
            Credentials = Credentials(form),
        };
    }

    private ImmutableArray<ResourceBucket> Buckets(Form form)
    {
        if (form["buckets"] is ListNode { Items.IsEmpty: true })
        {
            form.Refuse("buckets", "The list of buckets is empty.");
        }

        var buckets = ImmutableArray.CreateBuilder<ResourceBucket>();
        foreach (var (node, path) in arguments.Elements(form, "buckets"))
        {
            if (Form.ObjectOf(node, path, problems)?.Knows(LanguageMembers.ResourceBucket) is { } bucket)
            {
                bucket.Required("url", "a text");
                buckets.Add(new ResourceBucket(NotEmpty(bucket, "url") ?? "", arguments.Texts(bucket, "files")));
            }
        }

        return buckets.ToImmutable();
    }

    private static S3Credentials? Credentials(Form form)
    {
        if (form.Object("IAM")?.Knows(LanguageMembers.S3Credentials) is not { } keys)
        {
            return null;
        }

        return new S3Credentials(
            keys.TextOrSecret("REGION"),
            keys.RequiredTextOrSecret("ACCESS_KEY_ID") ?? "",
            keys.RequiredTextOrSecret("SECRET_ACCESS_KEY") ?? "");
    }

    private Resource HuggingFace(Form form)
    {
        if (!form.Has("repo") && !form.Has("url"))
        {
            problems.Error(form.At("repo"), form.Node.Position, "'repo' is missing: the name of the repository, such as owner/name.", expected: "a text");
        }

        var repo = NotEmpty(form, "repo");
        if (repo is not null && !arguments.IsOpen(repo) && !Repository.IsMatch(repo))
        {
            form.Refuse("repo", "The name of a repository looks like owner/name.", "owner/name");
        }

        return new Resource
        {
            Type = "HF",
            Target = Target(form),
            Repo = repo,
            Url = NotEmpty(form, "url"),
            Revision = form.Text("revision"),
            Files = arguments.Texts(form, "files"),
            AccessToken = form.TextOrSecret("accessToken"),
        };
    }

    private Resource Ollama(Form form)
    {
        form.Required("model", "a text");
        return new Resource
        {
            Type = "Ollama",
            Model = NotEmpty(form, "model"),
            Target = form.Has("target") ? Target(form) : DefaultOllamaTarget,
        };
    }

    private Resource Ipfs(Form form)
    {
        form.Required("url", "ipfs:// and a content id, a gateway's URL, or the content id alone");
        return new Resource { Type = "IPFS", Url = NotEmpty(form, "url"), Target = Target(form) };
    }

    private string? Target(Form form)
    {
        if (form.RequiredText("target") is not { } target)
        {
            return null;
        }

        arguments.CheckPath(form, "target", target);
        return target;
    }

    private static string? NotEmpty(Form form, string name)
    {
        var text = form.Text(name);
        if (text is "")
        {
            form.Refuse(name, $"'{name}' is empty.");
        }

        return text;
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)?\z")]
    private static partial Regex Repository { get; }
}
