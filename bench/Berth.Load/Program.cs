using Berth.Load;
using Berth.Protocol.Identity;

if (args is not [var what, var server, var operatorKey, .. var numbers] || numbers.Length < 2)
{
    Console.Error.WriteLine("usage: berth-load post|claim|wait SERVER OPERATOR-KEY COUNT SIDE-BY-SIDE");
    return 2;
}

var (count, beside) = (int.Parse(numbers[0]), int.Parse(numbers[1]));
using var key = KeyFile.Read(operatorKey).Key ?? throw new InvalidDataException("The operator's key cannot be read.");
using var transport = new SocketsHttpHandler { MaxConnectionsPerServer = int.MaxValue, PooledConnectionIdleTimeout = TimeSpan.FromMinutes(10) };
var load = new NetworkLoad(new Uri(server), key, transport);
Console.WriteLine(what switch
{
    "post" => await load.PostAsync(count, beside),
    "claim" => await load.ClaimAsync(count, beside),
    "wait" => await load.WaitAsync(nodes: count, posts: beside),
    _ => throw new ArgumentException($"There is no load '{what}'."),
});
return 0;
