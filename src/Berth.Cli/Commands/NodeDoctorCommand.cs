using System.CommandLine;
using System.Text.Json;
using Berth.Cli.Rendering;
using Berth.Containers;
using Berth.Node.Doctor;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Cli.Commands;

/// <summary><c>berth node doctor</c>: looks at everything a node needs, and says how to mend what is wrong.</summary>
internal static class NodeDoctorCommand
{
    public static Command Make(Surroundings around)
    {
        var access = new ServerAccess(around);
        var market = new Option<string?>("--market", "-m") { Description = "Also look whether this machine may and can serve the market.", HelpName = "market" };
        var format = CommonOptions.Format();
        var command = new Command("doctor", "See whether this machine can be a node, and how to mend what is wrong.") { market, access.Server, access.Key, format };
        command.SetAction(async (parsed, ct) =>
        {
            if (access.Address(parsed) is not { } server)
            {
                return (int)ExitCode.WrongUse;
            }

            var reading = KeyFile.Read(parsed.GetValue(access.Key) ?? around.KeyFile);
            using var key = reading.Key;
            using var client = MarketClient.Connect(server, key, around.Time);
            await using var engine = DockerEngine.Connect(EngineAddress.Find(around.Environment));
            var doctor = new NodeDoctor(engine, client, server, around.StateDirectory, around.Time);
            var isJson = parsed.GetValue(format) == OutputFormat.Json;
            var worst = ExitCode.Success;
            await foreach (var finding in doctor.LookAsync(reading, parsed.GetValue(market), ct))
            {
                Print(around, finding, isJson);
                worst = finding.Health switch
                {
                    Health.Unreachable => ExitCode.Unreachable,
                    Health.Fail when worst == ExitCode.Success => ExitCode.WrongUse,
                    _ => worst,
                };
            }

            return (int)worst;
        });
        return command;
    }

    private static void Print(Surroundings around, Finding finding, bool isJson)
    {
        if (isJson)
        {
            around.Output.Write(JsonSerializer.SerializeToUtf8Bytes(finding, FindingJson.Default.Finding));
            around.Output.WriteByte((byte)'\n');
            return;
        }

        var palette = new Palette(around.IsOutputTerminal && around.HasColour);
        var word = finding.Health switch
        {
            Health.Ok => palette.Good("ok  "),
            Health.Warn => palette.Doubtful("warn"),
            _ => palette.Bad("fail"),
        };
        around.WriteLine($"{word}  {finding.Subject,-8}  {finding.Sentence}");
        if (finding.Fix is { } fix)
        {
            around.WriteLine($"                → {fix}");
        }
    }
}
