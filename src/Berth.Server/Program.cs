using Berth.Server;

return await ServerCommand.RunAsync(args);
