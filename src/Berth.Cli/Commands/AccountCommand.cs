using System.CommandLine;
using Berth.Cli.Rendering;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Cli.Commands;

/// <summary><c>berth account</c>: what an address has and why.</summary>
internal static class AccountCommand
{
    public static Command Make(Surroundings around) => new("account", "See what an address has; grant NOS as the operator.")
    {
        MakeBalance(around), MakeEntries(around), MakeGrant(around),
    };

    private static Command MakeBalance(Surroundings around)
    {
        var access = new ServerAccess(around);
        var (address, format) = (AddressArgument("Whose. Default your own.", ArgumentArity.ZeroOrOne), CommonOptions.Format());
        var command = new Command("balance", "Show what an address has, and what is held for its jobs.") { address, access.Server, access.Key, format };
        command.SetAction((parsed, ct) => access.SignedAsync(parsed, async (client, own) =>
        {
            var account = await client.GetAccountAsync(parsed.GetValue(address) ?? own, ct);
            if (parsed.GetValue(format) == OutputFormat.Json)
            {
                Printed.Json(around, account, json => json.AccountFacts);
            }
            else
            {
                Table.WritePairs(around, ("address", account.Address.Value), ("balance", $"{account.Balance} NOS"), ("escrow", $"{account.Escrow} NOS"));
            }

            return ExitCode.Success;
        }));
        return command;
    }

    private static Command MakeEntries(Surroundings around)
    {
        var access = new ServerAccess(around);
        var (address, format) = (AddressArgument("Whose. Default your own.", ArgumentArity.ZeroOrOne), CommonOptions.Format());
        var after = new Option<string?>("--after") { Description = "Go on after that cursor; the end of a list says it.", HelpName = "cursor" };
        var command = new Command("entries", "List what came and went, newest first.") { address, after, access.Server, access.Key, format };
        command.SetAction((parsed, ct) => access.SignedAsync(parsed, async (client, own) =>
        {
            var page = await client.ListEntriesAsync(parsed.GetValue(address) ?? own, parsed.GetValue(after), ct);
            if (parsed.GetValue(format) == OutputFormat.Json)
            {
                Printed.Json(around, page, json => json.PageEntryFacts);
            }
            else if (page.Items.IsEmpty)
            {
                await around.Error.WriteLineAsync("Nothing has come or gone yet.");
            }
            else
            {
                Table.Write(
                    around,
                    ["TIME", "WHAT", "NOS", "BALANCE", "FOR"],
                    [.. page.Items.Select(entry => (IReadOnlyList<string>)[Printed.Time(entry.At), $"{entry.Kind}", $"{entry.Amount}", $"{entry.Balance}", entry.Job?.Value ?? entry.Memo ?? ""])]);
                if (page.Next is { } next)
                {
                    await around.Error.WriteLineAsync($"There are more: --after {next}");
                }
            }

            return ExitCode.Success;
        }));
        return command;
    }

    private static Command MakeGrant(Surroundings around)
    {
        var access = new ServerAccess(around);
        var address = AddressArgument("Who gets it.", ArgumentArity.ExactlyOne);
        var amount = new Argument<Nos>("nos")
        {
            Description = "How much, in NOS with at most six decimals.",
            CustomParser = argument =>
            {
                var text = argument.Tokens is [{ Value: var value }] ? value : "";
                if (!Nos.TryParse(text, null, out var nos))
                {
                    argument.AddError($"'{text}' is no amount of NOS: a number with at most six decimals.");
                }

                return nos;
            },
        };
        var memo = new Option<string?>("--memo") { Description = "What for.", HelpName = "text" };
        var once = new Option<string?>("--once") { Description = "A text that stands for this grant; granting again under the same one gives nothing.", HelpName = "text" };
        var format = CommonOptions.Format();
        var command = new Command("grant", "Give NOS to an address. Sign with the operator's key.") { address, amount, memo, once, access.Server, access.Key, format };
        command.SetAction((parsed, ct) => access.SignedAsync(parsed, async (client, _) =>
        {
            var key = parsed.GetValue(once) ?? Guid.NewGuid().ToString("N");
            var entry = await access.OnceAsync(
                () => client.GrantAsync(parsed.GetValue(address)!.Value, new Grant(parsed.GetRequiredValue(amount), parsed.GetValue(memo)), key, ct), ct);
            if (parsed.GetValue(format) == OutputFormat.Json)
            {
                Printed.Json(around, entry, json => json.EntryFacts);
            }
            else
            {
                around.WriteLine($"{parsed.GetValue(address)} has {entry.Balance} NOS now, {entry.Amount} of them from this grant.");
            }

            return ExitCode.Success;
        }));
        return command;
    }

    private static Argument<Address?> AddressArgument(string description, ArgumentArity arity) => new("address")
    {
        Description = description,
        Arity = arity,
        CustomParser = argument =>
        {
            var text = argument.Tokens is [{ Value: var value }] ? value : "";
            if (Address.TryParse(text, null, out var address))
            {
                return address;
            }

            argument.AddError($"'{text}' is no address: base58 of 32 bytes.");
            return null;
        },
    };
}
