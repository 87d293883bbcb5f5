using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Berth.Jobs.Definitions;

/// <summary>Reads <c>resources</c> (job-language.md 1.14), each kind in the shapes of both generations.</summary>
internal sealed partial class ResourceReader(ArgumentsReader arguments, ProblemList problems)
{
    /// <summary>The greatest number that JSON texts carry exactly.</summary>
    private const double LargestFile = 1L << 53;

    private const string DefaultOllamaTarget = "/root/.ollama/models";

    private static readonly ImmutableArray<string> Types = ["S3", "HF", "Ollama", "IPFS", "HTTP", "Git"];

    public ImmutableArray<Resource> Read(Form form)
    {
        var resources = ImmutableArray.CreateBuilder<Resource>();
        foreach (var (node, path) in arguments.Elements(form, "resources"))
        {
            if (Form.ObjectOf(node, path, problems) is { } resource && ReadOne(resource) is { } read)
            {
                resources.Add(read);
            }
        }

        return resources.ToImmutable();
    }

    public Resource? ReadOne(Form form)
    {
        form.Required("type", $"one of {string.Join(", ", Types)}");
        return form.Word("type", Types) switch
        {
            "S3" => S3(form.Knows(LanguageMembers.S3Resource)),
            "HF" => HuggingFace(form.Knows(LanguageMembers.HuggingFaceResource)),
            "Ollama" => Ollama(form.Knows(LanguageMembers.OllamaResource)),
            "IPFS" => Ipfs(form.Knows(LanguageMembers.IpfsResource)),
            "HTTP" => Http(form.Knows(LanguageMembers.HttpResource)),
            "Git" => Git(form.Knows(LanguageMembers.GitResource)),
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

    private Resource Http(Form form)
    {
        var url = WebAddress(form);
        var name = NotEmpty(form, "name");
        if (name is not null && !arguments.IsOpen(name) && (name is "." or ".." || name.AsSpan().ContainsAny('/', '\\', '\0')))
        {
            form.Refuse("name", "The name of a file has no '/' in it.", "a file's name");
        }

        var digest = form.Text("sha256");
        if (digest is not null && !arguments.IsOpen(digest) && !Digest.IsMatch(digest))
        {
            form.Refuse("sha256", "A SHA-256 digest is 64 hexadecimal digits.", "64 hexadecimal digits");
        }

        return new Resource
        {
            Type = "HTTP",
            Url = url,
            Target = Target(form),
            FileName = name,
            Sha256 = digest?.ToLowerInvariant(),
            Size = Size(form),
        };
    }

    private Resource Git(Form form) => new()
    {
        Type = "Git",
        Url = WebAddress(form),
        Target = Target(form),
        Revision = NotEmpty(form, "revision") is { } revision && (arguments.IsOpen(revision) || GitRevision.IsMatch(revision)) ? revision : RefusedRevision(form),
        AccessToken = form.Text("accessToken"),
    };

    private static string? RefusedRevision(Form form)
    {
        if (form.Has("revision"))
        {
            form.Refuse("revision", "A revision is a branch, a tag or a commit.");
        }

        return null;
    }

    private string? WebAddress(Form form)
    {
        form.Required("url", "an https:// or http:// address");
        var url = NotEmpty(form, "url");
        if (url is not null && !arguments.IsOpen(url) && !(Uri.TryCreate(url, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"))
        {
            form.Refuse("url", "This resource is at an https:// or http:// address.", "an https:// or http:// address");
        }

        return url;
    }

    private static long? Size(Form form)
    {
        if (form.Number("size") is not { } number)
        {
            return null;
        }

        if (number is >= 0 and <= LargestFile && Math.Floor(number) == number)
        {
            return (long)number;
        }

        form.Refuse("size", "'size' is the file's bytes, a whole number.", "a whole number of bytes");
        return null;
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

    // git's own rules are finer; this keeps what could be taken for an option or a pattern from it.
    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_./+-]{0,250}\z")]
    private static partial Regex GitRevision { get; }

    [GeneratedRegex(@"^[0-9A-Fa-f]{64}\z")]
    private static partial Regex Digest { get; }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)?\z")]
    private static partial Regex Repository { get; }
}
