using System.CommandLine;
using System.Text;
using Berth.Cli.Rendering;
using Berth.Jobs.Definitions;
using Berth.Protocol;
using Berth.Protocol.Sealing;

namespace Berth.Cli.Commands;

/// <summary><c>berth secret</c>: values that jobs need and nobody else may read. They are sealed here; the market gets what it cannot open.</summary>
internal static class SecretCommand
{
    public static Command Make(Surroundings around) => new("secret", "Keep values that jobs need and nobody else may read.")
    {
        MakeSet(around),
        MakeList(around),
        MakeRemove(around),
    };

    private static Command MakeSet(Surroundings around)
    {
        var access = new ServerAccess(around);
        var (name, format) = (NameArgument(), CommonOptions.Format());
        var file = new Option<string?>("--file", "-f") { Description = "Take the value from this file. Default: standard input, or a question on a terminal.", HelpName = "file" };
        var held = new Option<bool>("--market-held")
        {
            Description = "Let the market hand it over to nodes while you are away. Its operator can then read the value.",
        };
        var command = new Command("set", "Set a secret. The value never stands on the command line; a line end after it is dropped.") { name, file, held, access.Server, access.Key, format };
        command.SetAction((parsed, ct) => access.KeyedAsync(parsed, async (client, key) =>
        {
            var wanted = parsed.GetRequiredValue(name);
            if (await SecretInput.ReadAsync(around, wanted, parsed.GetValue(file), ct) is not { } value)
            {
                return ExitCode.WrongUse;
            }

            using var own = DecryptionKey.Of(key);
            var market = parsed.GetValue(held) ? await MarketKeyAsync(around, client, ct) : null;
            if (parsed.GetValue(held) && market is null)
            {
                return ExitCode.WrongUse;
            }

            var set = await client.SetSecretAsync(wanted, new SecretDraft { Box = SecretBox.Seal(wanted, value, own.Published, market), IsMarketHeld = market is not null }, ct);
            if (parsed.GetValue(format) == OutputFormat.Json)
            {
                Printed.Json(around, set, json => json.SecretFacts);
                return ExitCode.Success;
            }

            await around.Error.WriteLineAsync(market is null
                ? $"{wanted} is set: sealed with your key, the market stores what it cannot open. Jobs that name it need berth job post --wait, --node NODE, or berth job serve."
                : $"{wanted} is set, market-held: the market hands it over by itself, and so its operator ({market.Owner}) can read it, as can whoever gets at the server's key.");
            if (Encoding.UTF8.GetByteCount(value) < Node.Runs.SecretMask.ShortestMasked)
            {
                await around.Error.WriteLineAsync($"berth: a value of less than {Node.Runs.SecretMask.ShortestMasked} bytes is not masked in logs.");
            }

            return ExitCode.Success;
        }));
        return command;
    }

    private static Command MakeList(Surroundings around)
    {
        var access = new ServerAccess(around);
        var format = CommonOptions.Format();
        var command = new Command("list", "List your secrets by name, without their values.") { access.Server, access.Key, format };
        command.SetAction((parsed, ct) => access.SignedAsync(parsed, async (client, _) =>
        {
            var page = await client.ListSecretsAsync(ct);
            if (parsed.GetValue(format) == OutputFormat.Json)
            {
                Printed.Json(around, page, json => json.PageSecretFacts);
            }
            else if (page.Items.IsEmpty)
            {
                await around.Error.WriteLineAsync("You have no secrets. berth secret set NAME sets one.");
            }
            else
            {
                Table.Write(
                    around,
                    ["NAME", "SET", "OPENED BY"],
                    [.. page.Items.Select(one => (IReadOnlyList<string>)[one.Name, Printed.Time(one.SetAt), one.IsMarketHeld ? "you and the market" : "you"])]);
            }

            return ExitCode.Success;
        }));
        return command;
    }

    private static Command MakeRemove(Surroundings around)
    {
        var access = new ServerAccess(around);
        var name = NameArgument();
        var command = new Command("remove", "Forget a secret. Jobs that wait and name it will fail.") { name, access.Server, access.Key };
        command.SetAction((parsed, ct) => access.SignedAsync(parsed, async (client, _) =>
        {
            await client.RemoveSecretAsync(parsed.GetRequiredValue(name), ct);
            await around.Error.WriteLineAsync($"{parsed.GetRequiredValue(name)} is forgotten.");
            return ExitCode.Success;
        }));
        return command;
    }

    private static async Task<EncryptionKey?> MarketKeyAsync(Surroundings around, MarketClient client, CancellationToken ct)
    {
        var server = await client.DescribeAsync(ct);
        if (server.EncryptionKey is { IsGenuine: true } key && key.Owner == server.Operator)
        {
            return key;
        }

        await around.Error.WriteLineAsync("berth: this server has no encryption key that its operator signed, so it cannot hold secrets.");
        return null;
    }

    private static Argument<string> NameArgument() => new("name")
    {
        Description = "The secret's name: a letter, then letters, digits and _.",
        Validators =
        {
            argument =>
            {
                if (argument.Tokens is [{ Value: var name }] && !SecretReference.IsName(name))
                {
                    argument.AddError(name.Contains('=') ? "The value of a secret never stands on the command line; give the name only." : SecretReference.NameRule);
                }
            },
        },
    };
}
