using System.CommandLine;
using System.Text.Json;
using Berth.Protocol.Identity;

namespace Berth.Cli.Commands;

/// <summary><c>berth key</c>: makes, shows and takes over the key that this user signs with. The key itself is never printed.</summary>
internal static class KeyCommand
{
    public static Command Make(Surroundings around) => new("key", "Make, show or import the key you sign with. Whoever has it has your money.")
    {
        MakeNew(around),
        MakeShow(around),
        MakeImport(around),
    };

    public static void WriteJson(Surroundings around, Address address, string file)
    {
        using (var json = new Utf8JsonWriter(around.Output, CommonOptions.Indented))
        {
            json.WriteStartObject();
            json.WriteString("address", address.Value);
            json.WriteString("file", Path.GetFullPath(file));
            json.WriteEndObject();
        }

        around.Output.WriteByte((byte)'\n');
    }

    private static Command MakeNew(Surroundings around)
    {
        var file = FileArgument();
        var force = ForceOption();
        var format = CommonOptions.Format();
        var command = new Command("new", "Make a new key.") { file, force, format };
        command.SetAction(parsed =>
        {
            using var key = SigningKey.New();
            return (int)Keep(around, key, parsed.GetValue(file) ?? around.KeyFile, parsed.GetValue(force), parsed.GetValue(format));
        });
        return command;
    }

    private static Command MakeShow(Surroundings around)
    {
        var file = FileArgument();
        var format = CommonOptions.Format();
        var command = new Command("show", "Show a key's address and where the key is kept.") { file, format };
        command.SetAction(parsed =>
        {
            using var key = OwnKey.Read(around, parsed.GetValue(file));
            if (key is null)
            {
                return (int)ExitCode.WrongUse;
            }

            Show(around, key.Address, parsed.GetValue(file) ?? around.KeyFile, parsed.GetValue(format));
            return (int)ExitCode.Success;
        });
        return command;
    }

    private static Command MakeImport(Surroundings around)
    {
        var source = Named(new Argument<string>("file") { Description = "A key file of Solana's or Nosana's tools. It stays as it is." });
        var force = ForceOption();
        var format = CommonOptions.Format();
        var command = new Command("import", "Make the key in a file your own: copy it to $BERTH_KEY, else ~/.config/berth/key.json.") { source, force, format };
        command.SetAction(parsed =>
        {
            using var key = OwnKey.Read(around, parsed.GetRequiredValue(source));
            return (int)(key is null ? ExitCode.WrongUse : Keep(around, key, around.KeyFile, parsed.GetValue(force), parsed.GetValue(format)));
        });
        return command;
    }

    private static ExitCode Keep(Surroundings around, SigningKey key, string file, bool force, OutputFormat format)
    {
        if (!KeyFile.Write(file, key, force))
        {
            around.Error.WriteLine($"berth: There is a key file {file} already; nothing was changed. --force replaces it, and what belongs to the old key is lost unless you have a copy.");
            return ExitCode.WrongUse;
        }

        Show(around, key.Address, file, format);
        around.Error.WriteLine("Whoever has this file has the money of this address, and nobody can make it again: keep a copy where only you get at it.");
        return ExitCode.Success;
    }

    private static void Show(Surroundings around, Address address, string file, OutputFormat format)
    {
        if (format == OutputFormat.Json)
        {
            WriteJson(around, address, file);
        }
        else
        {
            around.WriteLine($"address   {address}");
            around.WriteLine($"key file  {Path.GetFullPath(file)}");
        }
    }

    private static Argument<string?> FileArgument() => Named(new Argument<string?>("file")
    {
        Description = "The key file. Default $BERTH_KEY, else ~/.config/berth/key.json.",
        Arity = ArgumentArity.ZeroOrOne,
    });

    private static Argument<T> Named<T>(Argument<T> file)
    {
        file.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: "" }])
            {
                result.AddError("An empty name points at no key file.");
            }
        });
        return file;
    }

    private static Option<bool> ForceOption() => new("--force") { Description = "Replace a key file that is there." };
}
